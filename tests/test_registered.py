"""Laws that every registered method keeps. A new method is tested by being registered."""

import functools
import inspect
import itertools
import json
import pickle
import zipfile

import numpy as np
import pytest

from tfqnoise import audit, augmentation, benchmark, losses, networks, noise, report, strategies
from tfqnoise.augmentation import schedules as magnitude_schedules
from tfqnoise.backend import keras, tf
from tfqnoise.compression.clustering import initialisations, penalties, schedules
from tfqnoise.compression.pruning import criteria
from tfqnoise.compression.pruning.channels import trace
from tfqnoise.compression.quantization import activations, weights
from tfqnoise.data import source
from tfqnoise.errors import UsageError
from tfqnoise.hashing import keys_of
from tfqnoise.noise.transition import TransitionNoise
from tfqnoise.strategies import Problem

_JUDGED = functools.cache(lambda: networks.get("resnet8", width=0.5)((8, 8, 3), 3))

FAMILIES = {
    "activation_quantizers": activations.registry,
    "audit": audit.registry,
    "augmentation": augmentation.registry,
    "benchmark": benchmark.registry,
    "criteria": criteria.registry,
    "data": source.registry,
    "figures": report.registry,
    "initialisations": initialisations.registry,
    "losses": losses.registry,
    "magnitude_schedules": magnitude_schedules.registry,
    "networks": networks.registry,
    "noise": noise.registry,
    "penalties": penalties.registry,
    "penalty_schedules": schedules.registry,
    "quantizers": weights.registry,
    "strategies": strategies.registry,
}
ALL = [(family, name) for family, registry in FAMILIES.items() for name in registry.entries()]


@pytest.mark.parametrize(("family", "name"), ALL)
def test_one_word_for_name_factory_and_file(family, name):
    entry = FAMILIES[family].entry(name)
    file = inspect.getsourcefile(entry.factory).rsplit("/", 1)[1].removesuffix(".py")
    # A file of networks holds a family of them.
    assert file == name or (family == "networks" and name.startswith(file))
    assert entry.summary.endswith(".")
    assert entry.reference


@pytest.mark.parametrize(("family", "name"), ALL)
def test_name_dict_and_object_mean_the_same(family, name):
    registry = FAMILIES[family]
    sample = dict(registry.entry(name).sample)
    method = registry.get({"name": name, **sample})
    assert registry.get(method) is method
    spec = registry.to_dict(method)
    assert spec["name"] == name
    again = registry.get(json.dumps(spec))
    assert registry.to_dict(again) == spec
    if inspect.isclass(registry.entry(name).factory):
        assert again == method
    assert registry.to_dict(registry.get(name.replace("_", "-"), **sample)) == spec


@pytest.mark.parametrize("family", FAMILIES)
def test_unknown_names_and_settings_are_refused(family):
    registry = FAMILIES[family]
    name = next(iter(registry.entries()))
    with pytest.raises(UsageError, match="did you mean"):
        registry.get(name + "x")
    with pytest.raises(UsageError, match="no setting"):
        registry.get({"name": name, "no_such_setting": 1})


def _loss(name):
    return losses.get({"name": name, **losses.registry.entry(name).sample})


SINGLE = [name for name in losses.registry.entries() if losses.task(_loss(name)) == "single"]
MULTI = [name for name in losses.registry.entries() if losses.task(_loss(name)) == "multi"]


def _value_and_gradient(loss, labels, logits):
    with tf.GradientTape() as tape:
        tape.watch(logits)
        values = loss(labels, logits)
    gradient = tape.gradient(values, logits)
    assert values.shape == (len(logits),)
    assert values.dtype == tf.float32
    assert np.isfinite(values).all()
    assert np.isfinite(gradient).all()
    return values.numpy(), gradient.numpy()


@pytest.mark.parametrize("name", SINGLE)
def test_losses_are_finite_everywhere(name):
    """At p = 0 and p = 1, for hard and soft labels, value and gradient, also from half-precision logits."""
    loss = _loss(name)
    logits = tf.constant([[0.0, 0, 0], [1e4, -1e4, 0], [-1e4, 1e4, 0], [90, -90, 1], [-90, 90, 1], [17, 0, 0]])
    for row in ([1.0, 0, 0], [0.0, 0, 1], [0.2, 0.3, 0.5]):
        labels = tf.constant([row] * len(logits))
        whole, _ = _value_and_gradient(loss, labels, logits)
        for half in (tf.bfloat16, tf.float16):
            rounded = tf.cast(logits, half)
            values, _ = _value_and_gradient(loss, labels, rounded)
            np.testing.assert_array_equal(values, loss(labels, tf.cast(rounded, tf.float32)))
        # In the graph, with a number of pictures that isn't known there.
        signature = [tf.TensorSpec([None, 3]), tf.TensorSpec([None, 3])]
        graph = tf.function(loss.__call__, input_signature=signature)
        np.testing.assert_allclose(graph(labels, logits), whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", SINGLE)
def test_loss_gradients_match_finite_differences(name):
    loss = _loss(name)
    classes = len(getattr(loss, "matrix", range(4)))
    random = np.random.default_rng(0)
    labels = tf.constant(random.dirichlet([1] * classes, 6), tf.float32)
    value = random.normal(size=(6, classes)).astype(np.float32)
    theory, numeric = tf.test.compute_gradient(lambda x: loss(labels, x), [tf.constant(value)], delta=1e-2)
    assert np.abs(theory[0]).max() > 0.01
    np.testing.assert_allclose(theory[0], numeric[0], atol=2e-3)


@pytest.mark.parametrize("name", SINGLE)
def test_soft_labels_are_mixtures_of_hard_ones(name):
    loss = _loss(name)
    classes = len(getattr(loss, "matrix", range(4)))
    random = np.random.default_rng(1)
    logits = random.normal(size=(6, classes)).astype(np.float32)
    labels = random.dirichlet([1] * classes, 6).astype(np.float32)
    hard = [loss(np.eye(classes, dtype=np.float32)[np.full(6, k)], logits) for k in range(classes)]
    np.testing.assert_allclose(loss(labels, logits), (labels * np.stack(hard, axis=1)).sum(axis=1), rtol=1e-4)


@pytest.mark.parametrize("name", losses.registry.entries())
def test_every_loss_may_be_told_how_much_of_the_run_is_over(name):
    loss = _loss(name)
    classes = len(getattr(loss, "matrix", range(4)))
    logits = tf.constant(np.random.default_rng(2).normal(size=(5, classes)), tf.float32)
    labels = tf.one_hot([0, 1, 2, 0, 1], classes)
    np.testing.assert_array_equal(losses.scheduled(loss)(labels, logits, 1.0), loss(labels, logits))
    assert np.isfinite(losses.scheduled(loss)(labels, logits, tf.constant(0.0))).all()


@pytest.mark.parametrize("name", MULTI)
def test_multi_label_losses_are_finite_everywhere(name):
    loss = _loss(name)
    logits = tf.constant([[0.0, 1e4, -1e4, 90], [1e4, -1e4, 17, -90]])
    for row in ([1.0, 1, 1, 1], [0.0, 0, 0, 0], [0.5, 0.2, 0.9, 0]):
        labels = tf.constant([row] * 2)
        _value_and_gradient(loss, labels, logits)
        values, _ = _value_and_gradient(loss, labels, tf.cast(logits, tf.bfloat16))
        np.testing.assert_array_equal(values, loss(labels, tf.cast(tf.cast(logits, tf.bfloat16), tf.float32)))


@pytest.mark.parametrize("name", MULTI)
def test_multi_label_gradients_match_finite_differences(name):
    loss = _loss(name)
    random = np.random.default_rng(0)
    labels = tf.constant(random.choice([0.0, 1.0, 0.3, -1.0], size=(6, 4)), tf.float32)
    value = random.normal(size=(6, 4)).astype(np.float32)
    theory, numeric = tf.test.compute_gradient(lambda x: loss(labels, x), [tf.constant(value)], delta=1e-2)
    assert np.abs(theory[0]).max() > 0.01
    np.testing.assert_allclose(theory[0], numeric[0], atol=2e-3)


@pytest.mark.parametrize("name", MULTI)
def test_unknown_labels_add_nothing(name):
    """Whatever their logits, even such as no network should give; a picture's loss is the mean over the known."""
    loss = _loss(name)
    logits = tf.constant([[0.5, np.inf, -2.0, np.nan], [3e38, 1.0, 0.0, 0.0]])
    labels = tf.constant([[1.0, -1, 0, -9], [-1, -1, -1, -1]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        values = loss(labels, logits)
    gradient = tape.gradient(values, logits).numpy()
    assert values[1] == 0
    np.testing.assert_allclose(values[0], loss(tf.constant([[1.0, 0]]), tf.constant([[0.5, -2.0]]))[0], rtol=1e-6)
    np.testing.assert_array_equal(gradient != 0, [[True, False, True, False], [False] * 4])


NAMES = tuple("abcdefghij")
KINDS = noise.registry.entries()
WITH_RATE = [name for name, entry in KINDS.items() if "rate" in entry.sample]
WITH_MATRIX = [name for name, entry in KINDS.items() if issubclass(entry.factory, TransitionNoise)]


def _truth(name, per_class):
    """Pictures of ten classes in turn; of several labels a picture, all combinations of three values in turn."""
    count = 10 * per_class
    ids = np.array([f"train_{n:06d}" for n in range(count)])
    images = np.random.default_rng(0).integers(0, 256, (count, 2, 2, 1), np.uint8)
    if KINDS[name].factory.task == "multi":
        return noise.Truth(ids, np.arange(count)[:, None] // 3 ** np.arange(4) % 3 - 1, images, NAMES[:4])
    return noise.Truth(ids, np.arange(count) % 10, images, NAMES)


def _human_file(path, truth):
    arrays = {"clean_label": truth.labels, "worse_label": (truth.labels + np.arange(len(truth.labels)) % 3) % 10}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(arrays, protocol=2))


def _matrix_file(path, truth):
    matrix = np.random.default_rng(0).dirichlet(np.ones(10), 10)
    path.write_text("\n".join(",".join(map(str, row)) for row in matrix.tolist()))


def _table_file(path, truth):
    # About the pictures that every part of the laws has.
    path.write_text("id,label\n" + "".join(f"{i},j\n" for i in truth.ids[20:50]))


FILES = {"human": _human_file, "matrix": _matrix_file, "table": _table_file}


@pytest.fixture
def kind_of(tmp_path):
    """Builds a kind from its sample, with a file if it needs one."""

    def build(name, truth, **settings):
        sample = {**KINDS[name].sample, **settings}
        if name in FILES:
            sample["file"] = str(tmp_path / name)
            FILES[name](tmp_path / name, truth)
        return noise.get({"name": name, **sample})

    return build


@pytest.mark.parametrize("name", WITH_MATRIX)
@pytest.mark.parametrize("rate", [0.0, 0.1, 0.4, 0.9])
def test_noise_hits_its_stated_matrix(name, rate, kind_of):
    per_class = 20000
    truth = _truth(name, per_class)
    kind = kind_of(name, truth, **({"rate": rate} if name in WITH_RATE else {}))
    matrix = kind.transition(NAMES)
    counts = np.zeros((10, 10))
    np.add.at(counts, (truth.labels, kind.given(truth, 3)), 1)
    deviation = np.sqrt(matrix * (1 - matrix) / per_class)
    assert (np.abs(counts / per_class - matrix) <= 5 * deviation + 1e-12).all()


@pytest.mark.parametrize("name", WITH_RATE)
def test_a_higher_rate_keeps_the_wrong_labels_of_a_lower_one(name, kind_of):
    truth = _truth(name, 500)
    wrong = [kind_of(name, truth, rate=r).given(truth, 0) != truth.labels for r in (0.0, 0.05, 0.2, 0.5, 0.9)]
    assert not wrong[0].any()
    for low, high in itertools.pairwise(wrong):
        assert low.sum() < high.sum()
        assert not (low & ~high).any()


@pytest.mark.parametrize("name", KINDS)
def test_noise_belongs_to_the_example(name, kind_of):
    """The same labels come out in another order and among fewer pictures; another seed gives others."""
    truth = _truth(name, 100)
    kind = kind_of(name, truth)
    before = truth.labels.copy()
    given = kind.given(truth, 5)
    np.testing.assert_array_equal(truth.labels, before)
    assert given.dtype == np.int64
    assert given.shape == truth.labels.shape
    assert (given != truth.labels).any()
    assert set(np.unique(given)) <= ({-1, 0, 1} if given.ndim == 2 else set(range(10)))
    for rows in (np.arange(1000), np.random.default_rng(0).permutation(1000), np.arange(17, 60)):
        part = noise.Truth(truth.ids[rows], truth.labels[rows], truth.images[rows], truth.class_names)
        np.testing.assert_array_equal(kind.given(part, 5), given[rows])
    assert (kind.given(truth, 6) != given).any() == (name not in ("human", "table"))


@pytest.mark.parametrize("name", KINDS)
def test_noise_changes_the_share_of_labels_that_it_expects(name, kind_of):
    truth = _truth(name, 2000)
    kind = kind_of(name, truth)
    expected = kind.expected_rate(truth)
    if name == "table":
        assert expected is None
        return
    known = truth.labels >= 0
    share = np.mean((kind.given(truth, 7) != truth.labels)[known])
    assert abs(share - expected) <= 5 * np.sqrt(expected * (1 - expected) / known.sum())
    assert 0.05 < expected < 0.95


@pytest.mark.parametrize("name", [name for name, entry in KINDS.items() if entry.factory.task == "multi"])
def test_unknown_labels_stay_unknown(name, kind_of):
    truth = _truth(name, 100)
    np.testing.assert_array_equal(kind_of(name, truth).given(truth, 0) == -1, truth.labels == -1)


# Of members of a family that differ in depth and width alone, one is enough.
_ALIKE = ("resnet32", "resnet56", "mobilenet_v3_large", "mobilenet_v3_large_lite")
_ALIKE += tuple(f"efficientnet_{form}{n}" for form in ("b", "lite") for n in range(1, 5))


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n in _ALIKE else n for n in networks.registry.entries()]
)
def test_networks_are_flat_and_give_logits(name):
    spec = {"name": name, **networks.registry.entry(name).sample}
    network = networks.get(spec)((16, 16, 3), 7)
    assert network.output_shape == (None, 7)
    assert not [layer for layer in network.layers if hasattr(layer, "layers")]
    narrow = networks.get(spec, width=0.5)((16, 16, 3), 7)
    assert narrow.count_params() < network.count_params() / 2


def _strategy(name, passed, epochs=10):
    """A strategy's state in the middle of a run of 50 examples and four classes, and a batch for it."""
    random = np.random.default_rng(0)
    given = random.integers(0, 4, 50)
    images = [tf.constant(random.integers(0, 256, (8, 6, 6, 3), np.uint8)) for _ in range(4)]
    problem = Problem(given, 4, epochs, teacher=lambda pictures: tf.one_hot([1] * 8, 4) * 3)
    state = strategies.get(name).build(losses.scheduled(losses.get("cross_entropy")), problem)
    rows = np.arange(8) * 5
    batch = {
        "image": images[0],
        "views": tuple(images[1 : state.views]),
        "strong": tuple(images[1 : 1 + state.strong_views]),
        "label": tf.constant(given[rows]),
        "row": tf.constant(rows),
        "number": tf.constant(70, tf.int64),
        "epoch": tf.constant(int(passed * epochs), tf.int64),
        "passed": tf.constant(passed),
    }
    return state, batch


def _linear(seed, spread):
    """A network of one layer, so that gradients reach something."""
    kernel = tf.Variable(spread * np.random.default_rng(seed).normal(size=(108, 4)).astype(np.float32) / 255)
    return (
        kernel,
        lambda images, training=True, trace=True: tf.reshape(tf.cast(images, tf.float32), [-1, 108]) @ kernel,
    )


@pytest.mark.parametrize("name", strategies.registry.entries())
@pytest.mark.parametrize("passed", [0.0, 0.5, 0.99])
@pytest.mark.parametrize("spread", [0.1, 1e4])
def test_strategies_give_each_network_a_finite_loss_and_gradient(name, passed, spread):
    """Early, in the middle and late; from mild logits and from such as leave nothing to other classes."""
    state, batch = _strategy(name, passed)
    kernels, networks = zip(
        *(_linear(seed, spread) for seed in range(state.networks + bool(state.average))), strict=True
    )
    for _ in range(3):
        with tf.GradientTape() as tape:
            outcome = state.outcome(batch, tf.one_hot(batch["label"], 4), list(networks))
            total = tf.add_n(outcome.losses)
        assert len(outcome.losses) == state.networks
        assert np.isfinite(outcome.losses).all()
        for gradient in tape.gradient(total, kernels[: state.networks]):
            assert np.isfinite(gradient).all()
    assert (outcome.logits is not None) == state.answers
    if state.answers:
        np.testing.assert_allclose(outcome.logits, networks[0](batch["image"]))
    for variable in state.variables:
        assert np.isfinite(variable).all(), variable.name
    assert all(isinstance(value, float) for value in state.findings().values())
    table = state.label_table()
    if table is not None:
        assert table.shape == (50, 4)
        np.testing.assert_allclose(table.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", strategies.registry.entries())
def test_strategies_look_only_at_their_own_rows(name):
    """What a strategy remembers of an example changes only where the example is in the batch."""
    state, batch = _strategy(name, 0.4)
    tables = [v for v in state.variables if v.shape.rank and v.shape[0] == 50]
    before = [v.numpy() for v in tables]
    networks = [_linear(seed, 1.0)[1] for seed in range(state.networks + bool(state.average))]
    state.outcome(batch, tf.one_hot(batch["label"], 4), networks)
    others = np.setdiff1d(np.arange(50), batch["row"])
    for old, variable in zip(before, tables, strict=True):
        np.testing.assert_array_equal(variable.numpy()[others], old[others])
    assert not tables or any((v.numpy() != old).any() for old, v in zip(before, tables, strict=True))


@pytest.mark.parametrize("name", strategies.registry.entries())
def test_strategies_prepare_an_epoch_from_its_state_alone(name):
    """Preparing an epoch twice, as a run does that was killed in it, comes to the same."""
    state, _ = _strategy(name, 0.5)
    logits = np.random.default_rng(1).normal(size=(2, 50, 4)).astype(np.float32)
    for variable in state.variables:
        if variable.shape.rank == 1:
            variable.assign(np.random.default_rng(2).random(variable.shape))
    for epoch in (0, 2, 4, 9):
        state.begin_epoch(epoch, lambda number: logits[number])  # -1 is the teacher, here the last
        once = [v.numpy() for v in state.variables]
        state.begin_epoch(epoch, lambda number: logits[number])
        for old, variable in zip(once, state.variables, strict=True):
            np.testing.assert_array_equal(variable, old)


@pytest.mark.parametrize("name", augmentation.registry.entries())
def test_augmentation_belongs_to_the_example(name):
    """The same picture comes out alone, in another order, eagerly and in a tf.data map; epochs differ."""
    policy = augmentation.get(name)
    random = np.random.default_rng(0)
    images = tf.constant(random.integers(0, 256, (20, 12, 12, 3), np.uint8))
    keys = tf.constant(keys_of(map(str, range(20))))
    whole = policy(images, keys, 5, 2).numpy()
    assert whole.dtype == np.uint8
    assert whole.shape == images.shape
    order = random.permutation(20)
    np.testing.assert_array_equal(policy(tf.gather(images, order), tf.gather(keys, order), 5, 2), whole[order])
    mapped = tf.data.Dataset.from_tensors((images, keys)).map(lambda i, k: policy(i, k, 5, tf.constant(2, tf.int64)))
    np.testing.assert_array_equal(next(iter(mapped)), whole)
    if name != "none":
        assert (policy(images, keys, 5, 3).numpy() != whole).any()


@pytest.mark.parametrize("name", magnitude_schedules.registry.entries())
def test_magnitude_schedules_are_shares(name):
    schedule = magnitude_schedules.get(name)
    sizes = np.linspace(0, 1, 11, dtype=np.float32)
    values = np.array([float(schedule(tf.constant(size))) for size in sizes])
    assert ((values >= 0) & (values <= 1)).all()
    # What a learned one gives is learned, not its size.
    expected = {"falling": sizes, "rising": 1 - sizes, "learned": sizes}.get(name, 1)
    np.testing.assert_allclose(values, expected, atol=1e-6)


KERNELS = {
    "normal": np.random.default_rng(0).normal(size=(3, 3, 8, 5)).astype(np.float32),
    "dense": np.random.default_rng(1).normal(size=(40, 7)).astype(np.float32),
    "all equal": np.full((3, 3, 2, 4), 0.3, np.float32),
    "zeros": np.zeros((3, 3, 2, 4), np.float32),
}


@pytest.mark.parametrize("name", weights.registry.entries())
@pytest.mark.parametrize("bits", [8, 4, 3, 2, 1])
@pytest.mark.parametrize("kernel", KERNELS)
def test_weight_quantizers_keep_the_laws(name, bits, kernel):
    """At most 2^b levels a channel, symmetric, idempotent; training and inference give the same."""
    value = KERNELS[kernel]
    quantizer = weights.get({"name": name}, bits=bits, per_channel=kernel != "dense")
    variables = quantizer.build(tf.TensorShape(value.shape), "kernel", keras.layers.Layer())
    quantizer.initialise(tf.constant(value), variables)
    trained = quantizer(tf.constant(value), True, variables).numpy()
    inferred = quantizer(tf.constant(value), False, variables).numpy()
    np.testing.assert_allclose(inferred, trained, rtol=1e-5, atol=1e-7)
    step = np.broadcast_to(quantizer.step(tf.constant(value), variables), value.shape[-1:])
    codes = np.round(inferred / step)
    np.testing.assert_allclose(inferred, codes * step, rtol=1e-5)
    assert np.abs(codes).max() <= max(1, 2 ** (bits - 1) - 1)
    for channel in codes.reshape(-1, codes.shape[-1]).T:
        assert len(np.unique(channel)) <= 2**bits
    opposite = quantizer(tf.constant(-value), False, variables).numpy()
    if bits > 1 or kernel != "zeros":
        np.testing.assert_allclose(opposite, -inferred, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(quantizer(tf.constant(trained), False, variables), trained, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", activations.registry.entries())
@pytest.mark.parametrize("bits", [8, 4, 2])
def test_activation_quantizers_keep_the_laws(name, bits):
    quantizer = activations.get({"name": name}, bits=bits, non_negative=True)
    variables = quantizer.build(None, "output", keras.layers.Layer())
    x = tf.constant(np.abs(np.random.default_rng(0).normal(0, 3, (200, 20))), tf.float32)
    trained = quantizer(x, True, variables).numpy()
    np.testing.assert_allclose(quantizer(x, False, variables), trained, atol=1e-5)
    levels = np.unique(quantizer(tf.linspace(0.0, 100.0, 50001), False, variables))
    assert len(levels) == 2**bits
    assert levels[0] == 0
    np.testing.assert_allclose(np.diff(levels), quantizer.scale(variables), atol=1e-5)
    np.testing.assert_allclose(quantizer(tf.constant(trained), False, variables), trained, atol=1e-6)


@pytest.mark.parametrize("name", initialisations.registry.entries())
@pytest.mark.parametrize("clusters", [2, 16])
@pytest.mark.parametrize("kernel", KERNELS)
def test_initialisations_give_sorted_centroids_within_the_weights(name, clusters, kernel):
    weights = KERNELS[kernel].ravel()
    centroids = initialisations.get(name)(weights, clusters, 0)
    assert centroids.shape == (clusters,)
    assert centroids.dtype == np.float32
    assert (np.diff(centroids) >= 0).all()
    assert centroids.min() >= weights.min() - 1e-6
    assert centroids.max() <= weights.max() + 1e-6
    np.testing.assert_array_equal(initialisations.get(name)(weights, clusters, 0), centroids)


@pytest.mark.parametrize("name", schedules.registry.entries())
def test_penalty_schedules_never_fall_and_end_at_the_whole_weight(name):
    schedule = schedules.get(name)
    values = np.array([float(schedule(tf.constant(t))) for t in np.linspace(0, 1, 11, dtype=np.float32)])
    assert values[-1] == pytest.approx(1)
    assert (np.diff(values) >= 0).all()
    start, middle = {"constant": (1, 1), "linear": (0, 0.5), "cubic": (0, 0.125), "cosine": (0, 0.5)}[name]
    assert (values[0], values[5]) == (pytest.approx(start), pytest.approx(middle))


@pytest.mark.parametrize("name", penalties.registry.entries())
def test_penalties_have_true_gradients_and_pull_to_centroids(name):
    """Against finite differences by weight; near a lonely centroid the pull is the distance from it."""
    penalty = penalties.get(name)
    centroids = tf.constant([-1.0, 0.0, 1.0])
    variables = penalty.build(keras.layers.Layer(), 3)
    penalty.start(centroids, variables)
    weights = tf.constant(np.random.default_rng(0).normal(size=30), tf.float32)
    theory, numeric = tf.test.compute_gradient(lambda w: penalty(w, centroids, variables), [weights], delta=1e-3)
    np.testing.assert_allclose(theory[0], numeric[0], atol=2e-2)
    near = tf.constant([-1.03, 0.02, 1.05, 0.97])
    with tf.GradientTape() as tape:
        tape.watch(near)
        value = penalty(near, centroids, variables)
    np.testing.assert_allclose(tape.gradient(value, near), [-0.03, 0.02, 0.05, -0.03], atol=0.01)


@pytest.mark.parametrize("name", criteria.registry.entries())
def test_criteria_judge_every_unit_and_always_alike(name):
    criterion, channels = criteria.get(name), trace(_JUDGED())
    images = np.random.default_rng(0).random((8, 8, 8, 3)).astype(np.float32)
    for group in channels.groups:
        found = criteria.Evidence(_JUDGED(), channels, group, images, 1)
        importance = criterion.importance(found)
        assert importance.shape == group.units.shape
        assert np.isfinite(importance).all()
        np.testing.assert_array_equal(importance, criterion.importance(found))
        for factors in criterion.multipliers(found, np.arange(len(group.units)) % 2 == 0).values():
            assert factors.shape == group.units.shape
            assert np.isfinite(factors).all()
