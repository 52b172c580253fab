import numpy as np
import pytest

from tfqnoise.data import source as sources
from tfqnoise.data.sources import tfds as tfds_source
from tfqnoise.data.sources.tfds import content_ids
from tfqnoise.errors import DataError, UsageError
from tfqnoise.recipe import Recipe

RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A TFDS data set of 60 pictures of different sizes without ids, written as TFDS writes it."""
    import tensorflow_datasets as tfds

    root = tmp_path_factory.mktemp("tfds")
    pictures = [(RANDOM.integers(0, 256, (10 + n % 3, 12, 3), np.uint8), n % 2) for n in range(60)]
    examples = [(n, {"image": image, "label": label}) for n, (image, label) in enumerate(pictures)]
    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(None, None, 3)),
            "label": tfds.features.ClassLabel(names=["x", "y"]),
        }
    )
    tfds.dataset_builders.store_as_tfds_dataset(
        name="pictures", version="1.0.0", features=features, split_datasets={"train": examples}, data_dir=root
    )
    return root


def test_sizes_must_be_made_one(prepared):
    with pytest.raises(UsageError, match="--image-size"):
        sources.load(Recipe(dataset="pictures", data_dir=str(prepared)))
    source = sources.load(Recipe(dataset="pictures", data_dir=str(prepared), image_size=12))
    assert source.class_names == ("x", "y")
    assert source.train.images.shape[1:] == (12, 12, 3)
    assert len(set(source.train.ids) | set(source.test.ids)) == 60


def test_ids_of_pictures_without_one_are_their_files():
    files = [RANDOM.bytes(30) for _ in range(50)]
    files[7] = files[3]
    labels = np.zeros(50, np.int64)
    ids = content_ids(files, labels)
    assert len(set(ids)) == 50
    assert ids[7] == ids[3] + "+1"
    order = RANDOM.permutation(50)
    assert set(content_ids([files[n] for n in order], labels)) == set(ids)
    assert content_ids(files[:1], labels[:1] + 1) != ids[0]


def test_ids_do_not_depend_on_the_size_asked_for(prepared):
    ids = [
        sources.load(Recipe(dataset="pictures", data_dir=str(prepared), image_size=size)).train.ids
        for size in (8, 16)
    ]
    np.testing.assert_array_equal(*ids)


@pytest.mark.parametrize(("hidden", "expected"), [(False, 20), (True, 12)])
def test_test_pictures_without_labels_give_way_to_validation(tmp_path, hidden, expected):
    """As in ImageNet, whose test labels are -1."""
    import tensorflow_datasets as tfds

    def examples(count, label):
        return [(n, {"image": RANDOM.integers(0, 256, (8, 8, 3), np.uint8), "label": label(n)}) for n in range(count)]

    features = tfds.features.FeaturesDict(
        {"image": tfds.features.Image(shape=(8, 8, 3)), "label": tfds.features.ClassLabel(names=["x", "y"])}
    )
    splits = {
        "train": examples(40, lambda n: n % 2),
        "test": examples(20, lambda n: -1 if hidden else n % 2),
        "validation": examples(12, lambda n: n % 2),
    }
    tfds.dataset_builders.store_as_tfds_dataset(
        name="three", version="1.0.0", features=features, split_datasets=splits, data_dir=tmp_path
    )
    assert len(sources.load(Recipe(dataset="three", data_dir=str(tmp_path))).test) == expected


def test_a_data_set_that_would_need_a_download_says_so(tmp_path, monkeypatch):
    """Preparing fails as it does on a machine without network."""
    import tensorflow_datasets as tfds

    def unreachable(self, *arguments, **settings):
        raise ConnectionError("Temporary failure in name resolution")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", unreachable)
    monkeypatch.setattr(tfds_source, "_require_network", lambda builder: None)
    with pytest.raises(DataError) as caught:
        sources.load(Recipe(dataset="cifar10", data_dir=str(tmp_path)))
    assert f"not prepared in {tmp_path}" in str(caught.value)
    assert "name resolution" in str(caught.value)
    assert "--data-dir" in str(caught.value)


def test_a_source_without_an_address_is_not_waited_for(tmp_path, monkeypatch):
    def unknown(*arguments):
        raise OSError("Name or service not known")

    monkeypatch.setattr(tfds_source.socket, "getaddrinfo", unknown)
    with pytest.raises(DataError, match="service not known"):
        sources.load(Recipe(dataset="cifar10", data_dir=str(tmp_path)))
    with pytest.raises(DataError, match="is no directory"):
        sources.load(Recipe(dataset="cifar10", data_dir=str(tmp_path / "nowhere")))
    assert not (tmp_path / "nowhere").exists()


def test_damaged_files_are_named(prepared, tmp_path):
    import shutil

    copy = shutil.copytree(prepared, tmp_path / "copy")
    (file,) = copy.rglob("*.tfrecord*")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    file.write_bytes(content)
    with pytest.raises(DataError, match="can't be read"):
        sources.load(Recipe(dataset="pictures", data_dir=str(copy), image_size=12))


def test_what_is_no_image_classification_is_refused(tmp_path):
    import tensorflow_datasets as tfds

    features = tfds.features.FeaturesDict({"text": tfds.features.Text()})
    tfds.dataset_builders.store_as_tfds_dataset(
        name="words",
        version="1.0.0",
        features=features,
        split_datasets={"train": [(0, {"text": "a"})]},
        data_dir=tmp_path,
    )
    with pytest.raises(DataError, match="has the features text"):
        sources.load(Recipe(dataset="words", data_dir=str(tmp_path)))


@pytest.fixture(scope="module")
def cifar10(shared):
    return sources.load(Recipe(dataset="cifar10", data_dir=str(shared / "data" / "tfds")))


def test_cifar10_keeps_its_ids_and_labels(cifar10):
    assert (len(cifar10.train), len(cifar10.test)) == (50_000, 10_000)
    assert sorted(cifar10.train.ids)[:2] == ["train_00000", "train_00001"]
    assert cifar10.flip
    assert cifar10.pad == 4
    first = cifar10.train.ids == "train_00000"
    # The first picture of the first python batch is a frog.
    assert cifar10.class_names[int(cifar10.train.labels[first][0])] == "frog"


@pytest.mark.parametrize("name", ["photos", "./photos", "photos/", "{}/photos"])
def test_a_folder_that_lies_there_was_meant(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "list.csv").write_text("path,label\n")
    name = name.format(tmp_path)
    with pytest.raises(UsageError, match=f"sub-folder a class, write folder:{name}$") as caught:
        sources.load(Recipe(dataset=name))
    assert "did you mean" not in str(caught.value)
    with pytest.raises(UsageError, match=r"write folder:list.csv \(path,label\) or multilabel:list.csv"):
        sources.load(Recipe(dataset="list.csv"))


def test_folder_and_tfds_names_with_config_are_told_apart():
    with pytest.raises(UsageError, match="unknown data set"):
        sources.load(Recipe(dataset="no_such/config"))
