import numpy as np
import pytest

from tfqnoise.data.source import Examples
from tfqnoise.data.splits import hold_out, of_each_class, parts


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


def _grouped(groups, frames=20):
    ids = np.array([f"{group}/{n}" for group in groups for n in range(frames)])
    members = np.repeat(np.array(groups), frames)
    return Examples(ids, np.zeros((len(ids), 2, 2, 1), np.uint8), np.arange(len(ids)), members)


@pytest.mark.parametrize("count", range(2, 30))
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.99])
def test_groups_are_held_out_whole_at_least_one_and_never_all(count, share):
    kept, held = hold_out(_grouped([f"g{n}" for n in range(count)]), share, "validation")
    assert not set(kept.groups) & set(held.groups)
    assert len(set(held.groups)) == min(max(1, round(share * count)), count - 1)
    assert len(kept) + len(held) == 20 * count
    for part in (kept, held):
        assert [i.split("/")[0] for i in part.ids] == part.groups.tolist()


def test_groups_are_chosen_by_name_not_by_order():
    names = [f"g{n}" for n in range(9)]
    one, other = (set(hold_out(_grouped(order), 0.3, "validation")[1].groups) for order in (names, names[::-1]))
    assert one == other
    assert one != {"g0", "g1", "g2"}


def test_parts_of_groups_share_them_out():
    examples = _grouped([f"g{n}" for n in range(7)])
    held = [set(parts(examples, part, 3)[1].groups) for part in range(3)]
    assert sorted(map(len, held)) == [2, 2, 3]
    assert set.union(*held) == set(examples.groups)


def _classed(sizes):
    ids = np.array([f"{label}/{n}.png" for label, size in enumerate(sizes) for n in range(size)])
    return Examples(ids, np.zeros((len(ids), 2, 2, 1), np.uint8), np.repeat(np.arange(len(sizes)), sizes))


def test_of_each_class_the_same_share_is_held_out():
    sizes = [44, 43, 2, 1, 7, 8, 300]
    kept, held = of_each_class(_classed(sizes), 0.2, "test")
    assert np.bincount(held.labels, minlength=7).tolist() == [9, 9, 1, 0, 1, 2, 60]
    assert np.bincount(kept.labels).tolist() == [35, 34, 1, 1, 6, 6, 240]
    assert not set(kept.ids) & set(held.ids)
    assert np.bincount(of_each_class(_classed([2, 3]), 0.9, "test")[0].labels).tolist() == [1, 1]


def test_of_each_class_the_lowest_keys_are_held_out_whatever_their_order():
    examples = _classed([40, 17, 90])
    held = set(of_each_class(examples, 0.2, "test")[1].ids)
    shuffled = examples.take(np.random.default_rng(0).permutation(len(examples)))
    assert set(of_each_class(shuffled, 0.2, "test")[1].ids) == held
    # Those of the larger share of the class are these and more, and its first ones by name are not preferred.
    assert held < set(of_each_class(examples, 0.5, "test")[1].ids)
    assert not {f"2/{n}.png" for n in range(18)} <= held
    # Another class that grows moves none of this one.
    grown = set(of_each_class(_classed([40, 17, 200]), 0.2, "test")[1].ids)
    assert {i for i in grown if not i.startswith("2/")} == {i for i in held if not i.startswith("2/")}
