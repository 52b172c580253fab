"""The compression plan: which phase of training follows which, and what became of each layer.

It is made and shown before training, so that nobody trains for a day in vain.
"""

import dataclasses
import itertools
import math
import re
from collections.abc import Iterable
from typing import Any

from tfqnoise.errors import PlanError
from tfqnoise.recipe import Recipe


@dataclasses.dataclass(frozen=True)
class LayerReport:
    """What became of one layer.

    Attributes:
        layer: its name in the plain network.
        kind: its Keras class.
        status: quantised, folded (into another layer), fused (with what follows), passed (moves values
            only) or float.
        reason: how, or why not.
    """

    layer: str
    kind: str
    status: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Stage:
    """What begins at one point of a run, and the epochs until the next.

    Attributes:
        names: of `NAMES`. `shrink`, which removes filters at its start or in steps, `prune` and `cluster` happen in
            their stage; `quantise` and `snap` begin with it and
            last to the end, as the zeros of a pruned and the clusters of a clustered kernel do, and as does training
            on trusted labels alone from `trusted` on; `rotnet` pre-trains without labels; `float` and `train` begin
            nothing.
        epochs: how many.
        learning_rate: the peak of a half cosine of its own over this stage; the run's schedule goes on if None.
    """

    names: tuple[str, ...]
    epochs: int
    learning_rate: float | None = None


@dataclasses.dataclass(frozen=True)
class Phase:
    """A stretch of epochs trained in one way.

    Attributes:
        start: first epoch, counted from 0.
        end: the epoch behind the last.
        quantised: whether the network is quantised.
        batch_norm_frozen: whether batch norm uses its stored statistics and keeps them.
        shrunk: after how many of the pruning steps that remove filters.
        pruning: whether sparsity climbs.
        pruned: whether the zeros of an earlier stage are kept.
        clustering: whether weights are drawn into clusters.
        snapped: whether weights are their centroids, which are trained in their place.
        stage: first epoch of its stage, or of its pruning step, and the one behind its last.
        learning_rate: of its stage, see `Stage`.
        rotation: whether it pre-trains on how far pictures are turned.
        trusted: whether it trains on trusted labels alone.
        span: first epoch of the run's schedule of the learning rate and the one behind its last: all epochs but those
            of pre-training, and of stages with a rate of their own from which on labels are trusted.
    """

    start: int
    end: int
    quantised: bool
    batch_norm_frozen: bool
    shrunk: int = 0
    pruning: bool = False
    pruned: bool = False
    clustering: bool = False
    snapped: bool = False
    stage: tuple[int, int] = (0, 0)
    learning_rate: float | None = None
    rotation: bool = False
    trusted: bool = False
    span: tuple[int, int] = (0, 0)

    @property
    def form(self) -> tuple[Any, ...]:
        """What tells networks, trained variables and optimizers of two phases apart."""
        return self.quantised, self.shrunk, self.pruning, self.pruned, self.clustering, self.snapped, self.stage

    def __str__(self) -> str:
        done = {
            f"filters removed (after pruning step {self.shrunk})": self.shrunk > 0,
            "pruning": self.pruning,
            "zeros kept": self.pruned,
            "clustering": self.clustering,
            "weights are centroids": self.snapped,
            "pre-training on rotations": self.rotation,
            "on trusted labels": self.trusted,
            "batch-norm statistics frozen": self.batch_norm_frozen,
            f"learning rate from {self.learning_rate}": self.learning_rate is not None,
        }
        words = ["quantised" if self.quantised else "float", *(word for word, true in done.items() if true)]
        return f"epochs {self.start + 1}-{self.end}: {', '.join(words)}"


NAMES = ("float", "train", "rotnet", "shrink", "prune", "cluster", "snap", "quantise", "trusted")


# Share of the epochs on trusted labels, and of the learning rate with which they begin. Twice as many at five times
# the rate forget what many doubtful labels taught (CIFAR-10, 2,000 labels, 200 trusted: 40.7 %, so 45.8 %).
_TRUSTED, _TRUSTED_RATE = 0.05, 0.02


def stages(recipe: Recipe) -> list[Stage]:
    """Returns the stages that a recipe names, or those that its other flags lead to.

    Raises:
        PlanError: if `--stages` can't be read, doesn't fit the other flags, or has an order that can't be.
    """
    found = [_parse(text) for text in recipe.stages.split(",")] if recipe.stages else _default(recipe)
    _check(recipe, found)
    return found


def phases(recipe: Recipe) -> list[Phase]:
    """Returns the phases of a recipe: its stages, cut where batch-norm statistics are frozen.

    Only phases that have an epoch are returned; together they cover all epochs once.

    Raises:
        PlanError: see `stages`.
    """
    frozen_from = recipe.epochs - math.floor(recipe.freeze_batch_norm * recipe.epochs)
    result, begun = [], set[str]()
    start = 0
    found = stages(recipe)
    span = _span(recipe, found)
    shrunk = 0
    for stage, end in _divided(recipe, found):
        names = begun | set(stage.names)
        shrunk += "shrink" in stage.names
        common: dict[str, Any] = {
            "shrunk": shrunk,
            "quantised": "quantise" in names,
            "pruning": "prune" in stage.names,
            "pruned": "prune" in begun,
            "clustering": "cluster" in stage.names,
            "snapped": _snapped(begun, stage.names),
            "stage": (start, end),
            "learning_rate": stage.learning_rate,
            "rotation": "rotnet" in stage.names,
            "trusted": "trusted" in names,
            "span": span,
        }
        cuts = sorted({start, min(max(frozen_from, start), end), end})
        result += [Phase(a, b, batch_norm_frozen=a >= frozen_from, **common) for a, b in itertools.pairwise(cuts)]
        begun, start = names, end
    return result


def _divided(recipe: Recipe, found: list[Stage]) -> list[tuple[Stage, int]]:
    """Returns the stages and the epoch behind each; one that removes filters is divided into its steps."""
    divided, start = [], 0
    for stage in found:
        steps = recipe.pruning_steps if "shrink" in stage.names else 1
        divided += [(stage, start + stage.epochs * (step + 1) // steps) for step in range(steps)]
        start += stage.epochs
    return divided


def _span(recipe: Recipe, found: list[Stage]) -> tuple[int, int]:
    """Returns the epochs that share the run's schedule of the learning rate, see `Phase`."""
    starts = [0, *itertools.accumulate(stage.epochs for stage in found)]
    first = found[0].epochs if "rotnet" in found[0].names else 0
    ends = [
        start
        for start, stage in zip(starts, found, strict=False)
        if "trusted" in stage.names and stage.learning_rate is not None
    ]
    return first, ends[0] if ends else recipe.epochs


def _snapped(begun: set[str], names: Iterable[str]) -> bool:
    """Weights are centroids from `snap` on, or from `quantise` on where clustering is over by then."""
    return "snap" in begun | set(names) or ("cluster" in begun and "quantise" in begun | set(names))


def _parse(text: str) -> Stage:
    match = re.fullmatch(r"([a-z+]+):(\d+)(?:@([0-9.e-]+))?", text.strip())
    names = tuple(match[1].split("+")) if match else ()
    try:
        if not match or not set(names) <= set(NAMES) or not int(match[2]):
            raise ValueError
        if match[3] and not 0 < float(match[3]) < math.inf:
            raise ValueError
        return Stage(names, int(match[2]), float(match[3]) if match[3] else None)
    except ValueError:
        raise PlanError(
            f"--stages has the part '{text.strip()}'",
            f"name:epochs or name:epochs@rate, with names of {', '.join(NAMES)} joined by +",
            "write for example --stages float:5,prune:5,cluster:5,quantise:5@0.01",
        ) from None


def _default(recipe: Recipe) -> list[Stage]:
    """The shares of each stage, of the epochs behind --float-epochs."""
    last = "float" if recipe.bits == 32 else "quantise"
    if not recipe.clusters:
        shares = [("prune", 0.5), (last, 0.5)] if recipe.sparsity else [(last, 1.0)]
    elif recipe.clustering == "tfmot":
        # TF-MOT clusters trained networks; pruning trains one too.
        shares = [("prune" if recipe.sparsity else "float", 0.4), ("cluster", 0.3), ("quantise", 0.3)]
    elif recipe.sparsity:
        shares = [("prune", 0.4), ("quantise", 0.25), ("cluster", 0.2), ("snap", 0.15)]
    else:
        # Weights that are drawn together early learn little more: gather late.
        shares = [("quantise", 0.6), ("cluster", 0.25), ("snap", 0.15)]
    if recipe.shrinks:
        # What is removed must have been learnt, and what is left goes on learning in float before it is compressed.
        first = [] if recipe.weights else [("float", 0.3)]
        first += [("shrink", 0.3 if recipe.bits < 32 or recipe.sparsity else 1 - sum(share for _, share in first))]
        left = 1 - sum(share for _, share in first)
        shares = first + [(name, share * left) for name, share in shares if left > 0]
    trusted = recipe.trusted_epochs or (max(1, round(recipe.epochs * _TRUSTED)) if recipe.trusted else 0)
    # Pre-training has a schedule of its own; what has been learnt from all labels is only touched up by few.
    begin = [Stage(("rotnet",), recipe.rotation_epochs, recipe.learning_rate)] if recipe.rotation_epochs else []
    begin += [Stage(("float",), recipe.float_epochs)] if recipe.float_epochs else []
    finish = [Stage(("trusted",), trusted, recipe.learning_rate * _TRUSTED_RATE)] if trusted else []
    epochs = recipe.epochs - recipe.float_epochs - recipe.rotation_epochs - trusted
    ends = [round(epochs * total) for total in itertools.accumulate(share for _, share in shares)]
    counts = [end - start for start, end in itertools.pairwise([0, *ends])]
    while min(counts) < 1 and max(counts) > 1:
        # Of few epochs each stage gets one.
        counts[counts.index(max(counts))] -= 1
        counts[counts.index(min(counts))] += 1
    if min(counts) < 1:
        names = ", ".join(name for name, _ in shares)
        raise PlanError(
            f"{epochs} epochs for the stages {names}",
            f"at least one epoch each, so {len(shares)}",
            "train longer (--epochs), or give --stages",
        )
    middle = [Stage(tuple(name.split("+")), count) for (name, _), count in zip(shares, counts, strict=True)]
    return begin + middle + finish


def _ends_in_snap(found: list[Stage], cluster: int) -> bool:
    following = found[cluster + 1].names if cluster + 1 < len(found) else ()
    return bool({"snap", "quantise"} & set(following))


def _check(recipe: Recipe, found: list[Stage]) -> None:
    names = [name for stage in found for name in stage.names]
    at = {name: number for number, stage in reversed(list(enumerate(found))) for name in stage.names}
    centroids = bool(recipe.clusters) and recipe.clustering == "centroids"
    never = len(found)

    def late(name: str, other: str) -> bool:
        """Whether `name` comes with `other` or behind it."""
        return at.get(name, -1) >= at.get(other, never)

    flags = [
        ("quantise", recipe.bits < 32, "--bits 8 or fewer"),
        ("cluster", bool(recipe.clusters), "--clusters"),
        ("shrink", recipe.shrinks, "--pruning-ratio"),
        ("prune", bool(recipe.sparsity), "--sparsity"),
        ("trusted", bool(recipe.trusted), "--trusted"),
    ]
    problems = [
        (
            sum(stage.epochs for stage in found) != recipe.epochs,
            f"they have {sum(s.epochs for s in found)} epochs, the run {recipe.epochs}",
        ),
        *((wanted and name not in at, f"{name} is missing, which {flag} asks for") for name, wanted, flag in flags),
        *((name in at and not wanted, f"{name} is there without {flag}") for name, wanted, flag in flags),
        (any(names.count(n) > 1 for n in NAMES[2:]), "a stage other than float and train comes twice"),
        (
            bool(recipe.stages) and bool(recipe.float_epochs + recipe.rotation_epochs + recipe.trusted_epochs),
            "--float-epochs, --rotation-epochs and --trusted-epochs belong to the usual stages",
        ),
        (
            "rotnet" in at and (at["rotnet"] > 0 or len(found[0].names) > 1 or len(found) < 2),
            "rotnet must come first, alone, and something behind it",
        ),
        (
            any("float" in stage.names for stage in found[at.get("quantise", never) :]),
            "float comes with quantise or behind it (train goes on with what has begun)",
        ),
        *_shrink_problems(recipe, found, at),
        ("snap" in at and not recipe.clusters, "snap is there without --clusters"),
        ("snap" in at and not centroids, "snap belongs to --clustering centroids"),
        (late("prune", "quantise"), "prune must be over before quantise: TF-MOT prunes float networks"),
        (late("prune", "cluster"), "prune must be over before cluster, which would lose its clusters"),
        (late("cluster", "snap"), "cluster must be over before snap"),
        ("snap" in at and at["snap"] < at.get("quantise", never), "snap must not come before quantise"),
        (
            recipe.clustering == "tfmot" and late("cluster", "quantise"),
            "TF-MOT's clustering must be over before quantise: it clusters float networks",
        ),
        (
            "cluster" in at and not _ends_in_snap(found, at["cluster"]),
            "snap, or quantise, must follow cluster: it draws weights together, they set them equal",
        ),
    ]
    for wrong, problem in problems:
        if wrong:
            shown = recipe.stages or ",".join(f"{'+'.join(s.names)}:{s.epochs}" for s in found)
            remedy = (
                "change --stages, or leave it out" if recipe.stages else "train longer (--epochs), or give --stages"
            )
            given = "--stages" if recipe.stages else "the usual stages"
            raise PlanError(f"{given} {shown}: {problem}", "stages that fit the other flags", remedy)


def _shrink_problems(recipe: Recipe, found: list[Stage], at: dict[str, int]) -> list[tuple[bool, str]]:
    """Returns what may be wrong with removing filters, and whether it is, as `_check` has it."""
    if "shrink" not in at:
        return []
    return [
        *(
            (
                at["shrink"] >= at.get(name, len(found)),
                f"shrink must be over before {name}, which needs the network as it will be",
            )
            for name in ("prune", "cluster", "quantise")
        ),
        (
            at["shrink"] == 0 and not recipe.weights,
            "shrink comes first, where nothing is learnt yet by which filters could be judged, and no --weights",
        ),
        (
            found[at["shrink"]].epochs < recipe.pruning_steps,
            f"shrink has fewer epochs than --pruning-steps {recipe.pruning_steps}",
        ),
    ]


def table(reports: Iterable[LayerReport]) -> str:
    """Returns the reports as aligned lines of text."""
    rows = [(r.layer, r.kind, r.status, r.reason) for r in reports]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    )
