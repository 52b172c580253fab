import numpy as np
import pytest

from tfqnoise import networks
from tfqnoise.compression.plan import Phase
from tfqnoise.compression.quantization.qat import quantize
from tfqnoise.limits import OPTIMIZERS
from tfqnoise.recipe import Recipe
from tfqnoise.training import optimizers


@pytest.fixture(scope="module")
def variables():
    network, _ = quantize(networks.get("resnet8", width=0.25)((8, 8, 1), 3))
    return list(network.trainable_variables)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_only_kernels_decay(variables, name):
    """With gradients of zero the step is the decay alone."""
    recipe = Recipe(optimizer=name, weight_decay=0.5, warmup_epochs=0.0, learning_rate=0.1)
    for v in variables:
        v.assign(np.ones(v.shape))
    optimizer = optimizers.build(recipe, 10, variables)
    optimizer.apply_gradients([(np.zeros(v.shape, np.float32), v) for v in variables])
    factor = 1.0 if name == "adam" else 0.95
    for v in variables:
        np.testing.assert_allclose(v, factor if "kernel" in v.name.split("/")[-1] else 1.0, rtol=1e-6)


def test_the_rate_climbs_and_falls_to_zero(variables):
    recipe = Recipe(epochs=10, warmup_epochs=2.0, learning_rate=0.4)
    schedule = optimizers.build(recipe, 5, variables)._learning_rate
    rates = [float(schedule(step)) for step in range(51)]
    np.testing.assert_allclose(rates[:11], np.linspace(0, 0.4, 11), atol=1e-6)
    np.testing.assert_allclose(rates[10:], 0.2 * (1 + np.cos(np.pi * np.arange(41) / 40)), atol=1e-6)


def test_adam_takes_ordinary_first_steps_wherever_it_begins(variables):
    """Its moments begin at zero, and so must its count; only the rate begins in the middle."""
    recipe = Recipe(optimizer="adam", warmup_epochs=0.0, learning_rate=0.1, epochs=10)
    for v in variables:
        v.assign(np.zeros(v.shape))
    optimizer = optimizers.build(recipe, 10, variables, Phase(5, 10, True, False, stage=(5, 10), span=(0, 10)))
    for _ in range(3):
        before = variables[0].numpy()
        optimizer.apply_gradients([(np.ones(v.shape, np.float32), v) for v in variables])
        np.testing.assert_allclose(before - variables[0].numpy(), 0.05, rtol=0.08)


def test_gradients_are_clipped_together(variables):
    recipe = Recipe(clip_norm=1.0, weight_decay=0.0, warmup_epochs=0.0, learning_rate=1.0, optimizer="sgd")
    for v in variables:
        v.assign(np.zeros(v.shape))
    optimizer = optimizers.build(recipe, 10, variables)
    optimizer.apply_gradients([(np.full(v.shape, 7, np.float32), v) for v in variables])
    # Nesterov's first step is 1 + momentum times the gradient.
    norm = np.sqrt(sum((v.numpy() ** 2).sum() for v in variables))
    assert norm == pytest.approx(1.9, rel=1e-4)


def test_a_stage_with_a_rate_of_its_own_falls_from_it_to_zero(variables):
    phase = Phase(5, 10, True, False, stage=(5, 10), learning_rate=0.02, span=(0, 10))
    schedule = optimizers.build(Recipe(epochs=10), 4, variables, phase)._learning_rate
    rates = [float(schedule(step)) for step in range(21)]
    np.testing.assert_allclose(rates, 0.01 * (1 + np.cos(np.pi * np.arange(21) / 20)), atol=1e-7)


def test_the_schedule_spans_what_lies_between_pre_training_and_trusted_labels(variables):
    recipe = Recipe(epochs=12, warmup_epochs=1.0, learning_rate=0.4)
    phase = Phase(2, 10, True, False, stage=(2, 10), span=(2, 10))
    schedule = optimizers.build(recipe, 5, variables, phase)._learning_rate
    rates = [float(schedule(step)) for step in range(41)]
    np.testing.assert_allclose(rates[:6], np.linspace(0, 0.4, 6), atol=1e-6)
    np.testing.assert_allclose(rates[5:], 0.2 * (1 + np.cos(np.pi * np.arange(36) / 35)), atol=1e-6)


def test_a_strategy_may_have_its_own_schedule(variables):
    recipe = Recipe(epochs=10, learning_rate=0.4)
    phase = Phase(5, 10, True, False, stage=(5, 10), span=(0, 10))
    schedule = optimizers.build(recipe, 4, variables, phase, lambda passed: 1 - passed)._learning_rate
    rates = [float(schedule(step)) for step in range(21)]
    np.testing.assert_allclose(rates, np.linspace(0.2, 0, 21), atol=1e-6)
