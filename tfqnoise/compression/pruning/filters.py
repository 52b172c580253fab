"""Structured pruning: which filters go, and the smaller network without them."""

import dataclasses
import fnmatch
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfqnoise.backend import keras
from tfqnoise.compression.pruning import criteria, surgery
from tfqnoise.compression.pruning.channels import Channels, Group, trace
from tfqnoise.compression.pruning.criteria import Evidence
from tfqnoise.errors import PlanError
from tfqnoise.recipe import Recipe

# In a ranking over all layers no group loses more than this: a layer with no channel would cut the network in two.
_MOST = 0.9
_PICTURES = 8


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


def ratios(recipe: Recipe, groups: tuple[Group, ...]) -> dict[str, float]:
    """Returns the share of units that each group of a network is to lose, by its name.

    Raises:
        PlanError: if a pattern of --pruning-ratios fits no layer whose filters may be removed.
    """
    pairs = recipe.layer_pruning_ratios()
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


def check(recipe: Recipe, network: Any, pictures: np.ndarray) -> None:
    """Checks before training that filters can be removed as the recipe says.

    Raises:
        PlanError: if a pattern of --pruning-ratios fits no layer, no filter may be removed, or the criterion can
            judge none.
    """
    criterion, channels = criteria.get(recipe.criterion), trace(network)
    if not channels.groups:
        raise PlanError(
            f"filters to be removed from {recipe.network}, where each layer stands beside the picture, the logits or "
            "a layer that mixes channels in a way that isn't known",
            "a convolution or hidden dense layer that others read",
            "leave --pruning-ratio out, or choose another --network",
        )
    ratios(recipe, channels.groups)
    seen = (Evidence(network, channels, group, pictures, recipe.seed) for group in channels.groups)
    if all(criterion.importance(each) is None for each in seen):
        raise PlanError(
            f"--criterion {recipe.criterion} can judge no layer of {recipe.network}",
            "a criterion for this network: batch_norm_scale needs batch norms, apoz ReLUs",
            "choose --criterion weight_sum or thinet",
        )


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
    network without what was removed before; of filters, the weights that read a removed channel don't count.

    Args:
        recipe: says how much, in how many steps, and by which criterion.
        network: the plain network with the weights trained so far.
        filters: those left of the whole network, by layer, as `Pruned` has them.
        begun: how many units each group had before the first step.
        step: of `recipe.pruning_steps`, counted from 1; behind it the share step / steps of all that goes is gone.
        pictures: float32 [P, H, W, C] in [0, 1] of the training pictures, for criteria that look at responses.
    """
    criterion, share = criteria.get(recipe.criterion), step / recipe.pruning_steps
    channels = trace(network)
    # Removed channels are kept from being read, one group after the other; at the end they are cut out at once.
    masked = keras.models.clone_model(network)
    masked.set_weights(network.get_weights())
    evidence = {group.name: Evidence(masked, channels, group, pictures, recipe.seed) for group in channels.groups}
    if recipe.pruning_scope == "global":
        aims = _ranked(recipe, criterion, evidence, begun, share)
    else:
        wanted = ratios(recipe, channels.groups)
        aims = {name: begun[name] - round(ratio * share * begun[name]) for name, ratio in wanted.items()}
    removed, rows = np.zeros(0, np.int64), []
    for name, seen in evidence.items():
        kept, reason = _kept(criterion, seen, max(1, aims[name]))
        _mask(criterion, seen, kept)
        removed = np.concatenate([removed, seen.group.units[~kept]])
        rows.append(
            {
                "group": name,
                "layers": list(seen.group.layers),
                "units_first": begun[name],
                "units_before": len(kept),
                "units_after": int(kept.sum()),
                **({"left_whole": reason} if reason else {}),
            }
        )
    if not len(removed):
        return Pruned(network, dict(filters), rows)
    return Pruned(surgery.without(masked, channels, removed), _left(channels, filters, removed), rows)


def outlined(recipe: Recipe, network: Any) -> Any:
    """Returns a network as small as a recipe makes it in the end, before anything is learnt.

    It loses as many filters, though others. With --pruning-scope global this is a guess, since what each layer loses
    depends on what is learnt.

    Args:
        recipe: says how much is removed.
        network: the plain network, with any weights.
    """
    if not recipe.shrinks:
        return network
    once = dataclasses.replace(recipe, pruning_steps=1)
    return prune(once, network, {}, sizes(network), 1, noise(network)).network


def noise(network: Any) -> np.ndarray:
    """Returns a few pictures of a network's shape, by which a criterion can say which groups it can judge."""
    return np.random.default_rng(0).random((_PICTURES, *network.input_shape[1:]), np.float32)


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
    for name in evidence.group.layers:
        # Of layers side by side one may matter least with all its filters, but none can do without any.
        own = np.flatnonzero(np.isin(evidence.group.units, evidence.channels.outputs[name]))
        if not kept[own].any():
            kept[own[np.argmax(importance[own])]] = True
    return kept, ""


def _mask(criterion: Any, evidence: Evidence, kept: np.ndarray) -> None:
    """Makes layers read only those units that stay, and make up for the others as the criterion says."""
    if kept.all():
        return
    channels, units = evidence.channels, evidence.group.units
    multipliers = criterion.multipliers(evidence, kept)
    for layer in channels.consumers(units, evidence.network):
        factor_of = dict(zip(units.tolist(), multipliers.get(layer.name, np.ones(len(units))) * kept, strict=True))
        factor = np.array([factor_of.get(int(unit), 1.0) for unit in channels.inputs[layer.name]], np.float32)
        layer.kernel.assign(layer.kernel * factor[:, None])


def _left(channels: Channels, filters: Mapping[str, np.ndarray], removed: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the filters that are left of the whole network, by layer that lost some."""
    left = dict(filters)
    for name in {layer: None for group in channels.groups for layer in group.layers}:
        stay = ~np.isin(channels.outputs[name], removed)
        if not stay.all():
            left[name] = left.get(name, np.arange(len(stay)))[stay]
    return left


def _ranked(
    recipe: Recipe, criterion: Any, evidence: Mapping[str, Evidence], begun: Mapping[str, int], share: float
) -> dict[str, int]:
    """Returns how many units each group keeps if those that matter least of all groups go.

    What a criterion says of different layers is compared relative to the root mean square of a layer.
    """
    found: dict[str, np.ndarray] = {}
    aims = {name: len(seen.group.units) for name, seen in evidence.items()}
    for name, seen in evidence.items():
        importance = criterion.importance(seen)
        if importance is not None:
            found[name] = importance / (np.sqrt(np.mean(importance**2)) or 1.0)
    still = round(recipe.pruning_ratio * share * sum(begun.values())) - (sum(begun.values()) - sum(aims.values()))
    order = sorted((value, name) for name, values in found.items() for value in values)
    for _, name in order:
        if still > 0 and aims[name] > max(1, math.ceil((1 - _MOST) * begun[name])):
            aims[name] -= 1
            still -= 1
    return aims
