import numpy as np
import pytest

from tfqnoise import losses
from tfqnoise.errors import UsageError

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


@pytest.mark.parametrize("name", losses.registry.entries())
def test_preflight_finds_another_number_of_classes(name):
    loss = losses.get({"name": name, **losses.registry.entry(name).sample})
    losses.preflight(loss, 3)
    if name in ("forward", "backward"):
        with pytest.raises(UsageError, match="a network of 4"):
            losses.preflight(loss, 4)


def test_preflight_finds_another_number_of_label_weights():
    with pytest.raises(UsageError, match="2 label weights for a network of 3"):
        losses.preflight(losses.get("asymmetric").weighted([1, 2]), 3)
