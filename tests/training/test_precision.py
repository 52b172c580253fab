import pytest

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.recipe import Recipe
from tfqnoise.training import precision
from tfqnoise.training.train import train


def _option():
    return tf.config.optimizer.get_experimental_options().get("auto_mixed_precision_onednn_bfloat16", False)


def test_bfloat16_needs_the_processor(monkeypatch, tmp_path):
    monkeypatch.setattr(precision, "_features", lambda: {"avx2", "avx512f"})
    with pytest.raises(UsageError, match="avx512_bf16 or amx_bf16"):
        train(Recipe(precision="bfloat16"), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    precision.check("float32")
    monkeypatch.setattr(precision, "_features", lambda: {"avx512_bf16"})
    precision.check("bfloat16")


def test_the_option_is_on_inside_only():
    assert not _option()
    with precision.convolutions("bfloat16"):
        assert _option()
        with precision.convolutions("float32"):
            assert not _option()
        assert _option()
    assert not _option()


def test_a_run_in_bfloat16_trains_and_is_evaluated_in_float32(monkeypatch, tmp_path, silent):
    """On processors without bfloat16 TensorFlow leaves the graph alone, so this holds everywhere."""
    monkeypatch.setattr(precision, "_features", lambda: {"avx512_bf16"})
    recipe = Recipe(precision="bfloat16", bits=32, width=0.25, epochs=1, steps_per_epoch=2)
    run = train(recipe, tmp_path / "run", report=silent)
    assert run.read_json("summary.json")["test_accuracy_last"] >= 0
    assert not _option()
