import dataclasses
import itertools

import numpy as np
import pytest

from tfqnoise.augmentation.standard import Standard
from tfqnoise.data import dataset as data
from tfqnoise.data import pipeline
from tfqnoise.errors import UsageError
from tfqnoise.recipe import Recipe

RECIPE = Recipe(noise=0.4, epochs=3, batch_size=100)


@pytest.fixture(scope="module")
def dataset():
    return data.load(RECIPE)


def _list(*arguments, **settings):
    return list(pipeline.batches(*arguments, **settings).as_numpy_iterator())


def test_an_epoch_is_a_permutation_and_the_next_another(dataset):
    steps = pipeline.steps_per_epoch(RECIPE, dataset)
    assert steps == len(dataset.train) // 100
    rows = np.array([batch["row"] for batch in _list(RECIPE, dataset)]).reshape(3, -1)
    for epoch in rows:
        assert len(set(epoch)) == steps * 100
    assert (rows[0] != rows[1]).mean() > 0.9


@pytest.mark.parametrize("name", ["seed", "epoch"])
def test_orders_differ_however_high_the_number(dataset, name):
    orders = []
    for number in (0, 1, 255, 256, 257, 512):
        seed, epoch = (number, 0) if name == "seed" else (0, number)
        recipe = dataclasses.replace(RECIPE, seed=seed, epochs=epoch + 1, steps_per_epoch=10, augmentation="none")
        orders.append(np.concatenate([batch["row"] for batch in _list(recipe, dataset, epoch)]))
    for one, other in itertools.combinations(orders, 2):
        assert (one != other).mean() > 0.9


def test_batches_are_the_examples_with_given_labels(dataset):
    recipe = dataclasses.replace(RECIPE, augmentation="none")
    for batch in _list(recipe, dataset)[:3]:
        np.testing.assert_array_equal(batch["image"], dataset.train.examples.images[batch["row"]])
        np.testing.assert_array_equal(batch["label"], dataset.train.given[batch["row"]])


@pytest.mark.parametrize("parallel", [True, False])
def test_any_restart_and_worker_count_gives_the_same(dataset, parallel):
    whole = _list(RECIPE, dataset)
    steps = len(whole) // 3
    later = _list(RECIPE, dataset, 2, parallel=parallel)
    assert len(later) == steps
    for one, other in zip(whole[2 * steps :], later, strict=True):
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])


@pytest.mark.parametrize("replicas", [2, 5])
def test_replicas_share_batches_and_keep_examples_of_their_own(dataset, replicas):
    recipe = dataclasses.replace(RECIPE, epochs=1)
    elements, steps = _list(recipe, dataset, replicas=replicas), pipeline.steps_per_epoch(recipe, dataset)
    assert len(elements) == steps * replicas
    for place, element in enumerate(elements):
        assert element["number"] == place // replicas
        assert len(element["row"]) == 100 // replicas
        assert (element["row"] % replicas == place % replicas).all()
    rows = np.concatenate([element["row"] for element in elements])
    assert len(set(rows)) == len(rows)
    # The order of one isn't that of another, or the same examples would meet in every batch.
    assert (elements[0]["row"] // replicas != elements[1]["row"] // replicas).any()


def test_a_picture_is_the_same_for_any_number_of_replicas(dataset):
    recipe, steps = dataclasses.replace(RECIPE, epochs=1), pipeline.steps_per_epoch(RECIPE, dataset)
    seen = [
        {row: image for each in some for row, image in zip(each["row"], each["image"], strict=True)}
        for some in (_list(recipe, dataset)[:steps], _list(recipe, dataset, replicas=2)[: 2 * steps])
    ]
    both = seen[0].keys() & seen[1].keys()
    assert len(both) > 1000
    for row in both:
        np.testing.assert_array_equal(seen[0][row], seen[1][row])


def test_a_restart_of_replicas_gives_the_same(dataset):
    whole, later = _list(RECIPE, dataset, replicas=2), _list(RECIPE, dataset, 2, replicas=2, parallel=False)
    for one, other in zip(whole[-len(later) :], later, strict=True):
        np.testing.assert_array_equal(one["row"], other["row"])
        np.testing.assert_array_equal(one["image"], other["image"])


@pytest.mark.parametrize(("augmentation", "views"), [("cutout", 2), ("rand_augment", 1)])
def test_a_restart_under_a_magnitude_schedule_gives_the_same(dataset, augmentation, views):
    recipe = dataclasses.replace(RECIPE, augmentation=augmentation, magnitude_schedule="falling", steps_per_epoch=3)
    whole, later = _list(recipe, dataset, views=views), _list(recipe, dataset, 1, views=views, parallel=False)
    assert len(whole) == 9
    for one, other in zip(whole[3:], later, strict=True):
        np.testing.assert_array_equal(one["image"], other["image"])
        for view, again in zip(one["views"], other["views"], strict=True):
            np.testing.assert_array_equal(view, again)
            assert (view != one["image"]).any()


def _hidden(dataset, schedule, **settings):
    """The share of black pixels in each batch, with cutout alone."""
    recipe = dataclasses.replace(
        RECIPE, augmentation='{"name": "cutout", "pad": 0}', magnitude_schedule=schedule, steps_per_epoch=2
    )
    return np.array([(batch["image"] == 0).mean() for batch in _list(recipe, dataset, **settings)])


def test_the_magnitude_follows_the_schedule_and_in_pruning_the_size(dataset):
    constant, falling, rising = (_hidden(dataset, name) for name in ("constant", "falling", "rising"))
    # A side of 4 pixels at the start, of none in the last sixth.
    assert falling[0] == constant[0]
    assert rising[0] < constant[0] - 0.05
    assert falling[-1] < constant[-1] - 0.05
    assert np.corrcoef(falling, rising)[0, 1] < 0
    np.testing.assert_array_equal(_hidden(dataset, "falling", size_share=1.0), constant)
    np.testing.assert_array_equal(
        _hidden(dataset, "rising", size_share=1.0), _hidden(dataset, "falling", size_share=0.0)
    )
    np.testing.assert_array_equal(_hidden(dataset, '{"name": "falling", "least": 1.0}', size_share=0.3), constant)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"magnitude_schedule": "faling", "augmentation": "cutout"}, "did you mean 'falling'"),
        ({"magnitude_schedule": "faling"}, "did you mean 'falling'"),
        ({"magnitude_schedule": "falling"}, "an augmentation that has a magnitude"),
        ({"magnitude_schedule": '{"name": "rising", "least": 2.0}', "augmentation": "cutout"}, "least = 2.0"),
    ],
)
def test_a_schedule_that_does_not_fit_is_refused(dataset, settings, match):
    with pytest.raises(UsageError, match=match):
        pipeline.policy(dataclasses.replace(RECIPE, **settings), dataset.source)


def test_a_picture_looks_the_same_in_any_batch_size(dataset):
    def pictures(size):
        recipe = dataclasses.replace(RECIPE, batch_size=size, epochs=1, warmup_epochs=0.0)
        batches = _list(recipe, dataset)
        return {row: image for batch in batches for row, image in zip(batch["row"], batch["image"], strict=True)}

    one, other = pictures(100), pictures(64)
    both = set(one) & set(other)
    assert len(both) > 1000
    assert all((one[row] == other[row]).all() for row in both)


def test_seeds_differ(dataset):
    first, second = (_list(dataclasses.replace(RECIPE, seed=s), dataset)[0]["row"] for s in (0, 1))
    assert (first != second).any()


def test_a_batch_larger_than_the_data_is_all_of_it(dataset):
    recipe = dataclasses.replace(RECIPE, batch_size=5000, epochs=1)
    (batch,) = _list(recipe, dataset)
    assert sorted(batch["row"]) == list(range(len(dataset.train)))


def test_more_steps_than_batches_start_another_pass(dataset):
    recipe = dataclasses.replace(RECIPE, steps_per_epoch=20, epochs=2)
    batches = _list(recipe, dataset)
    assert len(batches) == 40
    for batch in batches:
        assert len(set(batch["row"])) == 100
    passes = [tuple(batches[n]["row"]) for n in (0, 13, 20, 33)]
    assert len(set(passes)) == 4


def test_the_source_limits_the_augmentation(dataset):
    assert pipeline.policy(RECIPE, dataset.source) == Standard(pad=1, flip=False)
    asked = dataclasses.replace(RECIPE, augmentation='{"name": "standard", "pad": 2}')
    assert pipeline.policy(asked, dataset.source) == Standard(pad=2, flip=False)


def test_strong_views_are_others_and_belong_to_the_batch_too(dataset):
    recipe = dataclasses.replace(RECIPE, epochs=2)
    settings = {"strong": {"name": "standard", "pad": 3}, "strong_views": 2}
    plain, whole, later = (
        _list(recipe, dataset),
        _list(recipe, dataset, **settings),
        _list(recipe, dataset, 1, **settings),
    )
    assert plain[0]["strong"] == ()
    for one, other in zip(plain, whole, strict=True):
        # What --augmentation makes of a picture doesn't depend on them.
        np.testing.assert_array_equal(one["image"], other["image"])
        first, second = other["strong"]
        assert first.shape == second.shape == other["image"].shape
        assert (first != second).any()
        assert (first != other["image"]).any()
    for one, other in zip(whole[len(whole) // 2 :], later, strict=True):
        np.testing.assert_array_equal(one["strong"], other["strong"])


def test_strong_views_keep_to_the_limits_of_the_source(dataset):
    assert pipeline.limited(dataset.source, "standard") == Standard(pad=1, flip=False)
    assert pipeline.limited(dataset.source, {"name": "standard", "pad": 3}) == Standard(pad=3, flip=False)
