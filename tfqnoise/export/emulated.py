"""Runs a model on pictures. This file is executed by another Python, for ARM64, which has NumPy and LiteRT only.

python emulated.py SITE MODEL INPUTS.npy OUTPUTS.npy
"""

import platform
import sys


def main(site: str, model: str, inputs: str, outputs: str) -> None:
    """Writes the first output for each input, and prints the machine and the versions that computed it."""
    sys.path.insert(0, site)
    import ai_edge_litert
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=model)
    interpreter.allocate_tensors()
    place, result = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    rows = []
    for picture in np.load(inputs):
        interpreter.set_tensor(place, picture[None])
        interpreter.invoke()
        rows.append(interpreter.get_tensor(result)[0])
    np.save(outputs, np.stack(rows))
    print(platform.machine(), ai_edge_litert.__version__)


if __name__ == "__main__":
    main(*sys.argv[1:])
