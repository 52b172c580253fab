"""Draws faces in the layout of DISFA or BP4D, to try action units without the licensed data. They are not real."""

import argparse
import sys

from tfqnoise.data.drawn_faces import LAYOUTS, draw
from tfqnoise.errors import TfqnoiseError


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", help="where to write; a new directory")
    parser.add_argument("--layout", choices=sorted(LAYOUTS), default="disfa", help="whose layout")
    parser.add_argument("--subjects", type=int, default=12, help="people, spread over the three parts (default 12)")
    parser.add_argument("--frames", type=int, default=60, help="frames of each (default 60)")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws other people")
    flags = parser.parse_args()
    try:
        draw(flags.root, flags.layout, subjects=flags.subjects, frames=flags.frames, seed=flags.seed)
    except TfqnoiseError as error:
        print(f"tfqnoise: {error}", file=sys.stderr)
        return error.exit_code
    print(
        f"{flags.root} holds drawings, not faces; train on them with --dataset {flags.layout}:{flags.root} --fold 1"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
