import numpy as np
import pytest

from tfqnoise import losses, networks, strategies
from tfqnoise.backend import tf
from tfqnoise.compression.forms import Form, set_batch_norm_frozen
from tfqnoise.compression.quantization.qat import quantize
from tfqnoise.recipe import Recipe
from tfqnoise.strategies import Problem
from tfqnoise.training import optimizers
from tfqnoise.training.engine import Member, Trainer, evaluated

RANDOM = np.random.default_rng(0)
BATCH = {
    "image": tf.constant(RANDOM.integers(0, 256, (16, 8, 8, 1), np.uint8)),
    "label": tf.constant(RANDOM.integers(0, 3, 16)),
    "row": tf.range(16, dtype=tf.int64),
    "passed": tf.constant(0.5),
}


def _trainer(quantised, **settings):
    network = networks.get("resnet8", width=0.25)((8, 8, 1), 3)
    if quantised:
        network, _ = quantize(network)
    form = Form(network)
    optimizer = optimizers.build(Recipe(warmup_epochs=0.0, **settings), 5, form.trained())
    problem = Problem(np.zeros(16, np.int64), 3)
    state = strategies.get("plain").build(losses.scheduled(losses.get("cross_entropy")), problem)
    return Trainer([Member(form, form.trained(), optimizer)], state)


@pytest.mark.parametrize("quantised", [False, True])
def test_frozen_batch_norm_keeps_statistics_and_trains_the_rest(quantised):
    trainer = _trainer(quantised)
    trainer.train_step(BATCH)
    set_batch_norm_frozen(trainer.network, True)
    before = {v.name: v.numpy() for v in trainer.network.weights}
    trainer.train_step(BATCH)
    moved = {v.name for v in trainer.network.weights if (v.numpy() != before[v.name]).any()}
    assert not [name for name in moved if "moving_mean" in name or "moving_variance" in name]
    assert [name for name in moved if "gamma" in name]
    assert [name for name in moved if "kernel" in name]
    set_batch_norm_frozen(trainer.network, False)
    trainer.train_step(BATCH)
    assert [v for v in trainer.network.weights if "moving_mean" in v.name and (v.numpy() != before[v.name]).any()]


def test_the_order_of_weights_does_not_depend_on_freezing():
    trainer = _trainer(True)
    names = [v.name for v in trainer.network.weights]
    set_batch_norm_frozen(trainer.network, True)
    assert [v.name for v in trainer.network.weights] == names


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_training_goes_on_from_its_own_weights(average):
    trainer = _trainer(True, weight_average=average)
    for _ in range(3):
        trainer.train_step(BATCH)
    before = [v.numpy() for v in trainer._trained]
    with evaluated(trainer) as network:
        inside = [v.numpy() for v in trainer._trained]
        assert network is trainer.network
    for one, other in zip(before, trainer._trained, strict=True):
        np.testing.assert_array_equal(one, other)
    kernels = [
        np.abs(a - b).max() for a, b, v in zip(before, inside, trainer._trained, strict=True) if "kernel" in v.name
    ]
    assert (max(kernels) > 0) == bool(average)


def test_weights_are_taken_back_after_an_error():
    trainer = _trainer(True, weight_average=0.9)
    trainer.train_step(BATCH)
    before = [v.numpy() for v in trainer._trained]
    with pytest.raises(KeyboardInterrupt), evaluated(trainer):
        raise KeyboardInterrupt
    for one, other in zip(before, trainer._trained, strict=True):
        np.testing.assert_array_equal(one, other)
