import dataclasses
import hashlib
import json

import pytest

from tfqnoise.errors import RunError, UsageError
from tfqnoise.recipe import Recipe


def test_a_recipe_survives_json(tmp_path):
    recipe = Recipe(noise=0.3, allow_float=("a", "b"), clip_norm=2)
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(recipe.to_dict()))
    assert Recipe.load(path) == recipe
    assert Recipe.load(path).hash() == recipe.hash()
    assert recipe.hash() != dataclasses.replace(recipe, seed=1).hash()


def test_a_new_field_with_its_default_changes_no_hash():
    """The hash of the usual recipe is that of no settings at all."""
    assert Recipe().hash() == hashlib.sha256(b"{}").hexdigest()[:12]
    assert Recipe(seed=3, data_dir="x").hash() == hashlib.sha256(b'{"seed": 3}').hexdigest()[:12]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("noise", 1.0),
        ("noise", -0.1),
        ("noise", float("nan")),
        ("noise", "0.4"),
        ("bits", 5),
        ("bits", 8.0),
        ("epochs", 0),
        ("float_epochs", 30),
        ("allow_float", "logits"),
        ("allow_float", None),
        ("batch_size", 0),
        ("replicas", 0),
        ("replicas", 65),
        ("learning_rate", float("inf")),
        ("optimizer", "sgdd"),
        ("precision", "half"),
        ("seed", -1),
        ("seed", True),
        ("validation", 0.0),
        ("clip_norm", 0.0),
        ("width", 0.0),
        ("image_size", 2),
        ("rotation_epochs", 30),
        ("trusted_epochs", 30),
        ("trusted_epochs", 1),
    ],
)
def test_values_out_of_limits_name_their_flag(field, value):
    with pytest.raises(UsageError, match=f"--{field.replace('_', '-')} "):
        Recipe(**{field: value})


@pytest.mark.parametrize(
    "settings",
    [
        {"bits": 4, "clusters": 16},
        {"bits": 32, "clusters": 16},
        {"bits": 1, "sparsity": 0.5},
        {"clusters": 2, "grid": "uniform"},
        {"clusters": 2, "sparsity": 0.5},
        {"clusters": 16, "grid": "uniform", "clustering": "tfmot"},
        {"clusters": 300},
        {"sparsity": 1.0},
        {"penalty_weight": 0.0},
        {"penalty_weights": ("stem=0.1",)},
        {"clusters": 16, "penalty_weights": ("stem",)},
        {"clusters": 16, "penalty_weights": ("stem=0",)},
        {"clusters": 16, "penalty_weights": ("=0.1",)},
        {"clusters": 16, "clustering": "tfmot", "penalty_weights": ("stem=0.1",)},
        {"clusters": 16, "penalty_weights": (0.5,)},
        {"grid": "uniform"},
        {"penalty": "soft"},
        {"penalty_schedule": "linear"},
        {"codebooks": 2},
        {"clusters": 16, "codebooks": 65},
        {"clusters": 16, "codebooks": 0},
        {"clusters": 16, "codebooks": 2, "clustering": "tfmot"},
        {"edge_bits": 5},
        {"activation_bits": 1},
    ],
)
def test_compression_that_cannot_be_is_refused(settings):
    with pytest.raises(UsageError, match="expected"):
        Recipe(**settings)


def test_fields_with_several_values_survive_a_file():
    recipe = Recipe(clusters=16, penalty_weights=("stem=0.02", "stage3*=0.2"), allow_float=("logits",))
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert recipe.to_dict()["penalty_weights"] == ["stem=0.02", "stage3*=0.2"]
    assert recipe.layer_penalty_weights() == [("stem", 0.02), ("stage3*", 0.2)]


def test_unknown_fields_offer_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'noise_kind'"):
        Recipe.from_dict({"noise_kinds": "symmetric"})


def test_a_run_is_as_good_as_its_recipe_and_a_foreign_field_is_named_with_its_file(tmp_path):
    (tmp_path / "recipe.json").write_text('{"seed": 7}')
    assert Recipe.load(tmp_path) == Recipe.load(tmp_path / "recipe.json") == Recipe(seed=7)
    (tmp_path / "recipe.json").write_text('{"sede": 7}')
    with pytest.raises(UsageError, match=r"'sede' in .*recipe\.json(.|\n)*did you mean 'seed'"):
        Recipe.load(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[1]", "\x00\x01"])
def test_a_damaged_file_is_named(tmp_path, text):
    path = tmp_path / "recipe.json"
    path.write_text(text)
    with pytest.raises(RunError, match=r"recipe\.json can't be read"):
        Recipe.load(path)
    with pytest.raises(RunError, match="can't be read"):
        Recipe.load(tmp_path / "missing.json")


def test_too_many_trusted_epochs_are_no_fault_of_others():
    with pytest.raises(UsageError, match=r"--trusted-epochs 20(?s:.*)less than --epochs 20"):
        Recipe(epochs=20, trusted="5", trusted_epochs=20)
