import dataclasses

import pytest

from tfqnoise import Recipe, networks
from tfqnoise.compression import plan
from tfqnoise.compression.forms import Form
from tfqnoise.data import dataset as data
from tfqnoise.data import source as sources
from tfqnoise.training import summary

MANY = Recipe(labelled=100_000, trusted="100000", trusted_epochs=1)


@pytest.mark.parametrize(
    ("settings", "notes"),
    [
        ({}, ["--labelled 100000 is more than the {} labels", "--trusted 100000 is more than 10 of 10 classes"]),
        ({"labelled": 300, "trusted": "1"}, []),
        ({"labelled": None, "trusted": None, "trusted_epochs": 0}, []),
    ],
)
def test_more_labels_than_there_are_is_said_to_be_all(settings, notes):
    recipe = dataclasses.replace(MANY, **settings)
    dataset = data.load(recipe)
    count = len(dataset.train) + len(dataset.validation)
    found = summary._all_of_them(recipe, dataset)
    assert len(found) == len(notes)
    assert all(note.format(count) in line for note, line in zip(notes, found, strict=True))


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        (["{0},{1}", "{2},{3}"], "labels.csv: 2 labels changed; now 0.1% are others than those given"),
        (["{0},{1}"], "labels.csv: 1 label changed; now 0.1% are"),
        ([], "note: --labels {path} changes no label"),
        (["{0},{4}"], "note: --labels {path} changes no label"),
    ],
)
def test_corrections_are_not_taken_for_noise(tmp_path, monkeypatch, rows, line):
    made = dataclasses.replace(sources.load(Recipe()), test_labels="as given")
    monkeypatch.setattr(sources, "load", lambda recipe: made)
    train = data.load(Recipe()).train.examples
    one, other = train.labels[:2]
    path = tmp_path / "labels.csv"
    texts = [row.format(train.ids[0], (one + 1) % 10, train.ids[1], (other + 1) % 10, one) for row in rows]
    path.write_text("\n".join(["id,label", *texts]) + "\n")
    recipe = Recipe(labels=str(path))
    dataset = data.load(recipe)
    network = networks.registry.get("resnet8", width=0.25)(dataset.input_shape, dataset.classes)
    said = summary.beginning(recipe, dataset, network, plan.phases(recipe), Form(network), 0)
    assert "noise symmetric 0: 0.0% of the labels are others than those given (0.0% expected)" in said
    assert line.format(path=path) in said
    without = data.load(Recipe())
    assert "labels.csv" not in summary.beginning(Recipe(), without, network, plan.phases(recipe), Form(network), 0)


@pytest.mark.parametrize(
    ("accuracy", "trained", "said"),
    [
        (0.1, None, "learned next to nothing"),
        (0.12, 0.12, "learned next to nothing"),
        # It has learned, but in a few steps batch norm's averages don't show it.
        (0.1, 0.67, "67.00% of the labels trained on are met"),
        (0.5, 0.6, None),
    ],
)
def test_a_network_that_knows_nothing_is_said_to(accuracy, trained, said):
    recipe = Recipe(epochs=1)
    dataset = data.load(recipe)
    rows = [{"epoch": 1, "seconds": 1.0, "test_accuracy": accuracy, "validation_accuracy": accuracy}]
    rows[0] |= {} if trained is None else {"accuracy": trained}
    network = networks.registry.get("resnet8", width=0.25)(dataset.input_shape, dataset.classes)
    result = summary.of(recipe, dataset, network, plan.phases(recipe), rows)
    assert 0.1 <= result["commonest_class"] < 0.14
    text = summary.end(result)
    assert ("WARNING" in text) == (said is not None)
    assert said is None or said in text


def test_of_equally_good_epochs_the_later_is_selected():
    recipe = Recipe(epochs=4)
    dataset = data.load(recipe)
    scores = [(0.9, 0.5), (0.2, 0.75), (0.6, 0.75), (0.7, 0.5)]
    rows = [
        {"epoch": epoch, "seconds": 1.0, "test_accuracy": test, "validation_accuracy": validation}
        for epoch, (test, validation) in enumerate(scores, 1)
    ]
    network = networks.registry.get("resnet8", width=0.25)(dataset.input_shape, dataset.classes)
    result = summary.of(recipe, dataset, network, plan.phases(recipe), rows)
    assert (result["selected_epoch"], result["test_accuracy_selected"]) == (3, 0.6)
    assert (result["test_accuracy_best"], result["test_accuracy_last"]) == (0.9, 0.7)


@pytest.mark.parametrize(
    ("commonest", "accuracy", "warned"),
    # A network that is right of nearly everything, of which nearly everything is one class, has learned it.
    [(0.985, 0.985, True), (0.985, 1.0, False), (1.0, 1.0, False), (None, 0.1, False)],
)
def test_nobody_is_blamed_for_a_class_that_is_nearly_all(commonest, accuracy, warned):
    recipe = Recipe(epochs=1)
    dataset = data.load(recipe)
    rows = [{"epoch": 1, "seconds": 1.0, "test_accuracy": accuracy, "validation_accuracy": accuracy}]
    network = networks.registry.get("resnet8", width=0.25)(dataset.input_shape, dataset.classes)
    result = summary.of(recipe, dataset, network, plan.phases(recipe), rows)
    assert ("WARNING" in summary.end({**result, "commonest_class": commonest})) == warned
