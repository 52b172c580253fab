"""The networks of a run as filters are removed from them."""

from typing import Any

import numpy as np

from tfqnoise import assembly, metrics
from tfqnoise.backend import keras
from tfqnoise.compression.pruning import filters, surgery
from tfqnoise.data.dataset import Dataset
from tfqnoise.networks import cost
from tfqnoise.networks.predict import Predictor
from tfqnoise.recipe import Recipe
from tfqnoise.run import Run

FILE = "pruning.json"
# Training pictures by whose responses filters are judged; ThiNet looks at ten places of each.
_PICTURES = 256
# Enough to find out whether they can be judged at all.
_FEW = 8


class Shrinking:
    """Which filters each network of a run has left.

    Args:
        recipe: says how they are removed.
        dataset: whose training pictures criteria look at; test pictures show what a removal costs.
        networks: the plain networks as the run begins, the last one an average of the first if `averaged`.
        left: the filters that they have left then, by layer that lost some.
        averaged: whether the last network loses the same filters as the first.

    Raises:
        PlanError: if a pattern of --pruning-ratios fits no layer, or the criterion can judge none.
    """

    def __init__(
        self, recipe: Recipe, dataset: Dataset, networks: list[Any], left: dict[str, np.ndarray], averaged: bool
    ) -> None:
        self._recipe, self._dataset, self._averaged = recipe, dataset, averaged
        self._left = [left for _ in networks]
        self._begun: dict[str, int] = {}
        self.steps = 0
        if recipe.shrinks:
            filters.check(recipe, networks[0], self._pictures(_FEW))
            self._begun = filters.sizes(networks[0])

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns what a checkpoint keeps of it."""
        return {
            f"filters{number or ''}/{layer}": kept
            for number, left in enumerate(self._left)
            for layer, kept in left.items()
        }

    def left(self, steps: int) -> float | None:
        """Returns the share of the filters to be removed that is still there after some steps; None if none go."""
        return 1 - steps / self._recipe.pruning_steps if self._recipe.shrinks else None

    def restored(self, run: Run, checkpoint: dict[str, np.ndarray], steps: int, whole: list[Any]) -> list[Any]:
        """Returns the networks as a checkpoint has them, their weights left to be put in.

        Args:
            run: whose pruning.json must have these steps, since the next one is added to them.
            checkpoint: with the arrays of `arrays`.
            steps: the pruning steps that were taken.
            whole: networks with all filters.

        Raises:
            RunError: if pruning.json is missing or damaged.
        """
        _earlier(run, steps)
        self._left = [assembly.filters_of(checkpoint, f"filters{number or ''}") for number in range(len(self._left))]
        self.steps = steps
        return [surgery.rebuilt(network, left) for network, left in zip(whole, self._left, strict=True)]

    def step(self, run: Run, networks: list[Any]) -> tuple[list[Any], str]:
        """Takes the next pruning step and adds to pruning.json what it did to the first network.

        Returns:
            The smaller networks, and what was done in words.
        """
        self.steps += 1
        pictures = self._pictures(_PICTURES)
        smaller: list[Any] = []
        groups: list[dict[str, Any]] = []
        for number, network in enumerate(networks):
            if self._averaged and number == len(networks) - 1:
                # It follows the first closely at the beginning of a phase, so it may as well begin with its weights.
                self._left[number] = self._left[0]
                smaller.append(keras.models.clone_model(smaller[0]))
                smaller[-1].set_weights(smaller[0].get_weights())
                continue
            found = filters.prune(self._recipe, network, self._left[number], self._begun, self.steps, pictures)
            self._left[number] = found.filters
            smaller.append(found.network)
            groups = groups or found.groups
        metric = metrics.HEADLINE[self._dataset.source.task]
        record = {
            "step": self.steps,
            "parameters_before": cost.parameters(networks[0]),
            "parameters": cost.parameters(smaller[0]),
            "macs_before": cost.macs(networks[0]),
            "macs": cost.macs(smaller[0]),
            f"test_{metric}_before": self._measured(networks[0]),
            f"test_{metric}": self._measured(smaller[0]),
            "groups": groups,
        }
        run.write_json(FILE, {"steps": [*_earlier(run, self.steps - 1), record]})
        return smaller, _said(record)

    def _pictures(self, count: int) -> np.ndarray:
        rows = self._dataset.train.representative(count)
        return self._dataset.train.examples.images[rows].astype(np.float32) / 255

    def _measured(self, network: Any) -> float:
        test = self._dataset.test
        return metrics.headline(self._dataset.source.task, test.labels, Predictor(network)(test.images))


def _earlier(run: Run, steps: int) -> list[dict[str, Any]]:
    """Returns the records of the steps that were taken."""
    if not steps:
        return []
    found = run.read_json(FILE)
    with run.expecting(FILE):
        records = list(found["steps"][:steps])
        if [record["step"] for record in records] != list(range(1, steps + 1)):
            raise ValueError(f"steps 1 to {steps} are not all there")
    return records


def _said(record: dict[str, Any]) -> str:
    """Returns what a pruning step did in words."""
    metric = next(name for name in ("accuracy", "f1") if f"test_{name}" in record)
    whole = [row["group"] for row in record["groups"] if "left_whole" in row]
    return (
        f"pruning step {record['step']}: {record['parameters_before']:,} -> {record['parameters']:,} parameters, "
        f"{record['macs_before']:,} -> {record['macs']:,} multiply-accumulates, test {metrics.NAMES[metric]} "
        f"{record[f'test_{metric}_before']:.2%} -> {record[f'test_{metric}']:.2%} before any further training"
        + (f"; left whole: {', '.join(whole)}" if whole else "")
    )
