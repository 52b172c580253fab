"""The zoo: each model is whole, fully integer, and as good as its card says."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from tfqnoise import Recipe, metrics
from tfqnoise.export.inspect import inspect, problems
from tfqnoise.export.interpreter import Interpreter

ZOO = Path(__file__).resolve().parents[2] / "models"
MODELS = sorted(path for path in ZOO.iterdir() if path.is_dir())


@pytest.mark.parametrize("folder", MODELS, ids=lambda p: p.name)
def test_a_model_is_whole_and_integer(folder):
    names = {p.name for p in folder.iterdir()}
    # Recipes of the teachers may lie beside that of the model.
    others = {name for name in names if name.startswith("recipe_")}
    assert names - others == {"README.md", "model.tflite", "recipe.json", "results.json"}
    assert all(Recipe.load(folder / name).data_dir is None for name in others)
    recipe = Recipe.load(folder / "recipe.json")
    assert recipe.data_dir is None
    content = (folder / "model.tflite").read_bytes()
    report = json.loads((folder / "results.json").read_text())["export"]
    assert report["recipe_hash"] == recipe.hash()
    assert problems(inspect(content), report["input_dtype"]) == []
    assert report["bytes"] == len(content)
    for text in ((folder / "README.md").read_text(), (ZOO / "README.md").read_text()):
        assert f"{len(content):,}" in text
        assert f"{report['accuracy_tflite']:.2%}".replace("%", " %") in text


@pytest.mark.slow
@pytest.mark.parametrize("folder", MODELS, ids=lambda p: p.name)
def test_a_model_is_as_good_as_its_card_says(folder, shared):
    from tfqnoise.data import source as sources

    recipe = Recipe.load(folder / "recipe.json")
    test = sources.load(dataclasses.replace(recipe, data_dir=str(shared / "data" / "tfds"))).test
    answers = Interpreter(folder / "model.tflite")(test.images)
    report = json.loads((folder / "results.json").read_text())["export"]
    # Kernels of another processor may round a few pictures differently.
    assert metrics.accuracy(test.labels, answers) == pytest.approx(report["accuracy_tflite"], abs=0.002)
    assert np.bincount(np.argmax(answers, axis=1), minlength=10).min() > 500
