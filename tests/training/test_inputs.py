import dataclasses
import json

import pytest

from tfqnoise import Recipe
from tfqnoise.data import dataset as data
from tfqnoise.errors import DataError
from tfqnoise.run import Run
from tfqnoise.training import inputs


def _recipe(path, rows):
    path.write_text(json.dumps({"transition_matrix": rows}))
    return Recipe(noise=0.4, trusted="2", loss=json.dumps({"name": "forward", "matrix": str(path)}))


def test_a_run_goes_on_with_what_it_began_with(tmp_path):
    rows = [[0.91 if i == j else 0.01 for j in range(10)] for i in range(10)]
    recipe = _recipe(tmp_path / "matrix.json", rows)
    dataset = data.load(recipe)
    run = Run.create(recipe, tmp_path / "run")
    inputs.keep(run, dataset)
    inputs.keep(run, dataset)
    _recipe(tmp_path / "matrix.json", [row[::-1] for row in rows[::-1]])
    inputs.keep(run, dataset)
    rows[0] = [0.5, 0.5] + [0.0] * 8
    _recipe(tmp_path / "matrix.json", rows)
    with pytest.raises(DataError, match="the matrix of --loss changed since"):
        inputs.keep(run, dataset)


def test_other_labels_and_trusted_ones_are_refused(tmp_path):
    recipe = Recipe(noise=0.4, trusted="2")
    run = Run.create(recipe, tmp_path / "run")
    inputs.keep(run, data.load(recipe))
    with pytest.raises(DataError, match="--trusted changed"):
        inputs.keep(run, data.load(dataclasses.replace(recipe, trusted="3")))
    with pytest.raises(DataError, match="the pictures or labels"):
        inputs.keep(run, data.load(dataclasses.replace(recipe, noise=0.3)))
