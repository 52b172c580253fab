import numpy as np

from tfqnoise.backend import tf
from tfqnoise.strategies import Problem
from tfqnoise.strategies.plain import Plain


def test_the_loss_is_told_how_far_the_run_is():
    state = Plain().build(lambda labels, logits, passed: logits[:, 0] * passed, Problem(np.zeros(4, np.int64), 3))
    logits = np.arange(6, dtype=np.float32).reshape(2, 3)
    outcome = state.outcome({"image": None, "passed": 0.5}, np.eye(3)[:2], [lambda images: tf.constant(logits)])
    assert float(outcome.losses[0]) == 0.75
    np.testing.assert_array_equal(outcome.logits, logits)
    assert not state.variables
    assert state.label_table() is None
