"""Structured pruning: which filters go, and the smaller network without them."""

import dataclasses
import fnmatch
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfqnoise.compression.pruning import criteria, surgery
from tfqnoise.compression.pruning.channels import trace
from tfqnoise.compression.pruning.criteria import Evidence
from tfqnoise.errors import PlanError
from tfqnoise.recipe import Recipe

# In a ranking over all layers no group loses more than this: a layer with no channel would cut the network in two.
_MOST = 0.9


@dataclasses.dataclass(frozen=True)
class Pruned:
    """A network without some of its filters.

    Attributes:
        network: the smaller plain network.
        filters: by layer that lost some, int64, the numbers that the filters left have in the whole network.
        groups: for each group of layers that share units its name, layers, and units at first, before and after; and
            why it was left whole, where that wasn't wanted.
    """

    network: Any
    filters: dict[str, np.ndarray]
    groups: list[dict[str, Any]]


def sizes(network: Any) -> dict[str, int]:
    """Returns how many units each group of a network has, by its name."""
    return {group.name: len(group.units) for group in trace(network).groups}


def ratios(recipe: Recipe, network: Any) -> dict[str, float]:
    """Returns the share of units that each group of a network is to lose, by its name.

    Raises:
        PlanError: if a pattern of --pruning-ratios fits no layer whose filters may be removed.
    """
    groups, pairs = trace(network).groups, recipe.layer_pruning_ratios()
    layers = [layer for group in groups for layer in group.layers]
    for pattern, _ in pairs:
        if not fnmatch.filter(layers, pattern):
            raise PlanError(
                f"--pruning-ratios names '{pattern}', which fits no layer whose filters may be removed",
                f"a layer, or a pattern of layers, of {', '.join(layers)}",
                "correct the name",
            )
    return {
        group.name: next(
            (ratio for pattern, ratio in pairs if fnmatch.filter(group.layers, pattern)), recipe.pruning_ratio
        )
        for group in groups
    }


def prune(
    recipe: Recipe,
    network: Any,
    filters: Mapping[str, np.ndarray],
    begun: Mapping[str, int],
    step: int,
    pictures: np.ndarray,
) -> Pruned:
    """Removes the filters that one step of pruning removes.

    Groups are pruned one after the other, from the picture to the logits, so that what a criterion sees of one is the
    network without what was removed before.

    Args:
        recipe: says how much, in how many steps, and by which criterion.
        network: the plain network with the weights trained so far.
        filters: those left of the whole network, by layer, as `Pruned` has them.
        begun: how many units each group had before the first step.
        step: of `recipe.pruning_steps`, counted from 1; behind it the share step / steps of all that goes is gone.
        pictures: float32 [P, H, W, C] in [0, 1] of the training pictures, for criteria that look at responses.
    """
    criterion = criteria.get(recipe.criterion)
    share = step / recipe.pruning_steps
    if recipe.pruning_scope == "global":
        aims = _ranked(recipe, criterion, network, begun, share, pictures)
    else:
        wanted = ratios(recipe, network)
        aims = {name: begun[name] - round(ratio * share * begun[name]) for name, ratio in wanted.items()}
    before, filters, rows = sizes(network), dict(filters), []
    for name, aim in aims.items():
        evidence = _evidence(network, name, pictures, recipe.seed)
        kept, reason = _kept(criterion, evidence, max(1, aim))
        network, filters = _without(network, filters, evidence, kept, criterion)
        rows.append(
            {
                "group": name,
                "layers": list(evidence.group.layers),
                "units_first": begun[name],
                "units_before": before[name],
                "units_after": int(kept.sum()),
                **({"left_whole": reason} if reason else {}),
            }
        )
    return Pruned(network, filters, rows)


def _evidence(network: Any, name: str, pictures: np.ndarray, seed: int) -> Evidence:
    channels = trace(network)
    group = next(group for group in channels.groups if group.name == name)
    return Evidence(network, channels, group, pictures, seed)


def _kept(criterion: Any, evidence: Evidence, aim: int) -> tuple[np.ndarray, str]:
    """Returns which units stay, and why all do if the criterion can't judge."""
    count = len(evidence.group.units)
    if aim >= count:
        return np.ones(count, bool), ""
    importance = criterion.importance(evidence)
    if importance is None:
        return np.ones(count, bool), f"{criteria.registry.to_dict(criterion)['name']} can't judge it"
    kept = np.zeros(count, bool)
    kept[np.argsort(importance, kind="stable")[count - aim :]] = True
    return kept, ""


def _without(
    network: Any, filters: dict[str, np.ndarray], evidence: Evidence, kept: np.ndarray, criterion: Any
) -> tuple[Any, dict[str, np.ndarray]]:
    if kept.all():
        return network, filters
    channels, group = evidence.channels, evidence.group
    multipliers = criterion.multipliers(evidence, kept)
    removed = group.units[~kept]
    smaller = surgery.without(network, channels, removed)
    for name, factors in multipliers.items():
        taken = channels.inputs[name]
        taken = taken[~np.isin(taken, removed)]
        of_unit = dict(zip(group.units.tolist(), factors, strict=True))
        factor = np.array([of_unit.get(int(unit), 1.0) for unit in taken])
        kernel = smaller.get_layer(name).kernel
        kernel.assign(kernel * factor[:, None].astype(np.float32))
    for name in group.layers:
        stay = ~np.isin(channels.outputs[name], removed)
        filters[name] = filters.get(name, np.arange(len(stay)))[stay]
    return smaller, filters


def _ranked(
    recipe: Recipe, criterion: Any, network: Any, begun: Mapping[str, int], share: float, pictures: np.ndarray
) -> dict[str, int]:
    """Returns how many units each group keeps if those that matter least of all groups go.

    What a criterion says of different layers is compared relative to the root mean square of a layer.
    """
    found: dict[str, np.ndarray] = {}
    aims = {}
    for group in trace(network).groups:
        importance = criterion.importance(_evidence(network, group.name, pictures, recipe.seed))
        aims[group.name] = len(group.units)
        if importance is not None:
            found[group.name] = importance / (np.sqrt(np.mean(importance**2)) or 1.0)
    still = math.floor(recipe.pruning_ratio * share * sum(begun.values())) - (
        sum(begun.values()) - sum(aims.values())
    )
    order = sorted((value, name) for name, values in found.items() for value in values)
    for _, name in order:
        if still > 0 and aims[name] > max(1, math.ceil((1 - _MOST) * begun[name])):
            aims[name] -= 1
            still -= 1
    return aims
