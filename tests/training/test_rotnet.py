import dataclasses

import numpy as np
import pytest

from tfqnoise import Recipe, Run, networks
from tfqnoise.backend import tf
from tfqnoise.data import dataset as data
from tfqnoise.data import pipeline
from tfqnoise.errors import UsageError
from tfqnoise.export import export
from tfqnoise.training import rotnet
from tfqnoise.training.session import Session
from tfqnoise.training.train import train

SMALL = Recipe(width=0.25, epochs=3, steps_per_epoch=3, batch_size=32, noise=0.4, rotation_epochs=1, bits=32)


def test_the_loss_is_that_of_all_four_turns():
    """-log p(t | picture turned by t quarters), by a network that sees where the brightest pixel is."""
    images = np.zeros((2, 4, 4, 1), np.uint8)
    images[:, 0, 0] = 255
    seen = []

    def network(pictures):
        seen.append(pictures.numpy())
        corners = tf.stack([pictures[:, y, x, 0] for y, x in ((0, 0), (3, 0), (3, 3), (0, 3))], axis=1)
        return tf.cast(corners, tf.float32) / 255 * 3

    outcome = rotnet.Rotation().outcome({"image": tf.constant(images)}, None, [network])
    (pictures,) = seen
    np.testing.assert_array_equal(pictures, np.concatenate([np.rot90(images, t, (1, 2)) for t in range(4)]))
    # The turn by t quarters brings the bright corner to corner t, counted against the clock.
    np.testing.assert_allclose(outcome.losses[0], -np.log(np.exp(3) / (np.exp(3) + 3)), rtol=1e-5)


def test_the_head_shares_the_features_and_nothing_else():
    network = networks.get("resnet8", width=0.25)((8, 8, 1), 4)
    turned = rotnet.head(network)
    shared = {id(v) for v in network.weights} & {id(v) for v in turned.weights}
    assert shared == {id(v) for v in network.weights} - {id(v) for v in network.layers[-1].weights}
    assert turned.output_shape == (None, 4)


def test_pre_training_moves_features_and_leaves_the_classes_head(tmp_path, silent):
    session = Session(SMALL, silent)
    before = [w.copy() for w in session.network.get_weights()]
    run = Run.create(SMALL, tmp_path / "run")
    session._train(run, session.phases[0], 0, None)
    after = session.network.get_weights()
    moved = [(a != b).any() for a, b in zip(before, after, strict=True)]
    assert not any(moved[-2:])
    assert sum(moved[:-2]) > 10
    row = run.read_lines("metrics.jsonl")[0]
    assert "test_accuracy" not in row
    assert "accuracy" not in row
    with pytest.raises(UsageError, match="pre-trains without labels"):
        export(run, report=silent)


@pytest.mark.parametrize("bits", [32, pytest.param(8, marks=pytest.mark.slow)])
def test_a_run_with_pre_training_and_trusted_labels_resumes_exactly(tmp_path, silent, monkeypatch, bits):
    recipe = dataclasses.replace(SMALL, trusted="5", trusted_epochs=1, bits=bits)
    whole = train(recipe, tmp_path / "whole", report=silent)
    from tfqnoise.training import callbacks

    for epoch in (1, 2):
        original = callbacks.Record.on_epoch_end

        def stop(self, number, logs=None, original=original, epoch=epoch):
            original(self, number, logs)
            if number + 1 == epoch:
                raise KeyboardInterrupt

        monkeypatch.setattr(callbacks.Record, "on_epoch_end", stop)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, tmp_path / f"stopped{epoch}", report=silent)
        monkeypatch.setattr(callbacks.Record, "on_epoch_end", original)
        resumed = train(recipe, tmp_path / f"stopped{epoch}", resume=True, report=silent)
        for one, other in zip(*(r.read_arrays("weights.npz").values() for r in (whole, resumed)), strict=True):
            np.testing.assert_array_equal(one, other)
    if bits == 8:
        assert export(whole, report=silent)["top1_agreement"] > 0.99


def test_each_phase_is_fed_with_its_own(silent):
    recipe = dataclasses.replace(SMALL, labelled=300, trusted="5", trusted_epochs=1, steps_per_epoch=None, epochs=3)
    session = Session(recipe, silent)
    dataset = session.dataset
    assert len(dataset.train) + len(dataset.validation) == 300
    assert len(dataset.pool) == 1455 - len(dataset.validation)
    rotation, middle, trusted = session.phases
    assert (rotation.rotation, middle.trusted, trusted.trusted) == (True, False, True)
    assert pipeline.steps_per_epoch(recipe, dataset, rotation) == len(dataset.pool) // 32
    assert pipeline.steps_per_epoch(recipe, dataset, trusted) == len(dataset.train) // 32
    # 50 trusted pictures make one batch; over 28 batches of it each comes about 18 times.
    rows = set()
    for batch in pipeline.batches(recipe, dataset, 2, phase=trusted).take(8).as_numpy_iterator():
        rows |= set(batch["row"])
        np.testing.assert_array_equal(batch["label"], dataset.train.examples.labels[batch["row"]])
    assert rows <= set(dataset.trusted.rows)
    counts = np.bincount(dataset.trusted.labels)
    assert (counts == 5).all()


def test_pictures_that_are_not_square_are_refused(silent, monkeypatch):
    loaded = data.load(SMALL)
    examples = dataclasses.replace(loaded.train.examples, images=loaded.train.examples.images[:, :, :6])
    oblong = dataclasses.replace(loaded, train=dataclasses.replace(loaded.train, examples=examples))
    monkeypatch.setattr(data, "load", lambda recipe: oblong)
    with pytest.raises(UsageError, match="--image-size 6"):
        Session(SMALL, silent)
