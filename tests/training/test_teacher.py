import dataclasses

import numpy as np
import pytest

from tfqnoise import Recipe, assembly
from tfqnoise.backend import tf
from tfqnoise.data import dataset as data
from tfqnoise.errors import RunError, UsageError
from tfqnoise.networks.predict import Predictor
from tfqnoise.training.session import Session
from tfqnoise.training.teacher import answers, teacher
from tfqnoise.training.train import train

STUDENT = Recipe(width=0.25, epochs=1, steps_per_epoch=2, batch_size=32, noise=0.4, bits=32, strategy="distillation")


def test_a_teacher_answers_as_its_run_does(trained):
    recipe = dataclasses.replace(STUDENT, teacher=str(trained.path))
    dataset = data.load(recipe)
    images = dataset.test.images[:50]
    network = assembly.restored(trained, dataset.input_shape, dataset.classes).network
    found = answers(teacher(recipe, dataset))(tf.constant(images))
    np.testing.assert_allclose(found, Predictor(network)(images), atol=1e-4)


def test_a_student_learns_from_it(trained, tmp_path, silent):
    recipe = dataclasses.replace(STUDENT, teacher=str(trained.path), epochs=5, steps_per_epoch=None, width=0.5)
    summary = train(recipe, tmp_path / "run", report=silent).read_json("summary.json")
    assert summary["test_accuracy_last"] > 0.8


def test_what_can_not_teach_is_refused(trained, tmp_path, silent):
    with pytest.raises(UsageError, match="without --teacher"):
        Session(STUDENT, silent)
    with pytest.raises(UsageError, match="with --teacher"):
        Session(dataclasses.replace(STUDENT, teacher=str(trained.path), strategy="plain"), silent)
    with pytest.raises(RunError, match="no run in"):
        Session(dataclasses.replace(STUDENT, teacher=str(tmp_path)), silent)
    other = dataclasses.replace(
        data.load(STUDENT), source=dataclasses.replace(data.load(STUDENT).source, class_names=("a",) * 10)
    )
    with pytest.raises(UsageError, match="same data set"):
        teacher(dataclasses.replace(STUDENT, teacher=str(trained.path)), other)
