import numpy as np
import pytest

from tfqnoise import losses

LOGITS = np.array([[0.0, 1, 2]], np.float32)
LABELS = np.array([[1.0, 0, 0]], np.float32)


def test_scheduled_hands_on_what_is_over_to_those_who_ask():
    loss = losses.scheduled(losses.get("truncated_gce"))
    assert loss(LABELS, LOGITS, 0.0)[0] > loss(LABELS, LOGITS, 1.0)[0]
    plain = losses.scheduled(losses.get("gce"))
    assert plain(LABELS, LOGITS, 0.0)[0] == plain(LABELS, LOGITS, 1.0)[0]


@pytest.mark.parametrize(("name", "expected"), [("gce", "single"), ("asymmetric", "multi")])
def test_task(name, expected):
    assert losses.task(losses.get(name)) == expected


def test_a_weighted_loss_keeps_its_task():
    assert losses.task(losses.get("asymmetric").weighted([1, 1])) == "multi"
