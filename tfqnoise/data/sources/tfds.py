"""Any single-label image data set of TensorFlow Datasets."""

import hashlib
import socket
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from tfqnoise.backend import tf
from tfqnoise.data.source import Examples, Source, register
from tfqnoise.data.splits import hold_out
from tfqnoise.errors import DataError, UsageError, did_you_mean
from tfqnoise.recipe import Recipe

# How the other sources are called.
_OWN = ("digits", "folder:PATH", "multilabel:FILE", "disfa:ROOT", "bp4d:ROOT")
# Data sets of digits and letters, whose mirror image means something else.
_NEVER_FLIPPED = (
    "mnist",
    "emnist",
    "kmnist",
    "svhn_cropped",
    "omniglot",
    "quickdraw_bitmap",
    "dsprites",
    "mnist_corrupted",
    "cmaterdb",
    "binary_alpha_digits",
)


@register(reference="TensorFlow Datasets, https://www.tensorflow.org/datasets")
def tfds(recipe: Recipe, argument: str) -> Source:
    """A TFDS data set by name, with or without config, such as `cifar10`; from --data-dir."""
    builder = _builder(argument, recipe.data_dir)
    features = builder.info.features
    if not ({"image", "label"} <= set(features)) or not hasattr(features["label"], "names"):
        raise DataError(
            f"TFDS data set '{argument}' has the features {', '.join(features)}",
            "one 'image' and one class 'label' per example",
            "choose an image classification data set",
        )
    size = _size(recipe, features["image"].shape, argument)
    splits = builder.info.splits
    if "train" not in splits:
        raise DataError(
            f"TFDS data set '{argument}' has the splits {', '.join(splits)}",
            "a 'train' split",
            "choose another data set",
        )
    train = _read(builder, "train", size)
    if (train.labels < 0).any():
        raise DataError(
            f"TFDS data set '{argument}' has {np.sum(train.labels < 0)} training pictures without a label",
            "a label for each",
            "choose a supervised data set or config",
        )
    # Some data sets keep the labels of their test pictures to themselves (-1) and show a validation split.
    candidates = (_read(builder, split, size) for split in ("test", "validation") if split in splits)
    test = next((part for part in candidates if (part.labels >= 0).all()), None)
    if test is None:
        train, test = hold_out(train, 0.2, "test")
    flip = builder.name not in _NEVER_FLIPPED
    return Source(tuple(features["label"].names), train, test, flip, pad=max(1, train.images.shape[1] // 8))


def _builder(name: str, data_dir: str | None) -> Any:
    import tensorflow_datasets

    if data_dir is not None and not Path(data_dir).is_dir():
        raise DataError(
            f"--data-dir {data_dir} is no directory",
            "the directory that holds prepared data sets, or an empty one to prepare them in",
            "check the path, or make the directory",
        )
    tensorflow_datasets.disable_progress_bar()
    # Data sets are read where they lie or made from their sources; prepared copies in the cloud are not asked.
    try:
        builder = tensorflow_datasets.builder(name, data_dir=data_dir, try_gcs=False)
    except (tensorflow_datasets.core.registered.DatasetNotFoundError, ValueError, RuntimeError) as error:
        known = [*_OWN, *tensorflow_datasets.list_builders(with_community_datasets=False)]
        raise UsageError(
            f"unknown data set '{name}' ({str(error).splitlines()[0]})",
            f"{', '.join(_OWN)} or the name of a TFDS data set",
            _nearest(name, known),
        ) from error
    if Path(builder.data_path, "dataset_info.json").is_file():
        return builder
    try:
        _require_network(builder)
        print(f"{name} is not prepared in {builder.data_path}: downloading it")
        builder.download_and_prepare()
    except Exception as error:  # TFDS lets through whatever its network and file layers raise.
        raise DataError(
            f"TFDS data set '{name}' is not prepared in {builder.data_path}, and preparing it failed: "
            f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}",
            "a prepared copy there, or a network that reaches its source",
            "give --data-dir the directory that holds a prepared copy "
            f"(the one with {builder.name}/ in it), or prepare it on a machine with network and copy it",
        ) from error
    return builder


def _require_network(builder: Any) -> None:
    """Raises OSError if the first source of a data set has no address; its own client would retry for minutes."""
    host = next((urlsplit(url).hostname for url in builder.url_infos), None)
    if host is not None:
        socket.getaddrinfo(host, None)


def _nearest(name: str, known: list[str]) -> str:
    # A file or folder that lies there was meant, whatever data sets are called like it.
    path = Path(name).expanduser()
    if path.is_dir():
        return f"for a folder of pictures, one sub-folder a class, write folder:{name}"
    if path.is_file():
        return f"for a CSV file write folder:{name} (path,label) or multilabel:{name} (path,label1,label2,…)"
    sentence = did_you_mean(name, known)
    return sentence if sentence.startswith("did you mean") else "see the catalogue of TFDS for names"


def _size(recipe: Recipe, shape: tuple[int | None, ...], name: str) -> tuple[int, int] | None:
    if recipe.image_size is not None:
        return recipe.image_size, recipe.image_size
    if None in shape[:2]:
        raise UsageError(
            f"TFDS data set '{name}' has pictures of different sizes",
            "--image-size, the side in pixels to which all are resized",
            "add for example --image-size 96",
        )
    return None


def _read(builder: Any, split: str, size: tuple[int, int] | None) -> Examples:
    import tensorflow_datasets

    feature = builder.info.features["image"]
    named = "id" in builder.info.features and builder.info.features["id"].tf_dtype == tf.string

    def prepare(example: dict[str, Any]) -> dict[str, Any]:
        image = feature.decode_example(example["image"])
        if size is not None:
            resized = tf.image.resize(image, size, antialias=True)
            image = tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)
        # Without an id of its own a picture is known by the bytes of its file, which no decoder changes.
        return {"image": image, "label": example["label"], "id": example["id" if named else "image"]}

    encoded = {"image": tensorflow_datasets.decode.SkipDecoding()}
    dataset = builder.as_dataset(split=split, decoders=encoded).map(prepare, tf.data.AUTOTUNE).batch(1000)
    try:
        batches = list(dataset.prefetch(1).as_numpy_iterator())
    except tf.errors.OpError as error:
        raise DataError(
            f"split '{split}' in {builder.data_path} can't be read: {error.message.splitlines()[0][:200]}",
            "TFDS files as TFDS wrote them",
            "delete the directory and prepare the data set again, or restore it from a copy",
        ) from error
    images = np.concatenate([batch["image"] for batch in batches])
    labels = np.concatenate([batch["label"] for batch in batches]).astype(np.int64)
    names = [name for batch in batches for name in batch["id"]]
    ids = np.array([name.decode() for name in names]) if named else content_ids(names, labels)
    return Examples(ids, images, labels)


def content_ids(files: list[bytes], labels: np.ndarray) -> np.ndarray:
    """Returns ids made of the pictures themselves, for data sets that have none of their own.

    An id is the first 16 hexadecimal digits of the BLAKE2b hash of the encoded file and the label. Equal
    files with equal labels can't be told apart; the second gets "+1", the third "+2".

    Args:
        files: N encoded pictures.
        labels: integers [N].
    """
    seen: Counter[str] = Counter()
    ids = []
    for file, label in zip(files, labels, strict=True):
        content = file + int(label).to_bytes(8, "little", signed=True)
        digest = hashlib.blake2b(content, digest_size=8).hexdigest()
        ids.append(f"{digest}+{seen[digest]}" if seen[digest] else digest)
        seen[digest] += 1
    return np.array(ids)
