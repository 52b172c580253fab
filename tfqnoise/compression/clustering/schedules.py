"""How a penalty's weight goes through its stage."""

import math
from collections.abc import Callable
from typing import Any

from tfqnoise.backend import tf

# By the share t of the stage that is over, 0 to 1.
SCHEDULES: dict[str, Callable[[Any], Any]] = {
    "constant": lambda t: tf.ones_like(t),
    "linear": lambda t: t,
    "cubic": lambda t: t**3,
    "cosine": lambda t: (1 - tf.cos(math.pi * t)) / 2,
}
