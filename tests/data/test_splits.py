import numpy as np

from tfqnoise.data.source import Examples
from tfqnoise.data.splits import hold_out


def _examples(names):
    count = len(names)
    return Examples(np.array(names), np.zeros((count, 2, 2, 1), np.uint8), np.arange(count))


def test_a_side_depends_on_the_id_alone():
    names = [f"id{n}" for n in range(3000)]
    kept, held = hold_out(_examples(names), 0.1, "validation")
    assert set(kept.ids) | set(held.ids) == set(names)
    assert not set(kept.ids) & set(held.ids)
    assert 240 < len(held) < 360
    fewer_kept, fewer_held = hold_out(_examples(names[::-3]), 0.1, "validation")
    assert set(fewer_held.ids) <= set(held.ids)
    assert set(fewer_kept.ids) <= set(kept.ids)


def test_a_larger_share_holds_the_smaller_one():
    examples = _examples([f"id{n}" for n in range(1000)])
    small, large = (set(hold_out(examples, share, "test")[1].ids) for share in (0.1, 0.3))
    assert small < large


def test_test_and_validation_are_drawn_independently():
    examples = _examples([f"id{n}" for n in range(4000)])
    one, other = (set(hold_out(examples, 0.5, use)[1].ids) for use in ("test", "validation"))
    assert 900 < len(one & other) < 1100
