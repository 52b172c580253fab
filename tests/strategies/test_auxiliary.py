import dataclasses

import numpy as np
import pytest
from scipy.special import log_softmax, rel_entr, softmax

from tfqnoise import Recipe, losses, networks
from tfqnoise.backend import keras, tf
from tfqnoise.compression.forms import Form
from tfqnoise.compression.plan import phases
from tfqnoise.compression.quantization.qat import Widths, quantize
from tfqnoise.errors import UsageError
from tfqnoise.export import export
from tfqnoise.strategies import Problem
from tfqnoise.strategies.auxiliary import Auxiliary, branch, divergence, place
from tfqnoise.strategies.plain import Plain
from tfqnoise.training.engine import Trainer, members_of
from tfqnoise.training.train import train

RANDOM = np.random.default_rng(0)
LABELS = np.eye(3, dtype=np.float32)[[0, 2, 2, 1]]
SEEN, STRONG = RANDOM.normal(size=(2, 4, 3)).astype(np.float32)
RATE = Recipe(warmup_epochs=0.0, optimizer="sgd", clip_norm=None)
BATCH = {
    "image": tf.constant(RANDOM.integers(0, 256, (16, 8, 8, 1), np.uint8)),
    # Far from the others, so that a trace of them would be seen.
    "strong": (tf.constant(RANDOM.integers(200, 256, (16, 8, 8, 1), np.uint8)),),
    "label": tf.constant(RANDOM.integers(0, 3, 16)),
    "row": tf.range(16, dtype=tf.int64),
    "passed": tf.constant(0.5),
}
COMPRESSED = {
    "float": None,
    "8 bits": Widths(),
    "lsq": Widths(bits=4, quantizer="lsq", activation_bits=4, activation_quantizer="lsq"),
    "pact": Widths(bits=4, activation_bits=4, activation_quantizer="pact"),
}


def _state(settings):
    return settings.build(losses.scheduled(losses.get("cross_entropy")), Problem(np.zeros(16, np.int64), 3))


@pytest.mark.parametrize(("weight", "distillation"), [(1.0, 0.0), (0.5, 2.0)])
def test_the_losses_are_those_of_the_formula(weight, distillation):
    batch = {"image": "weak", "strong": ("strong",), "passed": tf.constant(0.5)}
    answers = {"weak": tf.constant(SEEN), "strong": tf.constant(STRONG)}
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(list(answers.values()))
        outcome = _state(Auxiliary(weight=weight, distillation=distillation)).outcome(
            batch, LABELS, [answers.get, answers.get]
        )
    own, auxiliary = (-(LABELS * log_softmax(z, axis=1)).sum(axis=1).mean() for z in (SEEN, STRONG))
    taught = rel_entr(softmax(STRONG, axis=1), softmax(SEEN, axis=1)).sum(axis=1).mean()
    assert float(outcome.losses[0]) == pytest.approx(own + distillation * taught, rel=1e-5)
    assert float(outcome.losses[1]) == pytest.approx(weight * auxiliary, rel=1e-5)
    np.testing.assert_array_equal(outcome.logits, SEEN)
    # What the branch says is a target and learns nothing from being one.
    assert tape.gradient(outcome.losses[0], answers["strong"]) is None


def test_divergence_is_zero_from_itself_and_finite_from_what_is_certain():
    np.testing.assert_allclose(divergence(SEEN, SEEN), 0, atol=1e-6)
    assert np.isfinite(divergence(tf.constant([[1e4, -1e4]]), tf.constant([[-1e4, 1e4]]))).all()


@pytest.mark.parametrize(
    ("name", "last", "inner"),
    [
        ("resnet8", "stage3_block1_relu", "stage2_block1_relu"),
        ("vgg16", "stage5_pool", "stage5_conv3_relu"),
        ("mobilenet_v1", "block13_pointwise_relu", "block11_pointwise_relu"),
    ],
)
def test_a_branch_hangs_on_features(name, last, inner):
    network = networks.get(name, width=0.25)((32, 32, 3), 10)
    for at, expected in (("last", last), ("inner", inner)):
        layer = place(network, at)
        assert layer.name == expected
        found = branch(network, 10, Auxiliary(at=at, depth=2), 3)
        assert found.layer == expected
        assert found.network.input_shape == layer.output.shape
        assert found.network.output_shape == (None, 10)
        assert found.network.get_layer("auxiliary2").filters == 2 * layer.output.shape[-1]
        # Its first weights are drawn by the seed alone: another process draws them again.
        again = branch(network, 10, Auxiliary(at=at, depth=2), 3)
        for one, other in zip(found.network.get_weights(), again.network.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


def _small():
    layers = keras.layers
    x = image = keras.Input((8, 8, 1), name="image")
    for number in (1, 2):
        x = layers.Conv2D(4, 3, strides=number, use_bias=False, name=f"conv{number}")(x)
        x = layers.BatchNormalization(name=f"norm{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, layers.Dense(3, name="logits")(x))


def _trainer(settings, widths, start):
    """A trainer whose network starts with the given weights, and returns them where there are none yet."""
    plain = _small()
    network = plain if widths is None else quantize(plain, widths=widths)[0]
    if start is not None:
        network.set_weights(start)
    state, form = _state(settings), Form(network)
    hanging = state.branch(plain)
    built = [form, *([Form(hanging.network)] if hanging else [])]
    members = members_of(RATE, built, phases(RATE)[0], 5, None, hanging)
    return Trainer(members, state), members


@pytest.mark.parametrize(
    ("kind", "graph"),
    [
        ("float", True),
        ("8 bits", True),
        ("8 bits", False),
        *(pytest.param(kind, True, marks=pytest.mark.slow) for kind in ("lsq", "pact")),
    ],
)
def test_strong_pictures_leave_no_trace_in_statistics(kind, graph):
    """After one step running means, variances and ranges are those of a run without the branch, to the last bit,
    while kernels have learnt from both."""
    start, after = None, {}
    for settings in (Plain(), Auxiliary(at="last")):
        trainer, members = _trainer(settings, COMPRESSED[kind], start)
        start = trainer.network.get_weights() if start is None else start
        step = tf.function(trainer.train_step) if graph else trainer.train_step
        before = [v.numpy() for v in members[-1].variables]
        step(BATCH)
        after[type(settings)] = trainer.network
        moved = [(old != v.numpy()).any() for old, v in zip(before, members[-1].variables, strict=True)]
        assert np.mean(moved) > 0.9
    one, other = after[Plain], after[Auxiliary]
    statistics = {id(v) for v in other.non_trainable_variables}
    assert len(statistics) >= 4
    changed = set()
    for old, plain, new in zip(start, one.weights, other.weights, strict=True):
        if id(new) in statistics:
            np.testing.assert_array_equal(plain, new.numpy(), err_msg=new.name)
            assert new.shape.rank == 0 or (new.numpy() != old).any()
        elif (plain.numpy() != new.numpy()).any():
            changed.add(new.name.split("/")[-1].split(":")[0])
    assert {"kernel", "gamma", "beta"} <= changed
    # The last layer hangs behind the features, so the strong pictures don't reach it.
    for plain, new in zip(one.layers[-1].weights, other.layers[-1].weights, strict=True):
        np.testing.assert_allclose(plain, new.numpy(), rtol=1e-5, atol=1e-6)


def test_strong_pictures_do_leave_a_trace_where_nothing_is_put_back(monkeypatch):
    """The test above sees what it is there to see."""
    seen = []
    for call in (None, lambda network, inputs, training: network(inputs, training=training)):
        if call is not None:
            monkeypatch.setattr("tfqnoise.training.engine.unmoved", call)
        trainer, _ = _trainer(Auxiliary(), None, seen[0][0] if seen else None)
        start = trainer.network.get_weights()
        trainer.train_step(BATCH)
        seen.append((start, [v.numpy() for v in trainer.network.non_trainable_variables]))
    assert all((one != other).any() for one, other in zip(seen[0][1], seen[1][1], strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("bits", [32, 8])
def test_what_is_exported_has_no_trace_of_the_branch(tmp_path, silent, bits):
    recipe = Recipe(width=0.25, epochs=2, steps_per_epoch=3, batch_size=64, noise=0.4, bits=bits)
    runs = [
        train(dataclasses.replace(recipe, strategy=name), tmp_path / name, report=silent)
        for name in ("plain", "auxiliary")
    ]
    one, other = (run.read_json("summary.json") for run in runs)
    assert (one["parameters"], one["macs"]) == (other["parameters"], other["macs"])
    shapes = [[value.shape for value in run.read_arrays("weights.npz").values()] for run in runs]
    assert shapes[0] == shapes[1]
    assert not [name for name in runs[1].read_arrays("weights.npz") if "auxiliary" in name]
    assert [name for name in runs[1].read_arrays("checkpoint.npz") if "auxiliary" in name]
    if bits < 32:
        sizes = [export(run, report=silent)["bytes"] for run in runs]
        assert sizes[0] == sizes[1]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"strong": "standrad"}, "did you mean"),
        ({"strong": {"name": "standard", "padding": 1}}, "no setting 'padding'"),
        ({"at": "middle"}, "last or inner"),
        ({"weight": -1.0}, "weight = -1"),
        ({"width": 0.0}, "width = 0"),
        ({"depth": -1}, "depth = -1"),
    ],
)
def test_wrong_settings_are_refused(settings, words):
    with pytest.raises(UsageError, match=words):
        Auxiliary(**settings)
