"""The one representation that leaves tfqnoise: int8 tensors, of which few levels may be used.

LiteRT's kernels compute with int8 (weights of fewer bits are unpacked to it), and the converter reads a tensor's
scale from an 8-bit FakeQuant operator. So a tensor trained with b < 8 bits is handed to the converter as an 8-bit
one whose scale is the b-bit step: its integers are exactly the trained levels, none is rounded a second time, and
the exporter can pack them into fewer bits.
"""

from typing import Any

from tfqnoise.backend import tf

# A channel of zeros has no step of its own. This one leaves room for its bias in 32 bits.
SMALLEST_STEP = 1e-6


def top_level(bits: int) -> int:
    """Returns the largest code n of symmetric weights: the codes are -n ... n, or -1 and 1 with one bit."""
    return max(1, 2 ** (bits - 1) - 1)


def rounded(values: Any, bits: int) -> Any:
    """Returns values in units of their step as codes of the given bits, as floats.

    k = clip(round(v), -n, n) with n = 2^(b-1) - 1: symmetric, because LiteRT's weights have no zero point. With
    two bits that is ternary; with one bit k = 1 if v >= 0, else -1.
    """
    if bits == 1:
        # Not a comparison, which the converter doesn't compute in advance.
        return tf.clip_by_value((values + 1e-30) * 1e38, -1.0, 1.0)
    top = top_level(bits)
    return tf.clip_by_value(tf.round(values), -top, top)


def weights_as_int8(values: Any, step: Any) -> Any:
    """Returns weights as int8 of the given step: the form that the converter takes over.

    Args:
        values: float32 of any shape.
        step: float32 [] for the whole tensor, or [channels] for the last axis.
    """
    quantise = tf.quantization.fake_quant_with_min_max_vars
    if step.shape.rank:
        quantise = tf.quantization.fake_quant_with_min_max_vars_per_channel
    return quantise(values, -127 * step, 127 * step, num_bits=8, narrow_range=True)


def activation_range(high: Any, bits: int) -> tuple[Any, Any]:
    """Returns the int8 range whose top 2^b levels are those of a b-bit tensor of [0, high].

    With the step s = high / (2^b - 1) the range is [high - 255 s, high]. What saturates at the top in b bits
    saturates at the top of int8, and a ReLU cuts off what lies below zero; so the device computes the b-bit
    tensor exactly.
    """
    step = high / (2**bits - 1)
    return high - 255 * step, high
