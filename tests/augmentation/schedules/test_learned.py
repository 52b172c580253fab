import dataclasses

import numpy as np
import pytest

from tfqnoise import Recipe, train
from tfqnoise.augmentation import schedules
from tfqnoise.errors import UsageError
from tfqnoise.training.session import Session


def _row(accuracy, validation):
    return {"accuracy": accuracy, "validation_accuracy": validation}


def test_training_ahead_raises_the_magnitude_and_behind_lowers_it():
    learned = schedules.get({"name": "learned", "start": 0.5, "step": 0.2})
    assert learned.after([]) == 0.5
    assert learned.after([_row(0.8, 0.6)]) == pytest.approx(0.7)
    assert learned.after([_row(0.8, 0.6), _row(0.6, 0.7)]) == pytest.approx(0.5)
    # It stays a share, and epochs of pre-training have nothing to say.
    assert learned.after([_row(0.8, 0.6)] * 9) == 1
    assert learned.after([_row(0.1, 0.6)] * 9 + [{"loss": 1.0}]) == 0
    assert schedules.get({"name": "learned", "lead": 0.3}).after([_row(0.8, 0.6)]) == pytest.approx(0.4)


@pytest.mark.parametrize("settings", [{"start": 1.1}, {"step": 0.0}, {"lead": 2.0}])
def test_settings_out_of_their_limits_are_refused(settings):
    with pytest.raises(UsageError, match=f"learned with {next(iter(settings))}"):
        schedules.get({"name": "learned", **settings})


RECIPE = Recipe(
    noise=0.4,
    bits=32,
    epochs=3,
    width=0.25,
    steps_per_epoch=2,
    augmentation="cutout",
    magnitude_schedule="learned",
    rotation_epochs=1,
)


def test_what_is_learned_feeds_the_next_epoch_and_survives_an_interruption(tmp_path, monkeypatch, silent):
    """The schedule makes each epoch's batches; a run that is cut off after an epoch goes on with the same bits."""
    from tfqnoise.data import pipeline

    shares, original = [], pipeline.batches

    def noted(recipe, dataset, start, **settings):
        shares.append((start, settings["size_share"]))
        return original(recipe, dataset, start, **settings)

    monkeypatch.setattr(pipeline, "batches", noted)
    whole = train(RECIPE, tmp_path / "whole", report=silent)
    rows = whole.read_lines("metrics.jsonl")
    learned = schedules.get("learned")
    assert shares == [(number, learned.after(rows[:number])) for number in range(len(rows))]
    assert len({share for _, share in shares}) > 1
    # Cutout's magnitude is 0.5 by default.
    assert [row["magnitude"] for row in rows] == pytest.approx([share / 2 for _, share in shares])

    class KilledError(Exception):
        pass

    def cut(recipe, dataset, start, **settings):
        if start == 2:
            raise KilledError
        return original(recipe, dataset, start, **settings)

    monkeypatch.setattr(pipeline, "batches", cut)
    with pytest.raises(KilledError):
        train(RECIPE, tmp_path / "cut", report=silent)
    monkeypatch.setattr(pipeline, "batches", original)
    again = train(RECIPE, tmp_path / "cut", resume=True, report=silent)
    for one, other in zip(
        whole.read_arrays("weights.npz").values(), again.read_arrays("weights.npz").values(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_a_strategy_without_training_accuracy_is_refused(silent):
    with pytest.raises(UsageError, match="a training accuracy"):
        Session(dataclasses.replace(RECIPE, strategy="mixup", rotation_epochs=0), silent)
