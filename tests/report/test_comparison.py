import dataclasses
import json

import pytest

from tfqnoise import Recipe, Run
from tfqnoise.cli import run_command
from tfqnoise.errors import RunError, UsageError
from tfqnoise.report.comparison import compare, figure, rows, table

SUMMARY = {
    "epochs": 30,
    "parameters": 78378,
    "macs": 12_501_632,
    "test_accuracy_last": 0.75,
    "test_accuracy_best": 0.76,
    "memorised_last": 0.03,
    "recovered_last": 0.7,
}


def _run(path, recipe, exported=False, **changes):
    run = Run.create(recipe, path)
    run.write_json("summary.json", SUMMARY | changes)
    if exported:
        report = {
            "passed": True,
            "epoch": 30,
            "sha256": "one",
            "accuracy_tflite": 0.751,
            "top1_agreement": 0.9995,
            "bytes": 58584,
            "zstd_bytes": 39988,
        }
        run.write_json("export/report.json", report)
        timed = [{"model": "model_float", "threads": 1, "p50_us": 900.0}]
        timed += [{"model": "model", "threads": threads, "p50_us": 450.0 / threads} for threads in (1, 2)]
        run.write_json("benchmark/host.json", {"rows": timed, "sha256": "one"})
    return run


@pytest.fixture
def runs(tmp_path):
    common = Recipe(noise=0.4, data_dir="one")
    return [
        _run(tmp_path / "float", dataclasses.replace(common, bits=32, data_dir="other")),
        _run(tmp_path / "four", dataclasses.replace(common, bits=4, quantizer="lsq"), exported=True),
        _run(tmp_path / "clean", Recipe(clusters=16), memorised_last=None, recovered_last=None),
    ]


def test_what_differs_is_named_and_what_is_known_is_read(runs):
    found = rows(runs)
    assert [row.run for row in found] == ["float", "four", "clean"]
    assert [row.flags for row in found] == [
        {"noise": 0.4, "bits": 32},
        {"noise": 0.4, "bits": 4, "quantizer": "lsq"},
        {"clusters": 16},
    ]
    assert (found[1].bytes, found[1].zstd_bytes, found[1].latency_us) == (58584, 39988, 450.0)
    assert (found[0].bytes, found[0].latency_us, found[2].memorised) == (None, None, None)
    (line,) = [line for line in table(found).splitlines() if "| four " in line]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells == [
        "four",
        "noise=0.4 bits=4 quantizer=lsq",
        "78,378",
        "12,501,632",
        "75.00% / 76.00%",
        "3.0%",
        "70.0%",
        "75.10%",
        "99.95%",
        "58,584",
        "39,988",
        "450",
    ]
    assert len({len(line) for line in table(found).splitlines()}) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"passed": False}, "the export of {run} was refused"),
        ({"epoch": 12}, "the exported model of {run} is of epoch 12, its weights of epoch 30: export it anew"),
    ],
)
def test_an_export_that_is_refused_or_of_an_earlier_epoch_is_none_and_said(runs, change, reason):
    runs[1].write_json("export/report.json", runs[1].read_json("export/report.json") | change)
    found = rows(runs)
    assert (found[1].bytes, found[1].latency_us) == (None, None)
    assert found[1].left_out.startswith(reason.format(run=runs[1].path))
    assert table(found).endswith(f"\n\nNot compared: {found[1].left_out}")


def test_a_refused_export_is_said_where_none_has_passed(runs):
    runs[0].write_json("export/rejected.json", {"passed": False})
    runs[1].write_json("export/rejected.json", {"passed": False})
    found = rows(runs)
    assert [row.left_out for row in found] == [f"the export of {runs[0].path} was refused", "", ""]
    assert found[1].bytes == 58584


def test_a_latency_of_another_file_is_none(runs):
    runs[1].write_json("export/report.json", runs[1].read_json("export/report.json") | {"sha256": "two"})
    assert (rows(runs)[1].bytes, rows(runs)[1].latency_us) == (58584, None)


@pytest.mark.parametrize(
    ("number", "name", "content"),
    [
        (2, "summary.json", {"a": 1}),
        (2, "summary.json", SUMMARY | {"test_accuracy_last": None}),
        (2, "summary.json", SUMMARY | {"test_accuracy_best": "high"}),
        (1, "export/report.json", [1]),
        (1, "benchmark/host.json", {"sha256": "one"}),
    ],
)
def test_a_damaged_file_is_named(runs, number, name, content):
    runs[number].write_json(name, content)
    with pytest.raises(RunError, match=rf"{name} lacks".replace(".", r"\.")):
        rows(runs)


def test_all_files_are_written(runs, tmp_path, capsys):
    into = tmp_path / "into"
    assert run_command("report", [*(str(run.path) for run in runs), "--into", str(into)]) == 0
    assert "| four " in capsys.readouterr().out
    assert (into / "comparison.md").read_text() == table(rows(runs)) + "\n"
    assert json.loads((into / "comparison.json").read_text())[1]["bytes"] == 58584
    assert (into / "comparison.png").read_bytes().startswith(b"\x89PNG")


def test_the_figure_shows_every_run_and_the_size_of_exported_ones(runs):
    bars, points, *_ = figure(rows(runs)).axes
    assert [label.get_text() for label in bars.get_yticklabels()] == ["float", "four", "clean"]
    assert [text.get_text() for text in points.texts] == ["four"]


def test_one_run_or_an_unfinished_one_is_refused(runs, tmp_path, capsys):
    with pytest.raises(UsageError, match="two or more"):
        compare(runs[:1], tmp_path / "into")
    (runs[1].path / "summary.json").unlink()
    with pytest.raises(RunError, match=r"four has no summary\.json"):
        compare(runs, tmp_path / "into")
    assert not (tmp_path / "into").exists()
    assert run_command("report", [str(runs[0].path), str(tmp_path / "nowhere")]) == 2
    assert "no run in" in capsys.readouterr().err
