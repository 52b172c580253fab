import numpy as np
import pytest

from tfqnoise import networks
from tfqnoise.backend import keras
from tfqnoise.compression.quantization.qat import quantize
from tfqnoise.compression.quantization.settle import settle
from tfqnoise.export import convert
from tfqnoise.export.inspect import read

IMAGES = np.random.default_rng(0).random((32, 8, 8, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def network():
    """A network whose batch norms have statistics and scales of every sign."""
    random = np.random.default_rng(1)
    plain = networks.get("resnet8", width=0.5)((8, 8, 3), 5)
    for layer in plain.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            shapes = layer.gamma.shape
            values = random.normal(1, 1, shapes), random.normal(0, 1, shapes), random.normal(0, 1, shapes)
            layer.set_weights([*values, random.uniform(0.5, 2, shapes)])
        elif layer.weights:
            layer.bias.assign(random.normal(0, 0.3, layer.bias.shape))
    quantised, _ = quantize(plain)
    for _ in range(3):
        quantised(IMAGES, training=True)
    return quantised


def test_it_moves_outputs_by_a_trifle_and_only_once(network):
    before = network(IMAGES, training=False).numpy()
    settle(network)
    once = network.get_weights()
    after = network(IMAGES, training=False).numpy()
    step = (before.max() - before.min()) / 255
    assert 0 < np.abs(after - before).mean() < 3 * step
    settle(network)
    for one, other in zip(once, network.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-6, atol=1e-7)


def test_exported_biases_are_the_settled_ones(network):
    """Each int32 bias of the file, times its scale, is the folded bias that Keras computes with."""
    settle(network)
    graph_model = read(convert.integer(network, (8, 8, 3)))
    graph = graph_model.subgraphs[0]
    folded = _folded_biases(network)
    checked = 0
    for op in graph.operators:
        if len(op.inputs) < 3:
            continue
        tensor = graph.tensors[op.inputs[2]]
        stored = np.frombuffer(bytes(graph_model.buffers[tensor.buffer].data), np.int32)
        real = stored * np.asarray(tensor.quantization.scale)
        unit = np.asarray(tensor.quantization.scale)
        nearest = min(folded, key=lambda f: np.inf if f.shape != real.shape else np.abs(f - real).max())
        # In units of the accumulator: without settling the error is evenly spread up to a half.
        assert np.abs(nearest - real).max() < 0.02 * np.max(unit) + 1e-5 * np.abs(real).max()
        checked += 1
    assert checked == 10


def _folded_biases(network):
    wrapped = [layer for layer in network.layers if hasattr(layer, "layer")]
    biases = []
    for layer in wrapped:
        if getattr(layer.layer, "bias", None) is None:
            continue
        bias = layer.layer.bias.numpy().astype(np.float64)
        norm = layer.outbound_nodes[0].outbound_layer.layer if layer.outbound_nodes else None
        if isinstance(norm, keras.layers.BatchNormalization):
            gain = norm.gamma.numpy() / np.sqrt(norm.moving_variance.numpy() + norm.epsilon)
            bias = (bias - norm.moving_mean.numpy()) * gain + norm.beta.numpy()
        biases.append(bias)
    return biases


def test_a_channel_of_zeros_and_a_plain_network_stay():
    plain = networks.get("resnet8", width=0.25)((8, 8, 3), 3)
    weights = plain.get_weights()
    settle(plain)
    for one, other in zip(weights, plain.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    quantised, _ = quantize(plain)
    quantised.get_layer("quant_stem")._weight_vars[0][0].assign(np.zeros((3, 3, 3, 4)))
    quantised(IMAGES, training=True)
    settle(quantised)
    assert np.isfinite(quantised(IMAGES).numpy()).all()
