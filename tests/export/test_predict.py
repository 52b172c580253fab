import numpy as np
import pytest
from PIL import Image

from tfqnoise.cli import run_command
from tfqnoise.data import dataset as data
from tfqnoise.data import table
from tfqnoise.data.sources.folder import _from_csv
from tfqnoise.errors import DataError, ExportError
from tfqnoise.export import metadata
from tfqnoise.export.interpreter import Interpreter
from tfqnoise.export.predict import predict


@pytest.fixture(scope="module")
def drawn(trained, tmp_path_factory):
    """Twelve digits as pictures, in a folder and one within, and as arrays."""
    images = data.load(trained.recipe).test.images[:12]
    folder = tmp_path_factory.mktemp("photos")
    (folder / "in, it").mkdir()
    for number, image in enumerate(images):
        place = folder / "in, it" if number > 8 else folder
        Image.fromarray(image[..., 0]).save(place / f"{number:02}.PNG")
    (folder / ".hidden.png").write_bytes(b"")
    (folder / "notes.txt").write_text("no picture")
    return folder, images


def test_a_folder_is_answered_as_the_arrays_are(trained, drawn, tmp_path, monkeypatch, capsys):
    folder, images = drawn
    model = trained.path / "export" / "model.tflite"
    interpreter = Interpreter(model)
    logits = interpreter.real(interpreter(images))
    monkeypatch.chdir(tmp_path)
    assert run_command("predict", [str(trained.path), str(folder), "--into", "some/said.csv"]) == 0
    assert "12 pictures: " in capsys.readouterr().out
    columns, rows = table.read(tmp_path / "some" / "said.csv", ("path", "label"))
    assert columns == ["path", "label", "probability"]
    names = predict(model, folder).labels
    for row, each in zip(rows.values(), logits, strict=True):
        assert (tmp_path / "some" / row["path"]).is_file()
        assert row["label"] == names[each.argmax()]
        assert float(row["probability"]) == pytest.approx(np.exp(each.max()) / np.exp(each).sum(), abs=1e-4)
    # What somebody has may be worth more than what the model says.
    before = (tmp_path / "some" / "said.csv").read_text()
    assert run_command("predict", [str(model), str(folder), "--into", "some/said.csv"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert (tmp_path / "some" / "said.csv").read_text() == before


def test_folder_reads_the_table(trained, drawn, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_command("predict", [str(trained.path), str(drawn[0])]) == 0
    listed = _from_csv(tmp_path / "predictions.csv")
    assert len({path for path, _ in listed}) == 12
    assert any("in, it/" in path for path, _ in listed)


def test_several_labels_have_a_probability_each(trained, drawn, tmp_path):
    content = (trained.path / "export" / "model.tflite").read_bytes()
    several = tmp_path / "several.tflite"
    several.write_bytes(metadata.described(content, metadata.description(content) | {"task": "multi"}))
    found = predict(several, drawn[0])
    interpreter = Interpreter(several)
    np.testing.assert_allclose(found.probabilities, 1 / (1 + np.exp(-interpreter.real(interpreter(drawn[1])))))
    lines = found.table(drawn[0], tmp_path).splitlines()
    assert lines[0] == "path," + ",".join(found.labels)
    assert len(lines) == 13
    assert len(lines[1].split(",")) == 11


def test_what_it_cant_answer_is_said(trained, drawn, tmp_path, capsys):
    folder, _ = drawn
    content = (trained.path / "export" / "model.tflite").read_bytes()
    foreign = tmp_path / "foreign.tflite"
    for facts in ({}, {"labels": ["a"], "task": "single"}, {"labels": list("0123456789"), "task": "boxes"}):
        foreign.write_bytes(metadata.described(content, facts))
        with pytest.raises(ExportError, match="doesn't say what its outputs mean"):
            predict(foreign, folder)
    with pytest.raises(DataError, match="is no directory"):
        predict(trained, tmp_path / "nowhere")
    with pytest.raises(DataError, match="holds no pictures"):
        predict(trained, trained.path)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "a.jpg").write_bytes(b"none")
    Image.new("RGB", (20, 30)).save(broken / "b.jpg")
    into = ["--into", str(tmp_path / "said.csv")]
    assert run_command("predict", [str(trained.path), str(broken), *into]) == 2
    assert "a.jpg (not a picture)" in capsys.readouterr().err
    assert not (tmp_path / "said.csv").exists()
    assert run_command("predict", [str(trained.path), str(broken), *into, "--skip-unreadable"]) == 0
    assert "1 pictures" in capsys.readouterr().out
