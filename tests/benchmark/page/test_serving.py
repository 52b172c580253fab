import json
import shutil

import pytest

from tfqnoise import Run
from tfqnoise.benchmark import page
from tfqnoise.benchmark.page.serving import serve, taker
from tfqnoise.errors import ExportError, RunError, UsageError


def _posted(facts, **changes):
    row = {"threads": 1, "p50_us": 1, "p90_us": 2, "p99_us": 3, "samples": 9, "calls_per_sample": 1}
    row |= {"bit_equal": facts["outputs"], "differing_values": 0}
    result = {"rows": [row], "sha256": facts["sha256"], "user_agent": "Phone/1", "clock_step_us": 100}
    return result | {"machine": {"processor": "arm", "cores": 8}} | changes


@pytest.fixture
def facts():
    return {"sha256": "ab", "bytes": 9, "type": "uint8", "outputs": 32, "values": 320, "versions": {"a": "1"}}


def test_a_result_is_kept_with_the_machine_that_it_was_measured_on(tmp_path, facts):
    said = []
    taker(Run(tmp_path), facts, said.append)(_posted(facts))
    kept = json.loads((tmp_path / "benchmark" / "browser.json").read_text())
    assert kept["target"] == "browser"
    assert kept["machine"] == {"processor": "arm", "cores": 8, "system": "Phone/1"}
    assert kept["bit_equal"] == 32
    assert kept["measured"]
    assert "32 of 32" in said[0]
    assert "browser.json" in said[0]


def test_what_is_wrong_is_not_kept(tmp_path, facts):
    said = []
    take = taker(Run(tmp_path), facts, said.append)
    with pytest.raises(ValueError, match="another model"):
        take(_posted(facts, sha256="cd"))
    assert not said
    take({"error": "out of memory"})
    assert said == ["the page failed: out of memory"]
    assert not (tmp_path / "benchmark").exists()


def test_a_run_that_cant_be_written_is_said_on_both_sides(tmp_path, facts):
    (tmp_path / "benchmark").write_text("in the way")
    said = []
    with pytest.raises(ValueError, match="can't be written"):
        taker(Run(tmp_path), facts, said.append)(_posted(facts))
    assert "can't be written" in said[0]


def test_what_cant_be_served_is_named(trained, for_browsers, litert_stand_in, tmp_path, silent):
    with pytest.raises(RunError, match=r"model\.tflite is missing"):
        serve(Run.create(trained.recipe, tmp_path / "fresh"), report=silent)
    with pytest.raises(ExportError, match="not for browsers"):
        serve(trained, report=silent)
    run = Run(tmp_path / "run")
    shutil.copytree(for_browsers.path, run.path)
    with pytest.raises(UsageError, match="--port 70000"):
        serve(run, port=70000, report=silent)
    assert page.facts(run)["outputs"] == page.PICTURES
