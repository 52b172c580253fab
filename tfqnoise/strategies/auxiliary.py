"""Auxiliary training: a branch learns strongly changed pictures and is discarded."""

import dataclasses
from typing import Any, ClassVar

from tfqnoise import augmentation
from tfqnoise.backend import keras, tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Branch, Outcome, Problem, State, register

# The policy of strong pictures unless another is named.
STRONG = '{"name": "rand_augment", "magnitude": 0.7}'
_PLACES = ("last", "inner")


class _State(State):
    networks: ClassVar[int] = 2

    def __init__(self, settings: "Auxiliary", base: Any, problem: Problem) -> None:
        super().__init__()
        self._settings, self._base, self._problem = settings, base, problem
        self.strong, self.strong_views = settings.strong, 1

    def branch(self, network: Any) -> Branch:
        return branch(network, self._problem.classes, self._settings, self._problem.seed)

    def outcome(self, batch: dict[str, Any], labels: Any, networks: Any) -> Outcome:
        # The plain path comes first: quantizers that start at their first batch start at the weak pictures.
        logits = networks[0](batch["image"])
        answer = networks[1](batch["strong"][0])
        loss = tf.reduce_mean(self._base(labels, logits, batch["passed"]))
        if self._settings.distillation:
            loss += self._settings.distillation * tf.reduce_mean(divergence(tf.stop_gradient(answer), logits))
        auxiliary = tf.reduce_mean(self._base(labels, answer, batch["passed"]))
        return Outcome([loss, self._settings.weight * auxiliary], logits)


def divergence(first: Any, second: Any) -> Any:
    """Returns KL(p || q) in nats, float32 [B], for logits [B, C] of p and of q."""
    first, second = (tf.nn.log_softmax(tf.cast(logits, tf.float32)) for logits in (first, second))
    return tf.reduce_sum(tf.exp(first) * (first - second), axis=-1)


def place(network: Any, at: str) -> Any:
    """Returns the layer of a plain network that gives its last feature map, or the last one of a larger size.

    Args:
        network: a plain network that ends in logits.
        at: `last` or `inner`. Where no map is larger both mean the same.
    """
    maps = [each for each in network.layers if len(each.output.shape) == 4 and not _is_input(each)]
    size = maps[-1].output.shape[1:3]
    larger = [each for each in maps if each.output.shape[1] > size[0] or each.output.shape[2] > size[1]]
    return larger[-1] if at == "inner" and larger else maps[-1]


def branch(network: Any, classes: int, settings: "Auxiliary", seed: int) -> Branch:
    """Returns the branch of a plain network: convolutions of 3x3, the mean over positions and a dense layer.

    Args:
        network: it will hang on.
        classes: number of logits.
        settings: how wide, how deep and where.
        seed: of its first weights, which depend on nothing else.
    """
    layers, layer = keras.layers, place(network, settings.at)
    x = features = keras.Input(layer.output.shape[1:], name="auxiliary_features")
    filters = max(1, round(settings.width * features.shape[-1]))
    for number in range(1, settings.depth + 1):
        start = keras.initializers.HeNormal(seed=seed + number)
        x = layers.Conv2D(
            filters, 3, padding="same", use_bias=False, kernel_initializer=start, name=f"auxiliary{number}"
        )(x)
        x = layers.BatchNormalization(name=f"auxiliary{number}_bn")(x)
        x = layers.ReLU(name=f"auxiliary{number}_relu")(x)
    x = layers.GlobalAveragePooling2D(name="auxiliary_pool")(x)
    start = keras.initializers.HeNormal(seed=seed)
    logits = layers.Dense(classes, kernel_initializer=start, name="auxiliary_logits")(x)
    return Branch(keras.Model(features, logits, name="auxiliary"), layer.name)


def _is_input(layer: Any) -> bool:
    return isinstance(layer, keras.layers.InputLayer)


@register(
    reference="Yu et al., IJCNN 2023 (arXiv 2305.13232), its second finding; selective batch norm and input-aware "
    "distillation of Zhang et al., CVPR 2020",
    sample={"strong": {"name": "standard"}},
)
@dataclasses.dataclass(frozen=True)
class Auxiliary:
    """Learns strongly changed pictures through a wide branch that is discarded.

        L = loss(y, z(x)) + w loss(y, z'(x'))

    z is the network's answer to the picture as --augmentation changes it, z' that of a branch on its features to the
    picture as `strong` changes it. Layers that lead to the branch learn from both; running statistics and ranges
    come from x alone. With `distillation` d, d KL(p'(x') || p(x)) is added, of which p alone learns.

    Args:
        strong: an augmentation policy: a name, or a dict of name and settings.
        weight: w.
        distillation: d; 0 for none.
        width: channels of the branch as a multiple of those of the features.
        depth: convolutions of the branch; 0 leaves its dense layer alone.
        at: `last` for the features before they are averaged, `inner` for the last that are larger.
    """

    strong: Any = STRONG
    weight: float = 1.0
    distillation: float = 0.0
    width: float = 2.0
    depth: int = 1
    at: str = "last"

    def __post_init__(self) -> None:
        augmentation.get(self.strong)
        if self.at not in _PLACES:
            raise UsageError(f"auxiliary at '{self.at}'", " or ".join(_PLACES), "leave it out for the last features")
        if not (self.weight >= 0 and self.distillation >= 0 and self.width > 0 and self.depth >= 0):
            raise UsageError(
                f"auxiliary with weight = {self.weight}, distillation = {self.distillation}, "
                f"width = {self.width}, depth = {self.depth}",
                "weight, distillation and depth of at least 0, width above 0",
                "leave them out for 1, 0, 2 and 1",
            )

    def build(self, loss: Any, problem: Problem) -> State:
        return _State(self, loss, problem)
