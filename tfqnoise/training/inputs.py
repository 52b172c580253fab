"""What a run began with, so that it never goes on with something else."""

import hashlib

from tfqnoise import losses
from tfqnoise.data.dataset import Dataset
from tfqnoise.errors import DataError
from tfqnoise.recipe import IMAGENET, Recipe
from tfqnoise.run import Run

FILE = "inputs.json"

_WORDS = {
    "loss": "the matrix of --loss",
    "trusted": "--trusted",
    "teacher": "the network of --teacher",
    "weights": "the run of --weights",
}


def keep(run: Run, dataset: Dataset) -> None:
    """Writes noise.json and inputs.json, or where there are such, compares them with what is there now.

    Raises:
        DataError: if pictures, labels or files are not those that the run began with.
    """
    found = hashes(run.recipe, dataset)
    if (run.path / "noise.json").exists():
        before, now = run.read_json("noise.json").get("labels_sha256"), dataset.record["labels_sha256"]
        if before != now:
            raise DataError(
                f"the pictures or labels of {run.recipe.dataset} are not those that {run.path} began with",
                f"labels with the hash {before}, as noise.json has it",
                "put the data back as they were, or start a new run with them",
            )
    if (run.path / FILE).exists():
        begun = run.read_json(FILE)
        changed = " and ".join(_WORDS[name] for name in found if begun.get(name) != found[name])
        if changed:
            raise DataError(
                f"{changed} changed since {run.path} began",
                f"what it began with, by the hashes in {FILE}",
                "put the file back, or start a new run with what it holds now",
            )
    run.write_json("noise.json", dataset.record)
    run.write_json(FILE, found)


def hashes(recipe: Recipe, dataset: Dataset) -> dict[str, str]:
    """Returns the SHA-256 of what comes from files that may change between a kill and a resume."""
    texts = {"loss": repr(losses.get(recipe.loss))}
    if dataset.trusted is not None:
        texts["trusted"] = f"{dataset.trusted.rows.tolist()} {dataset.trusted.labels.tolist()}"
    found = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    for name in ("teacher", "weights"):
        if (path := getattr(recipe, name)) and path != IMAGENET:
            found[name] = hashlib.sha256((Run.open(path).path / "weights.npz").read_bytes()).hexdigest()
    return found
