import pickle
import zipfile

import numpy as np
import pytest

from tfqnoise.data import dataset as data
from tfqnoise.errors import DataError, UsageError
from tfqnoise.noise import Truth
from tfqnoise.noise.human import Human
from tfqnoise.recipe import Recipe

CLEAN = np.arange(40) % 10
NAMES = tuple("abcdefghij")


@pytest.fixture
def file(tmp_path):
    def write(**arrays):
        with zipfile.ZipFile(tmp_path / "human.pt", "w") as archive:
            archive.writestr("archive/data.pkl", pickle.dumps(arrays, protocol=2))
        return str(tmp_path / "human.pt")

    return write


def _truth(rows, labels=CLEAN, ids="train_{:05d}", names=NAMES):
    rows = np.array(rows)
    return Truth(np.array([ids.format(n) for n in rows]), labels[rows], np.zeros((len(rows), 1, 1, 1)), names)


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ("aggregate", "aggre_label"),
        ("random1", "random_label1"),
        ("random2", "random_label2"),
        ("random3", "random_label3"),
        ("worst", "worse_label"),
    ],
)
def test_labels_are_found_by_id(file, labels, name):
    given = (CLEAN + (np.arange(40) % 4 == 0)) % 10
    kind = Human(file(clean_label=CLEAN, **{name: given}), labels)
    truth = _truth([7, 39, 0, 8, 12])
    np.testing.assert_array_equal(kind.given(truth, 0), [7, 9, 1, 9, 3])
    assert kind.expected_rate(truth) == pytest.approx(3 / 5)


def test_other_pictures_are_refused(file):
    kind = Human(file(clean_label=CLEAN, worse_label=CLEAN))
    with pytest.raises(DataError, match="for 2 pictures with ids such as 'digits_0003'"):
        kind.given(_truth([3, 4], ids="digits_{:04d}"), 0)
    with pytest.raises(DataError, match="for 1 pictures with ids such as 'train_40'"):
        kind.given(_truth([3, 40], labels=np.arange(41) % 10, ids="train_{}"), 0)
    with pytest.raises(DataError, match="2 of 3 pictures have another true label"):
        kind.given(_truth([3, 4, 5], labels=np.where(np.arange(40) < 5, 0, CLEAN)), 0)


def test_files_with_other_labels_are_refused(file):
    with pytest.raises(DataError, match=r"hold clean_label, noisy_label\n  expected: clean_label and worse_label"):
        Human(file(clean_label=CLEAN, noisy_label=CLEAN)).given(_truth([3]), 0)
    for labels in (CLEAN[:-1], CLEAN + 1, CLEAN - 1):
        with pytest.raises(DataError, match="of one length and below 10"):
            Human(file(clean_label=CLEAN, worse_label=labels)).given(_truth([3]), 0)


def test_a_set_of_labels_that_there_is_not_is_refused():
    with pytest.raises(UsageError, match="did you mean 'random1'"):
        Human("human.pt", "randm1")


def test_cifar10n_errs_as_published(shared):
    """All 50,000 ids match; rates of the official file."""
    file = str(shared / "data/cifar10n/CIFAR-10_human.pt")
    recipe = Recipe(dataset="cifar10", data_dir=str(shared / "data/tfds"), noise_kind="human", noise_file=file)
    loaded = data.load(recipe)
    assert loaded.record["examples"] == 50_000
    assert loaded.record["effective_rate"] == loaded.record["expected_effective_rate"]
    # Worst, without --noise-labels: cars and trucks, cats and dogs.
    matrix = np.array(loaded.record["transition_matrix"])
    assert [round(matrix[a, b], 2) for a, b in ((1, 9), (9, 1), (3, 5), (5, 3))] == [0.25, 0.28, 0.21, 0.18]
    train = loaded.source.train
    truth = Truth(train.ids, train.labels, train.images, loaded.source.class_names)
    rates = {"aggregate": 9.01, "random1": 17.23, "random2": 18.12, "random3": 17.64, "worst": 40.21}
    for labels, rate in rates.items():
        assert 100 * Human(file, labels).expected_rate(truth) == pytest.approx(rate, abs=0.006)
