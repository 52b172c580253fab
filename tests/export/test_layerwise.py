"""Each layer by itself against the trained network's."""

import numpy as np
import pytest

from tfqnoise import networks
from tfqnoise.backend import keras
from tfqnoise.compression.quantization.qat import Widths, quantize
from tfqnoise.compression.quantization.settle import settle
from tfqnoise.data.source import Examples
from tfqnoise.export import convert, layerwise, rounding
from tfqnoise.export.storage import pack

_SHAPE = (32, 32, 3)


def _examples(images):
    return Examples(np.arange(len(images)).astype(str), images, np.zeros(len(images), np.int64))


class _Restored:
    """A network that has seen some random pictures, and these."""

    def __init__(self, make, bits=8, allow_float=()):
        keras.utils.set_random_seed(0)
        random = np.random.default_rng(0)
        images = random.integers(0, 256, (12, *_SHAPE), np.uint8)
        self.test = _examples(images)
        self.network, _ = quantize(make(_SHAPE, 5), allow_float, Widths(bits=bits))
        for _ in range(3):
            self.network(images.astype(np.float32) / 255, training=True)
        settle(self.network)

    def file(self):
        return rounding.compensated(pack(convert.integer(self.network, _SHAPE), "narrowest"))


@pytest.mark.parametrize(
    ("name", "bits", "width"),
    [
        ("resnet8", 4, 1.0),
        ("mobilenet_v2", 8, 0.35),
        pytest.param("mobilenet_v3_small", 8, 0.35, marks=pytest.mark.slow),
    ],
)
def test_layers_of_a_sound_file_are_faithful(name, bits, width):
    restored = _Restored(networks.registry.get(name, width=width), bits)
    rows = layerwise.compare_layers(restored.file(), restored)
    assert not [str(row) for row in rows if not row.faithful]
    # Nearly all of the layers with weights, after what the converter fused.
    weighted = [layer for layer in restored.network.layers if getattr(layer, "_weight_vars", None)]
    assert len(rows) >= len(weighted)


def test_only_the_layer_at_fault_is_blamed():
    """What comes behind it computes what it should, from other values."""
    restored = _Restored(networks.registry.get("resnet20", width=0.25))
    maximum = restored.network.get_layer("quant_stage2_block2_conv1_relu")._output_quantizer_vars["max"]
    kept = maximum.numpy()
    maximum.assign(kept * 1.5)
    content = restored.file()
    maximum.assign(kept)
    rows = layerwise.compare_layers(content, restored)
    assert [row.layer for row in rows if not row.faithful] == ["stage2_block2_conv1_relu"]


@pytest.mark.parametrize("layer", [keras.layers.Rescaling(2.0), keras.layers.LayerNormalization()])
def test_layers_around_one_that_stays_float_are_compared(layer):
    """It stands in two networks, and the file may hold integers within it that aren't what it gives."""

    def make(shape, classes):
        picture = keras.Input(shape)
        x = keras.layers.ReLU(name="first")(keras.layers.Conv2D(4, 3)(picture))
        x = keras.layers.ReLU(name="second")(keras.layers.Conv2D(4, 3)(layer(x)))
        x = keras.layers.GlobalAveragePooling2D()(x)
        return keras.Model(picture, keras.layers.Dense(classes, name="logits")(x))

    restored = _Restored(make, allow_float=(layer.name,))
    rows = {row.layer: row for row in layerwise.compare_layers(restored.file(), restored)}
    assert {"first", "second", "logits"} <= set(rows)
    assert rows["logits"].faithful


def test_a_fault_that_the_first_pictures_don_t_show_is_found():
    """Those of folders are all of one class; here they are black."""

    def make(shape, classes):
        picture = keras.Input(shape)
        x = keras.layers.ReLU(name="relu")(keras.layers.Conv2D(4, 3, use_bias=False)(picture))
        x = keras.layers.GlobalAveragePooling2D()(x)
        return keras.Model(picture, keras.layers.Dense(classes, name="logits")(x))

    restored = _Restored(make)
    maximum = restored.network.get_layer("quant_relu")._output_quantizer_vars["max"]
    kept = maximum.numpy()
    maximum.assign(kept * 0.5)
    content = restored.file()
    maximum.assign(kept)
    restored.test = _examples(np.concatenate([np.zeros((30, *_SHAPE), np.uint8), restored.test.images]))
    assert [row.layer for row in layerwise.compare_layers(content, restored) if not row.faithful] == ["relu"]
