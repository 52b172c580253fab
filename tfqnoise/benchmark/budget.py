"""Budgets: how many filters must go so that a network costs no more than so much.

What a network costs depends on its shape alone, so it is known before training.
"""

import dataclasses
import functools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from tfqnoise import assembly
from tfqnoise.compression import plan
from tfqnoise.compression.pruning import filters
from tfqnoise.data import dataset as data
from tfqnoise.errors import UsageError
from tfqnoise.export.interpreter import Interpreter
from tfqnoise.export.untrained import converted
from tfqnoise.limits import OF_PRUNING
from tfqnoise.networks import cost
from tfqnoise.recipe import Recipe

# Shares are tried in hundredths up to this.
_MOST = 95
_CALLS = 300


@dataclasses.dataclass(frozen=True)
class Budget:
    """What a network may cost at most; None for no limit.

    Attributes:
        macs: multiply-accumulates a picture.
        bytes: of the exported model, with weights as narrow as they are stored.
        latency_ms: median milliseconds a picture on this machine: LiteRT, one thread.
    """

    macs: int | None = None
    bytes: int | None = None
    latency_ms: float | None = None

    def __post_init__(self) -> None:
        for flag, value in self.flags():
            if not value > 0:
                raise UsageError(f"{flag} {value}", "more than 0", "leave it out for no limit")

    def flags(self) -> list[tuple[str, float]]:
        """Returns the limits that there are, by their flags."""
        named = {"--max-macs": self.macs, "--max-bytes": self.bytes, "--max-latency-ms": self.latency_ms}
        return [(flag, value) for flag, value in named.items() if value is not None]


def within(recipe: Recipe, budget: Budget, report: Callable[[str], None] = print) -> Recipe:
    """Returns the recipe with the least pruning ratio, in hundredths, with which its network is within a budget.

    Args:
        recipe: without --pruning-ratio and with --pruning-scope layer, where shapes follow from ratios. What the run
            of --weights has lost already counts.
        budget: what the network may cost.
        report: takes what was found.

    Raises:
        UsageError: if the flags don't go together, or no ratio up to 0.95 is enough.
        PlanError: if there are too few epochs to remove filters, or the criterion can judge none.
        DataError: if the data set, which says how large pictures are, can't be loaded.
    """
    flags = budget.flags()
    if not flags:
        return recipe
    said = ", ".join(f"{flag} {value:,}" for flag, value in flags)
    if recipe.pruning_ratio or recipe.pruning_scope != "layer":
        raise UsageError(
            f"{said} with --pruning-ratio {recipe.pruning_ratio} --pruning-scope {recipe.pruning_scope}",
            "a budget, from which the ratio of each layer follows, or a ratio",
            "leave --pruning-ratio and --pruning-scope out",
        )
    if recipe.bits == 32 and (budget.bytes or budget.latency_ms):
        raise UsageError(f"{said} with --bits 32", "--max-macs, or an integer model", "train with --bits 8")
    # What the stages lack is found before networks are built and timed, which takes a while.
    plan.stages(dataclasses.replace(recipe, pruning_ratio=recipe.pruning_ratio or 0.01))
    report(f"{said}: looking for the least share of filters to remove")
    costs = _Costs(recipe, budget)
    if costs.fit(0):
        report(f"{said}: kept as it is, with {costs.said(0)}")
        if recipe.pruning_ratios:
            return recipe
        # How filters would have been removed says nothing any more, and would be refused; the stage behind the
        # removal trains in float.
        idle = {name: getattr(Recipe, name) for name in OF_PRUNING}
        return dataclasses.replace(recipe, stages=recipe.stages.replace("shrink", "float"), **idle)
    costs.check()
    low, high = 1, _MOST
    if not costs.fit(high):
        raise UsageError(
            f"{said}, where with {high} % of its filters removed {recipe.network} has {costs.said(high)}",
            "a budget that the network can meet",
            "raise it, or choose a smaller --network or --width",
        )
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if costs.fit(middle) else (middle + 1, high)
    report(f"{said}: {low} % of the filters go; {costs.said(low)}, instead of {costs.said(0)}")
    return dataclasses.replace(recipe, pruning_ratio=low / 100)


class _Costs:
    """What a recipe's network costs with a share of its filters removed, in hundredths."""

    def __init__(self, recipe: Recipe, budget: Budget) -> None:
        self._recipe, self._budget = recipe, budget
        dataset = data.load(recipe)
        self._plain = assembly.begun(recipe, dataset.input_shape, dataset.classes)
        self._source = dataset.source
        self.of = functools.cache(self._of)

    def check(self) -> None:
        """Refuses what no ratio can make smaller."""
        recipe = dataclasses.replace(self._recipe, pruning_ratio=_MOST / 100)
        filters.check(recipe, self._plain, filters.noise(self._plain))

    def fit(self, share: int) -> bool:
        found = self.of(share)
        return all(found[name] <= limit for name, limit in dataclasses.asdict(self._budget).items() if limit)

    def said(self, share: int) -> str:
        found = self.of(share)
        words = [f"{found['macs']:,} multiply-accumulates"]
        words += [f"{found['bytes']:,} bytes"] if "bytes" in found else []
        words += [f"{found['latency_ms']:.4g} ms"] if "latency_ms" in found else []
        return ", ".join(words)

    def _of(self, share: int) -> dict[str, Any]:
        recipe = dataclasses.replace(self._recipe, pruning_ratio=share / 100)
        network = filters.outlined(recipe, self._plain)
        found: dict[str, Any] = {"macs": cost.macs(network)}
        if self._budget.bytes or self._budget.latency_ms:
            if "shrink" in recipe.stages and not share:
                # Such stages want something to remove, and what they lead to is the same.
                recipe = dataclasses.replace(recipe, pruning_ratio=0.01)
            content = converted(recipe, network, self._source, "int8", "narrowest")
            found["bytes"] = len(content)
            if self._budget.latency_ms:
                found["latency_ms"] = _latency(content)
        return found


def _latency(content: bytes) -> float:
    """Returns the median milliseconds of a picture on one thread."""
    interpreter, times = Interpreter(content), []
    interpreter.set_random_input()
    for _ in range(_CALLS):
        began = time.perf_counter()
        interpreter.invoke()
        times.append(time.perf_counter() - began)
    # The first calls prepare what the later ones use.
    return float(np.median(times[_CALLS // 10 :])) * 1000
