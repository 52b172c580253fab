"""A magnitude steered by over-fitting."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from tfqnoise.augmentation.schedules import register
from tfqnoise.errors import UsageError


@register(
    reference="Karras et al., NeurIPS 2020 (arXiv 2006.06676), section 3.2: steered by the signs of over-fitting"
)
@dataclasses.dataclass(frozen=True)
class Learned:
    """After epoch e the share of the magnitude becomes clip(s_e + step sign(a_e - v_e - lead), 0, 1).

    a_e is the accuracy on the training pictures as they were changed, v_e that on validation pictures as they are,
    both by the labels that were given. Where training is ahead the network learns pictures by heart, with their wrong
    labels, and stronger changes stand against it; where it is behind, the changes are more than its size can bear.

    Args:
        start: the share in the first epoch, from 0 to 1.
        step: by which it changes, above 0, at most 1.
        lead: by how much training may be ahead, from -1 to 1.
    """

    start: float = 0.5
    step: float = 0.1
    lead: float = 0.0

    def __post_init__(self) -> None:
        for name, valid, expected in (
            ("start", 0 <= self.start <= 1, "a share from 0 to 1"),
            ("step", 0 < self.step <= 1, "above 0, at most 1"),
            ("lead", -1 <= self.lead <= 1, "from -1 to 1"),
        ):
            if not valid:
                raise UsageError(
                    f"learned with {name} = {getattr(self, name)}",
                    expected,
                    f"leave {name} out for {getattr(Learned, name)}",
                )

    def __call__(self, size: Any) -> Any:
        return size

    def after(self, rows: Sequence[dict[str, Any]]) -> float:
        """Returns the share for the epoch behind these.

        Args:
            rows: the epochs so far, as metrics.jsonl has them; those without both accuracies don't count.
        """
        share = self.start
        for row in rows:
            if "accuracy" in row and "validation_accuracy" in row:
                ahead = row["accuracy"] - row["validation_accuracy"] > self.lead
                share = min(1.0, max(0.0, share + (self.step if ahead else -self.step)))
        return share
