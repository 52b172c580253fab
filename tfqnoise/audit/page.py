"""The pictures whose labels are most doubtful, as one page that needs nothing else."""

import base64
import html
from collections.abc import Sequence

import numpy as np

from tfqnoise.audit.evidence import Evidence, Scores
from tfqnoise.audit.result import worst_first
from tfqnoise.data import pictures

MOST = 200
_STYLE = """
:root { color-scheme: light dark; font: 16px/1.4 system-ui, sans-serif; }
body { margin: 1rem auto; max-width: 80rem; padding: 0 1rem; }
ul { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); list-style: none;
  padding: 0; }
li { border: 1px solid #8886; border-radius: .4rem; overflow-wrap: anywhere; padding: .5rem; }
li.flagged { border-color: #d33; }
img { aspect-ratio: 1; image-rendering: pixelated; object-fit: contain; width: 100%; }
small { opacity: .75; }
""".strip()


def page(title: str, lines: Sequence[str], evidence: Evidence, scores: Scores, images: np.ndarray) -> str:
    """Returns a page of HTML with the worst pictures, at most `MOST`, worst first.

    It has no script and loads nothing, and names and ids are escaped: a folder may be called <script>.

    Args:
        title: of the page.
        lines: paragraphs above the pictures.
        evidence: of N labels.
        scores: of the same.
        images: uint8 [N, H, W, C].
    """
    order = worst_first(evidence.ids, scores)[:MOST].tolist()
    text = "\n".join(f"<p>{html.escape(line)}</p>" for line in lines)
    cards = "\n".join(_card(evidence, scores, images[row], row) for row in order)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>
{_STYLE}
</style>
</head>
<body>
<h1>{html.escape(title)}</h1>
{text}
<ul>
{cards}
</ul>
</body>
</html>
"""


def _card(evidence: Evidence, scores: Scores, image: np.ndarray, row: int) -> str:
    name = html.escape(str(evidence.ids[row]))
    given = int(evidence.given[row])
    suggested = given if scores.suggested is None else int(scores.suggested[row])
    labels = f"<b>{html.escape(evidence.class_names[given])}</b>"
    if suggested != given:
        labels += f" → <b>{html.escape(evidence.class_names[suggested])}</b>"
    source = base64.b64encode(pictures.png(image)).decode()
    mark = ' class="flagged"' if scores.flagged[row] else ""
    return (
        f'<li{mark}><img alt="{name}" src="data:image/png;base64,{source}"><br>{labels}<br>'
        f"<small>{scores.score[row]:.3f} {name}</small></li>"
    )
