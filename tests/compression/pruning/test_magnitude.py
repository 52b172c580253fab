import numpy as np
import pytest

from tfqnoise import networks
from tfqnoise.backend import keras
from tfqnoise.compression.pruning import magnitude


@pytest.mark.parametrize("steps", [1, 7, 100, 1760, 2464])
def test_the_last_choice_is_of_the_full_share(steps):
    """Otherwise a large kernel stays some weights short of its sparsity."""
    wrapped = magnitude.wrap(networks.get("resnet8", width=0.25)((8, 8, 1), 3), {"stem"}, 0.5, steps)
    schedule = wrapped.get_layer("prune_low_magnitude_stem").pruning_schedule
    assert schedule.end_step % schedule.frequency == 0
    assert float(schedule(schedule.end_step)[1]) == pytest.approx(0.5)
    assert schedule.end_step <= steps


def test_the_smallest_weights_become_zero():
    plain = networks.get("resnet8", width=0.25)((8, 8, 1), 3)
    plain.get_layer("stem").kernel.assign(np.arange(1, 37, dtype=np.float32).reshape(3, 3, 1, 4))
    before = plain.get_weights()
    wrapped = magnitude.wrap(plain, {"stem"}, 0.5, 8)
    wrapped.compile(keras.optimizers.SGD(0.0), "mse")
    images = np.zeros((8, 8, 8, 1), np.float32)
    wrapped.fit(images, np.zeros((8, 3)), batch_size=1, verbose=0, callbacks=[magnitude.callback()])
    stripped = magnitude.strip(wrapped)
    kernel = stripped.get_layer("stem").kernel.numpy().ravel()
    assert (kernel == 0).sum() == 18
    assert kernel[kernel != 0].min() == 19
    assert np.mean(stripped.get_layer("logits").kernel == 0) == 0
    for one, other in zip(before, plain.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
