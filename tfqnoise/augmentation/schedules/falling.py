"""Less and less magnitude."""

import dataclasses
from typing import Any

from tfqnoise.augmentation.schedules import check_least, register


@register(reference="Yu et al., IJCNN 2023 (arXiv 2305.13232), abstract: small networks prefer low magnitudes")
@dataclasses.dataclass(frozen=True)
class Falling:
    """least + (1 - least) s: the whole magnitude for the whole network, the least share of it at the end.

    Args:
        least: that share.
    """

    least: float = 0.0

    def __post_init__(self) -> None:
        check_least("falling", self.least)

    def __call__(self, size: Any) -> Any:
        return self.least + (1 - self.least) * size
