import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
from PIL import Image

from tfqnoise.audit.evidence import Evidence, Scores
from tfqnoise.audit.page import MOST, page

HOSTILE = "<script>alert('x')</script>&\"quoted\""


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def _page(count, channels=3):
    ids = np.array([f"{HOSTILE}/{n:04d}.png" for n in range(count)])
    given = np.arange(count) % 2
    evidence = Evidence(ids, given, (HOSTILE, "cat"))
    scores = Scores(np.linspace(0, 1, count), np.arange(count) > count // 2, 1 - given)
    images = np.random.default_rng(0).integers(0, 256, (count, 6, 5, channels), np.uint8)
    return page(HOSTILE, [HOSTILE], evidence, scores, images), images


def test_names_are_escaped_and_nothing_is_loaded():
    text, _ = _page(4)
    tags = _Tags()
    tags.feed(text)
    assert "script" not in {tag for tag, _ in tags.found}
    for _, attributes in tags.found:
        assert not {"onload", "onerror", "href"} & set(attributes)
        assert attributes.get("src", "data:image/png;base64,").startswith("data:image/png;base64,")
    assert next(a["alt"] for tag, a in tags.found if tag == "img") == f"{HOSTILE}/0003.png"
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in tags.found


def test_the_worst_come_first_whole_and_not_too_many():
    text, images = _page(MOST + 5)
    sources = re.findall(r'base64,([^"]+)"', text)
    assert len(sources) == MOST
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(sources[0]))))
    np.testing.assert_array_equal(shown, images[-1])


def test_grey_pictures_are_shown():
    text, images = _page(1, channels=1)
    source = re.findall(r'base64,([^"]+)"', text)[0]
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(source)))), images[0, ..., 0])
