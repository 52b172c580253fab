"""Pre-training without labels: by how many quarters was the picture turned?"""

from typing import Any

from tfqnoise.backend import keras, tf
from tfqnoise.strategies import Outcome, State

TURNS = 4


def head(network: Any) -> Any:
    """Returns a network with the layers of another up to its features, and a head of its own for the four turns.

    Args:
        network: a plain network whose last layer gives logits from features.
    """
    features = network.layers[-1].input
    return keras.Model(network.input, keras.layers.Dense(TURNS, name="rotation")(features))


class Rotation(State):
    """L = -(1/4B) sum over pictures and turns t of log p(t | picture turned by t quarters).

    All four turns of a picture are in one batch, and are exact: pixels are moved, not interpolated.

    Reference: Gidaris et al., ICLR 2018 (arXiv 1803.07728), equations 1 to 3.
    """

    answers = False

    def outcome(self, batch: dict[str, Any], labels: Any, networks: Any) -> Outcome:
        images = batch["image"]
        turned = tf.concat([tf.image.rot90(images, turn) for turn in range(TURNS)], axis=0)
        truth = tf.repeat(tf.range(TURNS), tf.shape(images)[0])
        logits = tf.cast(networks[0](turned), tf.float32)
        return Outcome([tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(truth, logits))])
