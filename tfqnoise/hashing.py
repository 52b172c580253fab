"""Random numbers that belong to an example, not to an order: pure functions of (id, seed, …).

The same numbers come out in NumPy and in a TensorFlow graph, on any machine, in any order and after any
resume. The generator is the SplitMix64 finaliser applied once per word.

Reference: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
"""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

_GOLDEN = 0x9E3779B97F4A7C15
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_MASK = (1 << 64) - 1


def keys_of(ids: Iterable[str]) -> np.ndarray:
    """Returns the 64-bit key of each id: the first 8 bytes of its BLAKE2b hash.

    Args:
        ids: N strings.

    Returns:
        uint64 of shape [N].
    """
    digests = [hashlib.blake2b(i.encode(), digest_size=8).digest() for i in ids]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def _mix(x: Any, constant: Callable[[int], Any], shift: Callable[[Any, int], Any]) -> Any:
    x = (x ^ shift(x, 30)) * constant(_FIRST)
    x = (x ^ shift(x, 27)) * constant(_SECOND)
    return x ^ shift(x, 31)


def uniform(keys: np.ndarray, *words: int) -> np.ndarray:
    """Returns one number of [0, 1) per key, as a pure function of (key, words).

    Args:
        keys: uint64 of shape [N], as `keys_of` gives them.
        *words: integers such as a seed, an epoch and a number that names the use.

    Returns:
        float64 of shape [N], multiples of 2^-53.
    """
    x = np.asarray(keys, np.uint64)
    for word in words:
        x = _mix(x + np.uint64(((word + 1) * _GOLDEN) & _MASK), np.uint64, lambda v, n: v >> np.uint64(n))
    return (x >> np.uint64(11)).astype(np.float64) * 2.0**-53


def uniform_graph(keys: Any, *words: Any) -> Any:
    """The same as `uniform` inside a TensorFlow graph.

    Args:
        keys: uint64 tensor of shape [N].
        *words: Python integers or scalar integer tensors.

    Returns:
        float64 tensor of shape [N], equal to NumPy's to the last bit.
    """
    from tfqnoise.backend import tf

    def constant(value: int) -> Any:
        return tf.constant(value, tf.uint64)

    x = keys
    for word in words:
        step = (tf.cast(word, tf.uint64) + constant(1)) * constant(_GOLDEN)
        x = _mix(x + step, constant, lambda v, n: tf.bitwise.right_shift(v, tf.constant(n, tf.uint64)))
    return tf.cast(tf.bitwise.right_shift(x, constant(11)), tf.float64) * 2.0**-53
