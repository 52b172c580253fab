import numpy as np
import pytest

from tfqnoise.backend import tf
from tfqnoise.compression.quantization import integers


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 8])
def test_codes_are_symmetric_and_few(bits):
    codes = np.unique(integers.rounded(tf.linspace(-300.0, 300.0, 4001), bits))
    assert len(codes) == (2 if bits == 1 else 2**bits - 1) <= 2**bits
    np.testing.assert_array_equal(codes, -codes[::-1])
    assert codes.max() == integers.top_level(bits)


def test_one_bit_is_a_sign():
    values = tf.constant([-2.0, -1e-6, 0.0, 1e-6, 3.0])
    np.testing.assert_array_equal(integers.rounded(values, 1), [-1, -1, 1, 1, 1])


@pytest.mark.parametrize("step", [0.013, np.array([0.5, 1e-6, 3.7])])
def test_what_lies_on_the_grid_stays_on_it(step):
    step = tf.constant(step, tf.float32)
    codes = tf.constant(np.random.default_rng(0).integers(-127, 128, (50, 3)), tf.float32)
    np.testing.assert_allclose(integers.weights_as_int8(codes * step, step), codes * step, rtol=1e-6)


@pytest.mark.parametrize("bits", [2, 3, 4, 7])
def test_few_levels_of_int8_are_the_levels_of_so_many_bits(bits):
    high = tf.constant(1.7)
    x = tf.linspace(0.0, 3.0, 5001)
    as_int8 = tf.quantization.fake_quant_with_min_max_vars(x, *integers.activation_range(high, bits))
    plain = np.clip(np.round(x / (1.7 / (2**bits - 1))), 0, 2**bits - 1) * 1.7 / (2**bits - 1)
    np.testing.assert_allclose(as_int8, plain, atol=1e-5)
    assert len(np.unique(as_int8)) == 2**bits
