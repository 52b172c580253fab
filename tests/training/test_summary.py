import dataclasses

import pytest

from tfqnoise import Recipe
from tfqnoise.data import dataset as data
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
