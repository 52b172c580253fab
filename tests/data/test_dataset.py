import dataclasses
import json

import numpy as np
import pytest

from tfqnoise import noise
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


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"noise_kind": "human", "noise": 0.4}, "--noise 0.4 with --noise-kind human"),
        ({"noise_kind": "human"}, "--noise-kind human without --noise-file"),
        ({"noise_kind": "matrix"}, "--noise-kind matrix without --noise-file"),
        ({"noise_kind": "table"}, "--noise-kind table without --noise-file"),
        ({"noise_kind": "human", "noise_file": "human.pt", "noise_labels": "wurst"}, "did you mean 'worst'"),
        ({"noise_kind": "instance", "noise": 0.4, "noise_file": "x"}, "--noise-file x with --noise-kind instance"),
        ({"noise_labels": "worst"}, "--noise-labels worst with --noise-kind symmetric"),
        ({"noise_kind": "asymmetric", "noise": 0.4}, "--noise-kind asymmetric for the classes 0, 1, 2"),
        ({"noise_kind": "multilabel", "noise": 0.4}, "multilabel with digits, which has one label a picture"),
    ],
)
def test_flags_that_do_not_go_with_the_kind_of_noise_are_refused(flags, message):
    with pytest.raises(UsageError, match=message):
        data.load(Recipe(**flags))


@pytest.fixture
def several_labels(monkeypatch):
    """A source of 150 pictures, each with two of three labels known."""

    def examples(count, prefix):
        labels = np.arange(count)[:, None] // 3 ** np.arange(3) % 3 - 1
        return Examples(
            np.array([f"{prefix}{n}" for n in range(count)]), np.zeros((count, 8, 8, 1), np.uint8), labels
        )

    made = Source(tuple("xyz"), examples(150, "train"), examples(30, "test"), flip=False, pad=1, task="multi")
    monkeypatch.setattr(sources, "load", lambda recipe: made)


def test_a_kind_for_one_label_is_refused_for_several(several_labels):
    with pytest.raises(UsageError, match=r"several labels(?s:.*)choose --noise-kind multilabel"):
        data.load(Recipe(noise_kind="pairflip", noise=0.4))


def test_several_labels_err_on_their_own(several_labels):
    spec = '{"name": "multilabel", "positive": 0.5}'
    loaded = data.load(Recipe(noise_kind=spec, noise=0.1))
    assert loaded.record["settings"] == {"name": "multilabel", "rate": 0.1, "positive": 0.5, "negative": None}
    assert loaded.record["expected_effective_rate"] == pytest.approx(0.3, abs=0.02)
    assert loaded.record["effective_rate"] == pytest.approx(0.3, abs=0.12)
    json.dumps(loaded.record, allow_nan=False)
    # Without noise the labels are the source's, whatever the usual kind is for.
    record = data.load(Recipe()).record
    assert (record["effective_rate"], record["settings"]) == (0, None)


@pytest.mark.parametrize("name", noise.registry.entries())
def test_the_record_of_each_kind_is_json(name, request, tmp_path):
    spec = dict(noise.registry.entry(name).sample)
    flags = {"noise": spec.pop("rate", 0.0)}
    if noise.registry.entry(name).factory.task == "multi":
        request.getfixturevalue("several_labels")
    if "file" in spec:
        del spec["file"]
        content = {"matrix": json.dumps(np.roll(np.eye(10), 1, axis=0).tolist()), "table": "id,label\ndigits_0004,5"}
        if name not in content:
            pytest.skip("needs CIFAR-10; see tests/noise/test_human.py")
        (tmp_path / "file").write_text(content[name])
        flags["noise_file"] = str(tmp_path / "file")
    record = data.load(Recipe(noise_kind=json.dumps({"name": name, **spec}), **flags)).record
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["settings"]["name"] == name
    assert record["effective_rate"] > 0


def test_the_noise_of_a_run_can_be_the_matrix_of_another(tmp_path):
    first = data.load(Recipe(noise_kind="pairflip", noise=0.3)).record
    (tmp_path / "noise.json").write_text(json.dumps(first))
    again = data.load(Recipe(noise_kind="matrix", noise_file=str(tmp_path / "noise.json"), seed=1)).record
    assert again["expected_effective_rate"] == pytest.approx(first["effective_rate"], abs=0.01)
    assert (np.array(again["transition_matrix"]) > 0).sum() == 20


def test_labelled_pictures_are_chosen_by_id_and_the_others_wait_for_pre_training():
    few, more, everything = (data.load(Recipe(noise=0.4, labelled=n)) for n in (200, 600, None))
    used = [set(d.train.examples.ids) | set(d.validation.examples.ids) for d in (few, more)]
    assert [len(ids) for ids in used] == [200, 600]
    assert used[0] < used[1]
    assert set(few.pool.ids) == set(everything.train.examples.ids) | (
        set(everything.validation.examples.ids) - set(few.validation.examples.ids)
    )
    assert set(everything.pool.ids) == set(everything.train.examples.ids)
    # Whatever is chosen, an example has the label it has.
    label = dict(zip(everything.train.examples.ids, everything.train.given, strict=True))
    both = [i for i in few.train.examples.ids if i in label]
    assert len(both) > 150
    given = dict(zip(few.train.examples.ids, few.train.given, strict=True))
    assert all(given[i] == label[i] for i in both)


def test_parts_held_out_cover_every_training_picture_once():
    whole = data.load(Recipe())
    names = set(whole.train.examples.ids) | set(whole.validation.examples.ids)
    parts = [data.load(Recipe(held_out=f"{part}/3")) for part in (1, 2, 3)]
    held = [set(d.held_out.examples.ids) for d in parts]
    assert set.union(*held) == names
    assert sum(map(len, held)) == len(names)
    for d, out in zip(parts, held, strict=True):
        assert not out & (set(d.train.examples.ids) | set(d.validation.examples.ids))
        np.testing.assert_array_equal(d.test.ids, whole.test.ids)
    assert not len(whole.held_out)


def test_labels_of_a_file_take_the_place_of_the_given_ones(tmp_path):
    noisy = data.load(Recipe(noise=0.4))
    train = noisy.train
    rows = np.flatnonzero(train.wrong)[:100]
    lines = [f"{i},{label}" for i, label in zip(train.examples.ids[rows], train.examples.labels[rows], strict=True)]
    path = tmp_path / "labels.csv"
    path.write_text("id,label\n" + "\n".join(lines) + "\n")
    corrected = data.load(Recipe(noise=0.4, labels=str(path)))
    assert corrected.train.wrong.sum() == train.wrong.sum() - 100
    assert not corrected.train.wrong[rows].any()
    assert corrected.record["labels"] == str(path)
    assert corrected.record["labels_sha256"] != noisy.record["labels_sha256"]
    # What the file does is told apart from what the noise did.
    assert (corrected.record["labels_changed"], noisy.record["labels_changed"]) == (100, 0)
    assert corrected.record["effective_rate_drawn"] == noisy.record["effective_rate"]
    assert corrected.record["effective_rate"] == pytest.approx(noisy.record["effective_rate"] - 100 / 1455)


def test_trusted_labels_are_true_and_so_many_a_class():
    d = data.load(Recipe(noise=0.4, trusted="7"))
    assert (np.bincount(d.trusted.labels) == 7).all()
    np.testing.assert_array_equal(d.trusted.labels, d.train.examples.labels[d.trusted.rows])
    assert data.load(Recipe(noise=0.4)).trusted is None
    fewer = data.load(Recipe(noise=0.4, trusted="3"))
    assert set(fewer.trusted.rows) < set(d.trusted.rows)


def test_trusted_labels_may_come_from_a_file(tmp_path):
    ids = data.load(Recipe()).train.examples.ids
    path = tmp_path / "checked.csv"
    path.write_text(f"id,label\n{ids[5]},3\n{ids[9]},8\n")
    trusted = data.load(Recipe(trusted=str(path))).trusted
    assert (trusted.rows.tolist(), trusted.labels.tolist()) == ([5, 9], [3, 8])
    path.write_text("id,label\nsomething,3\n")
    with pytest.raises(DataError, match="1 ids that no picture has, such as 'something'"):
        data.load(Recipe(trusted=str(path)))
    held_out = data.load(Recipe()).test.ids[0]
    path.write_text(f"id,label\n{held_out},3\n")
    with pytest.raises(DataError, match="names no training picture"):
        data.load(Recipe(trusted=str(path)))
    with pytest.raises(DataError):
        data.load(Recipe(trusted="²"))


def test_doubtful_labels_can_not_be_trusted_by_count(source, monkeypatch):
    source([0, 1, 2] * 50)
    made = dataclasses.replace(sources.load(Recipe()), test_labels="as given")
    monkeypatch.setattr(sources, "load", lambda recipe: made)
    with pytest.raises(UsageError, match="as doubtful as they are given"):
        data.load(Recipe(trusted="5"))


def test_a_representative_set_has_as_many_of_each_label_whatever_the_order():
    labelled = data.load(Recipe(noise=0.4)).train
    rows = labelled.representative(100)
    assert np.bincount(labelled.given[rows]).tolist() == [10] * 10
    order = np.random.default_rng(0).permutation(len(labelled))
    shuffled = labelled.take(order)
    assert set(shuffled.examples.ids[shuffled.representative(100)]) == set(labelled.examples.ids[rows])
    more = labelled.representative(200)
    assert set(rows) < set(more)
