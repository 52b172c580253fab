import gzip

import numpy as np
import pytest

from tfqnoise.backend import keras
from tfqnoise.compression.plan import Phase
from tfqnoise.compression.quantization.qat import Widths, quantize
from tfqnoise.export import convert
from tfqnoise.export.sizes import broken_promises, fitting, table, tensor_sizes
from tfqnoise.export.storage import pack
from tfqnoise.recipe import Recipe


@pytest.fixture(scope="module")
def content():
    """Two dense layers: a kernel of half zeros and quarters, and one of 4 bits."""
    image = keras.Input((4, 4, 1))
    x = keras.layers.Dense(8, name="first")(keras.layers.Flatten(name="flat")(image))
    network = keras.Model(image, keras.layers.Dense(4, name="last")(keras.layers.ReLU(name="relu")(x)))
    kernel = np.zeros(128, np.float32)
    kernel[:32], kernel[32:64] = 1.0, -1.0
    network.get_layer("first").kernel.assign(np.random.default_rng(0).permutation(kernel).reshape(16, 8))
    quantised, _ = quantize(network, widths=Widths(4, edge_bits=4))
    quantised(np.random.default_rng(0).random((8, 4, 4, 1), np.float32), training=True)
    return convert.integer(quantised, (4, 4, 1))


def test_each_figure_of_a_kernel(content):
    size = tensor_sizes(pack(content))[0]
    assert (size.type, size.elements, size.float_bytes, size.stored_bytes) == ("INT4", 128, 512, 64)
    assert size.unique == 3
    assert size.zeros == 0.5
    assert size.entropy_bits == pytest.approx(1.5)
    assert size.entropy_bytes == 24
    assert tensor_sizes(content)[0].stored_bytes == 128


def test_kernels_that_do_not_fit_are_counted(content):
    assert fitting(tensor_sizes(pack(content, "int4")), "int4") == ""
    assert fitting(tensor_sizes(content), "int8") == fitting(tensor_sizes(content), "narrowest") == ""
    wide, narrow = tensor_sizes(content)[0], tensor_sizes(pack(content, "int4"))[0]
    assert "1 of 2 kernels fit into 4 bits, the others are stored as INT8" in fitting([wide, narrow], "int4")
    assert table([wide, narrow], content, "int4").startswith(fitting([wide, narrow], "int4") + "\ntensor ")


def test_the_table_ends_with_the_bytes_of_the_file(content):
    last = table(tensor_sizes(content), content).splitlines()[-1].split()
    assert last[3:5] == [f"{len(content):,}", f"{len(gzip.compress(content, 9, mtime=0)):,}"]


def test_promises_are_read_back_from_the_file(content):
    sizes = tensor_sizes(content)
    phase = Phase(0, 1, quantised=True, batch_norm_frozen=False, pruned=True, snapped=True)
    assert broken_promises(sizes, Recipe(bits=4), phase) == []
    assert broken_promises(sizes, Recipe(clusters=2), phase)[0].startswith("first has 3 values, not 2")
    # What a later stage promises isn't asked of an unfinished run.
    early = Phase(0, 1, quantised=True, batch_norm_frozen=False)
    assert broken_promises(sizes, Recipe(clusters=3, sparsity=0.6), early) == []
    problems = broken_promises(sizes, Recipe(sparsity=0.6), phase)
    assert problems[0] == "first has 50.0% zeros, not 60.0%"
    assert len(problems) == 2
