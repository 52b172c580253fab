import dataclasses

import numpy as np
import pytest

from tfqnoise.data import dataset as data
from tfqnoise.data import source as sources
from tfqnoise.data.source import Examples, Source
from tfqnoise.errors import DataError, UsageError
from tfqnoise.recipe import Recipe


def test_only_training_and_validation_labels_change():
    clean, noisy = data.load(Recipe()), data.load(Recipe(noise=0.4))
    np.testing.assert_array_equal(clean.test.labels, noisy.test.labels)
    assert not clean.train.wrong.any()
    assert 0.3 < noisy.train.wrong.mean() < 0.42
    assert 0.25 < noisy.validation.wrong.mean() < 0.48
    np.testing.assert_array_equal(clean.train.examples.labels, noisy.train.examples.labels)
    sides = [set(part.ids) for part in (noisy.train.examples, noisy.validation.examples, noisy.test)]
    assert len(set.union(*sides)) == sum(map(len, sides)) == 1797


def test_the_record_describes_the_labels():
    recipe = Recipe(noise=0.4, noise_kind="symmetric-exclusive")
    loaded = data.load(recipe)
    record = loaded.record
    assert record["kind"] == "symmetric-exclusive"
    assert (record["rate"], record["seed"], record["examples"]) == (0.4, 0, 1455)
    wrong = np.concatenate([loaded.train.wrong, loaded.validation.wrong])
    assert record["effective_rate"] == pytest.approx(wrong.mean())
    assert record["expected_effective_rate"] == pytest.approx(0.4)
    matrix = np.array(record["transition_matrix"])
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    assert np.diag(matrix).mean() == pytest.approx(0.6, abs=0.05)


def test_the_hash_is_of_the_given_labels():
    hashes = [
        data.load(recipe).record["labels_sha256"]
        for recipe in (
            Recipe(noise=0.2),
            Recipe(noise=0.2, validation=0.3),
            Recipe(noise=0.2, seed=1),
            Recipe(),
        )
    ]
    # The split between training and validation moves no label.
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def test_rows_are_in_the_order_of_ids():
    ids = data.load(Recipe()).train.examples.ids
    assert list(ids) == sorted(ids)


@pytest.fixture
def source(monkeypatch):
    def use(labels, names=("a", "b", "c"), test=30):
        def examples(labels, prefix):
            ids = np.array([f"{prefix}{n}" for n in range(len(labels))])
            return Examples(ids, np.zeros((len(labels), 8, 8, 1), np.uint8), np.array(labels, np.int64))

        made = Source(names, examples(labels, "train"), examples([0] * test, "test"), flip=False, pad=1)
        monkeypatch.setattr(sources, "load", lambda recipe: made)

    return use


def test_a_class_without_a_picture_is_named(source):
    source([0, 1] * 100)
    with pytest.raises(DataError, match="no training picture of: c"):
        data.load(Recipe())


def test_one_class_is_too_few(source):
    source([0] * 50, names=("a",))
    with pytest.raises(DataError, match="at least 2"):
        data.load(Recipe())


def test_an_empty_test_set_is_an_error(source):
    source([0, 1, 2] * 50, test=0)
    with pytest.raises(DataError, match="no test picture"):
        data.load(Recipe())


def test_unknown_names_offer_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'symmetric'"):
        data.load(Recipe(noise_kind="symetric"))
    with pytest.raises(UsageError, match="did you mean 'cifar10'"):
        data.load(Recipe(dataset="cifar1O"))


def test_a_recipe_means_one_set_of_labels():
    one, other = (data.load(dataclasses.replace(Recipe(noise=0.4), epochs=e)) for e in (3, 5))
    np.testing.assert_array_equal(one.train.given, other.train.given)
