"""Compound scaling: depth, width and resolution of a network grow together by one exponent.

Of Tan and Le, ICML 2019 (arXiv 1905.11946), section 3.3. With alpha beta^2 gamma^2 = 2, the MACs double with each
step of the exponent:

    depth = alpha^phi,  width = beta^phi,  resolution = gamma^phi

A network scaled by hand is one of the settings `width` and `depth`, on pictures of the resolution:

    depth, width, resolution = compound(1.0)
    pixels = round(224 * resolution)
    networks.get({"name": "efficientnet_lite0", "depth": depth}, width=width)((pixels, pixels, 3), 10)
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

from tfqnoise import networks
from tfqnoise.errors import UsageError
from tfqnoise.networks import cost

# A function of (depth, width, resolution), each a multiplier.
Measure = Callable[[float, float, float], float]
_GRID = tuple(1 + 0.05 * step for step in range(9))


def compound(phi: float, alpha: float = 1.2, beta: float = 1.1, gamma: float = 1.15) -> tuple[float, float, float]:
    """Returns the multipliers of depth, width and resolution.

    Args:
        phi: steps from the base network, 0; below 0 it shrinks.
        alpha: of depth, per step.
        beta: of width, per step.
        gamma: of resolution, per step.

    Raises:
        UsageError: if a base isn't positive.
    """
    for name, base in (("alpha", alpha), ("beta", beta), ("gamma", gamma)):
        if not (math.isfinite(base) and base > 0):
            raise UsageError(f"{name} = {base}", "a positive number", "the paper's are 1.2, 1.1 and 1.15")
    return alpha**phi, beta**phi, gamma**phi


def theoretical(depth: float, width: float, resolution: float) -> float:
    """Returns how many times the MACs a scaled network has, by the rule: depth width^2 resolution^2."""
    return depth * width**2 * resolution**2


def counted(network: Any, pixels: int, classes: int) -> Measure:
    """Returns a measure as `theoretical`, but of built networks, whose channels and blocks are whole numbers.

    Args:
        network: a registered network with a setting `depth`, as `tfqnoise.networks.get` takes it.
        pixels: a side of the base network's pictures; scaled ones on either side of 64 pixels have other stems.
        classes: number of logits.
    """
    spec = dict(networks.registry.parse(network))

    def built(depth: float, width: float, resolution: float) -> int:
        side = round(pixels * resolution)
        scaled = {**spec, "depth": float(spec.get("depth", 1.0)) * depth}
        return cost.macs(networks.get(scaled, width=width)((side, side, 3), classes))

    base = built(1.0, 1.0, 1.0)
    return lambda depth, width, resolution: built(depth, width, resolution) / base


def search(
    evaluate: Measure,
    *,
    growth: Measure = theoretical,
    budget: float = 2.0,
    tolerance: float = 0.1,
    grid: Sequence[float] = _GRID,
) -> tuple[float, float, float]:
    """Returns the alpha, beta and gamma of a grid whose scaled network is evaluated best.

    The paper's small grid search: phi is 1, and the base network stays as it is. For example, with `score` a function
    that trains a network on pictures of some pixels and returns its validation accuracy:

        def evaluate(depth, width, resolution):
            return score({"name": "efficientnet_lite0", "depth": depth}, width, round(96 * resolution))

        alpha, beta, gamma = search(evaluate, growth=counted("efficientnet_lite0", 96, 10))

    Args:
        evaluate: of (alpha, beta, gamma); higher is better. Of equal ones the first wins.
        growth: how many times the base network's MACs the scaled one has.
        budget: the growth that is aimed at.
        tolerance: how far the growth may be from it.
        grid: values that each of the three may have, at least 1.

    Raises:
        UsageError: if no point of the grid is near enough to the budget.
    """
    points = list(itertools.product(grid, grid, grid))
    near = [point for point in points if abs(growth(*point) - budget) <= tolerance]
    if not near:
        closest = min(points, key=lambda point: abs(growth(*point) - budget), default=None)
        raise UsageError(
            f"no point of a grid of {len(points)} with {budget:g} times the MACs within {tolerance:g}",
            f"a grid that reaches the budget; its nearest point is {closest}",
            "widen the grid or the tolerance",
        )
    return max(near, key=lambda point: evaluate(*point))
