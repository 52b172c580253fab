"""No strategy: the loss alone."""

import dataclasses
from typing import Any, ClassVar

from tfqnoise.strategies import Problem, State, register


class _State(State):
    def __init__(self, base: Any) -> None:
        super().__init__()
        self._base = base

    def loss(self, batch: dict[str, Any], labels: Any, logits: Any) -> Any:
        return self._base(labels, logits, batch["passed"])


@register(reference="-")
@dataclasses.dataclass(frozen=True)
class Plain:
    """The loss alone, with no memory."""

    tasks: ClassVar[tuple[str, ...]] = ("single", "multi")

    def build(self, loss: Any, problem: Problem) -> State:
        return _State(loss)
