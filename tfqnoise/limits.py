"""The limits of the fields of a recipe."""

import re
from typing import Any

OPTIMIZERS = ("sgd", "adam", "adamw")
PRECISIONS = ("float32", "bfloat16")
BITS = (1, 2, 3, 4, 8)
CLUSTERINGS = ("centroids", "tfmot")
GRIDS = ("free", "uniform")
PRUNING_SCOPES = ("layer", "global")
MOST_REPLICAS = 64
# Of the data sets that come with folds.
FOLDS = 3
LABEL_WEIGHTS = ("inverse_rate", "none")

# Fields that say nothing without --clusters.
OF_CLUSTERS = ("clustering", "grid", "penalty", "penalty_weight", "penalty_schedule", "initialisation")

# Fields that say nothing without --pruning-ratio or --pruning-ratios.
OF_PRUNING = ("pruning_scope", "pruning_steps", "criterion")

# A field, whether its value can be, and what would do.
Limit = tuple[str, bool, str]


def of(recipe: Any) -> list[Limit]:
    """Returns every limit of a recipe: the field, whether it is kept, and what was expected."""
    return [*_data(recipe), *_training(recipe), *_compression(recipe), *_pruning(recipe), *_clusters(recipe)]


def _data(recipe: Any) -> list[Limit]:
    part = held_out_part(recipe.held_out)
    return [
        ("noise", 0 <= recipe.noise < 1, "a rate of at least 0 and less than 1"),
        ("validation", 0 < recipe.validation < 1, "a share of more than 0 and less than 1"),
        ("image_size", recipe.image_size is None or recipe.image_size >= 4, "at least 4 pixels"),
        ("labelled", recipe.labelled is None or recipe.labelled >= 1, "at least 1"),
        ("held_out", not recipe.held_out or part is not None, "PART/PARTS with 2 to 100 parts, such as 1/4"),
        ("fold", 1 <= recipe.fold <= FOLDS, "1, 2 or 3"),
        (
            "trusted",
            not (recipe.trusted or "x").isdecimal() or int(recipe.trusted or 0) > 0,
            "at least 1 picture a class, or a CSV file",
        ),
        ("label_weights", recipe.label_weights in LABEL_WEIGHTS, f"one of {', '.join(LABEL_WEIGHTS)}"),
    ]


def held_out_part(text: str) -> tuple[int, int] | None:
    """Returns (part counted from 0, parts) of a text such as 1/4, or None if it is none."""
    match = re.fullmatch(r"(\d{1,3})/(\d{1,3})", text)
    part, parts = (int(match[1]), int(match[2])) if match else (0, 0)
    return (part - 1, parts) if 1 <= part <= parts and 2 <= parts <= 100 else None


def _training(recipe: Any) -> list[Limit]:
    return [
        ("width", 0 < recipe.width <= 16, "a multiplier of more than 0 and at most 16"),
        ("epochs", recipe.epochs >= 1, "at least 1"),
        (
            "float_epochs",
            0 <= recipe.float_epochs < recipe.epochs or (recipe.bits == 32 and recipe.float_epochs == 0),
            f"from 0 to below --epochs {recipe.epochs}, so that quantised epochs remain",
        ),
        (
            "rotation_epochs",
            recipe.rotation_epochs >= 0 and recipe.rotation_epochs + recipe.float_epochs < recipe.epochs,
            f"at least 0, and with --float-epochs less than --epochs {recipe.epochs}",
        ),
        (
            "trusted_epochs",
            recipe.trusted_epochs >= 0 and (bool(recipe.trusted) or not recipe.trusted_epochs),
            "at least 0, and 0 without --trusted",
        ),
        (
            "trusted_epochs",
            recipe.trusted_epochs + recipe.rotation_epochs + recipe.float_epochs < recipe.epochs,
            f"with --float-epochs and --rotation-epochs less than --epochs {recipe.epochs}",
        ),
        ("freeze_batch_norm", 0 <= recipe.freeze_batch_norm < 1, "a share from 0 up to but not 1"),
        ("steps_per_epoch", recipe.steps_per_epoch is None or recipe.steps_per_epoch >= 1, "at least 1"),
        ("batch_size", recipe.batch_size >= 1, "at least 1"),
        ("replicas", 1 <= recipe.replicas <= MOST_REPLICAS, f"from 1 to {MOST_REPLICAS}"),
        (
            "batch_size",
            recipe.batch_size % max(recipe.replicas, 1) == 0,
            f"a multiple of --replicas {recipe.replicas}, such as "
            f"{-(-recipe.batch_size // max(recipe.replicas, 1)) * recipe.replicas}: each learns the same share",
        ),
        ("optimizer", recipe.optimizer in OPTIMIZERS, f"one of {', '.join(OPTIMIZERS)}"),
        ("learning_rate", 0 < recipe.learning_rate < float("inf"), "a positive number"),
        ("warmup_epochs", 0 <= recipe.warmup_epochs <= recipe.epochs, f"from 0 to --epochs {recipe.epochs}"),
        ("weight_decay", 0 <= recipe.weight_decay < 1, "from 0 up to but not 1"),
        ("clip_norm", recipe.clip_norm is None or recipe.clip_norm > 0, "a positive number"),
        ("weight_average", 0 <= recipe.weight_average < 1, "a momentum from 0 up to but not 1"),
        ("precision", recipe.precision in PRECISIONS, f"one of {', '.join(PRECISIONS)}"),
        ("seed", 0 <= recipe.seed < 2**31, "from 0 to 2147483647"),
    ]


def _compression(recipe: Any) -> list[Limit]:
    return [
        ("clustering", recipe.clustering in CLUSTERINGS, f"one of {', '.join(CLUSTERINGS)}"),
        ("grid", recipe.grid in GRIDS, f"one of {', '.join(GRIDS)}"),
        ("bits", recipe.bits in (*BITS, 32), f"one of {', '.join(map(str, BITS))} and 32"),
        ("edge_bits", recipe.edge_bits in BITS, f"one of {', '.join(map(str, BITS))}"),
        ("activation_bits", 2 <= recipe.activation_bits <= 8, "from 2 to 8"),
        ("clusters", recipe.clusters is None or 2 <= recipe.clusters <= 256, "from 2 to 256"),
        (
            "bits",
            recipe.clusters is None or recipe.bits == 8,
            "8 with --clusters: the number of clusters says how narrow weights become",
        ),
        ("bits", recipe.bits > 1 or not recipe.sparsity, "at least 2 with --sparsity: one bit has no zero"),
        (
            "clusters",
            recipe.clusters is None or recipe.clusters >= 2 + (recipe.grid == "uniform" or bool(recipe.sparsity)),
            "at least 3 with --grid uniform (-1, 0, 1) or --sparsity (zero is one of them)",
        ),
        (
            "grid",
            recipe.grid == "free" or recipe.clustering == "centroids",
            "free with --clustering tfmot, whose centroids lie where they lie",
        ),
        ("sparsity", 0 <= recipe.sparsity < 1, "a share from 0 up to but not 1"),
    ]


def _pruning(recipe: Any) -> list[Limit]:
    ratios = [layer_number(text) for text in recipe.pruning_ratios]
    return [
        ("pruning_ratio", 0 <= recipe.pruning_ratio < 1, "a share from 0 up to but not 1"),
        (
            "pruning_ratios",
            all(pair is not None and pair[1] < 1 for pair in ratios),
            "layer=share each, with a share from 0 up to but not 1, such as stage3*=0.7",
        ),
        ("pruning_scope", recipe.pruning_scope in PRUNING_SCOPES, f"one of {', '.join(PRUNING_SCOPES)}"),
        (
            "pruning_ratios",
            not ratios or recipe.pruning_scope == "layer",
            "none with --pruning-scope global, which ranks the filters of all layers together",
        ),
        ("pruning_steps", 1 <= recipe.pruning_steps <= 1000, "from 1 to 1000"),
    ]


def _clusters(recipe: Any) -> list[Limit]:
    return [
        (
            "codebooks",
            1 <= recipe.codebooks <= 64 and (recipe.codebooks == 1 or bool(recipe.clusters)),
            "from 1 to 64, and more than 1 only with --clusters",
        ),
        (
            "codebooks",
            recipe.codebooks == 1 or recipe.clustering == "centroids",
            "1 with --clustering tfmot, which has one a kernel",
        ),
        (
            "penalty_weights",
            all((layer_number(text) or ("", 0))[1] > 0 for text in recipe.penalty_weights),
            "layer=weight each, with a positive weight, such as stem=0.02",
        ),
        (
            "penalty_weights",
            not recipe.penalty_weights or (bool(recipe.clusters) and recipe.clustering == "centroids"),
            "none without --clusters and --clustering centroids, which alone has penalties",
        ),
        *(
            (
                name,
                bool(recipe.clusters) or getattr(recipe, name) == getattr(type(recipe), name),
                f"{getattr(type(recipe), name)} without --clusters, which it is about",
            )
            for name in OF_CLUSTERS
        ),
        *(
            (
                name,
                recipe.clustering == "centroids" or getattr(recipe, name) == getattr(type(recipe), name),
                "left out with TF-MOT's own",
            )
            for name in OF_CLUSTERS
            if name not in ("clustering", "grid")
        ),
        (
            "initialisation",
            recipe.grid == "free" or recipe.initialisation == "kmeans_plus_plus",
            "left out with --grid uniform, which starts at the step of the least error",
        ),
        ("penalty_weight", 0 < recipe.penalty_weight < float("inf"), "a positive number"),
    ]


def layer_number(text: str) -> tuple[str, float] | None:
    """Returns the pattern and the number of a text such as stage3*=0.2, or None if it is none."""
    pattern, equals, number = text.rpartition("=")
    try:
        weight = float(number)
    except ValueError:
        return None
    return (pattern, weight) if equals and pattern and 0 <= weight < float("inf") else None
