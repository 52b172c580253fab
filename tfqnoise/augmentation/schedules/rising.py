"""More and more magnitude."""

import dataclasses
from typing import Any

from tfqnoise.augmentation.schedules import check_least, register


@register(reference="Yu et al., IJCNN 2023 (arXiv 2305.13232), to compare with falling")
@dataclasses.dataclass(frozen=True)
class Rising:
    """1 - (1 - least) s: the least share of the magnitude for the whole network, the whole at the end.

    Args:
        least: that share.
    """

    least: float = 0.0

    def __post_init__(self) -> None:
        check_least("rising", self.least)

    def __call__(self, size: Any) -> Any:
        return 1 - (1 - self.least) * size
