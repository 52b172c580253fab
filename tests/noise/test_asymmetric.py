import json

import numpy as np
import pytest

from tfqnoise import noise
from tfqnoise.errors import DataError, UsageError
from tfqnoise.noise.asymmetric import Asymmetric

CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def test_cifar10s_classes_err_as_published():
    """9 → 1, 2 → 0, 4 → 7, 3 ↔ 5, as the official scripts number them."""
    expected = np.eye(10)
    for true, given in ((9, 1), (2, 0), (4, 7), (3, 5), (5, 3)):
        expected[true, [true, given]] = 0.6, 0.4
    np.testing.assert_array_equal(Asymmetric(0.4).transition(CIFAR10), expected)
    # Names count, not places.
    turned = Asymmetric(0.4).transition(CIFAR10[::-1])
    np.testing.assert_array_equal(turned, expected[::-1, ::-1])


def test_the_whole_rate_is_the_share_of_classes_that_err():
    truth = noise.Truth(np.array([str(n) for n in range(10)]), np.arange(10), np.zeros((10, 1, 1, 1)), CIFAR10)
    assert Asymmetric(0.4).expected_rate(truth) == pytest.approx(0.2)


def test_pairs_are_names_or_numbers():
    names = ("happy, glad", "sad", "2", "angry")
    assert Asymmetric(0.1, "sad>angry, 0 > 2").partners(names) == {1: 3, 0: 2}


@pytest.mark.parametrize("pairs", ["a", "a>", ">a", "a>d", "a>3", "a>a", "a>0", "a>b,a>c", "a>b,", "a>b>c", "a>-1"])
def test_what_is_no_pair_is_refused(pairs):
    with pytest.raises(UsageError, match="asymmetric with the pair"):
        Asymmetric(0.1, pairs).partners(("a", "b", "c"))


def test_other_data_sets_need_to_say_what_is_like_what():
    with pytest.raises(UsageError, match='"pairs": "a>c"') as error:
        Asymmetric(0.1).transition(("a", "b", "c"))
    text = str(error.value).split("--noise-kind '")[1].split("'")[0]
    assert noise.get(json.loads(text), rate=0.1).partners(("a", "b", "c")) == {0: 2}


def test_a_confusion_matrix_tells_the_partners(tmp_path):
    path = tmp_path / "confusion.json"
    path.write_text(json.dumps({"confusion_matrix": [[90, 3, 7], [0, 50, 0], [8, 8, 80]]}))
    kind = Asymmetric(0.4, file=str(path))
    # Never confused: no partner. As often for two: the first.
    assert kind.partners(("a", "b", "c")) == {0: 2, 2: 0}
    np.testing.assert_array_equal(kind.transition(("a", "b", "c")), [[0.6, 0, 0.4], [0, 1, 0], [0.4, 0, 0.6]])
    with pytest.raises(DataError, match=r"3 rows and 3 columns\n  expected: 4 of each"):
        kind.partners(tuple("abcd"))
    path.write_text(json.dumps({"class_names": ["a", "c", "b"], "confusion_matrix": np.eye(3).tolist()}))
    assert not kind.partners(("a", "c", "b"))
    with pytest.raises(DataError, match=r"about the classes \['a', 'c', 'b'\]\n  expected: a, b, c, in this order"):
        kind.partners(("a", "b", "c"))
    path.write_text("1,-2\n0,1")
    with pytest.raises(DataError, match="negative entry -2"):
        kind.partners(("a", "b"))


def test_pairs_or_a_file_but_not_both():
    with pytest.raises(UsageError, match="one of them"):
        Asymmetric(0.1, "0>1", "confusion.csv")
