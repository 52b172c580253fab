import base64
import json
import os
import re
import shutil
import sys

import pytest

from tfqnoise import Run
from tfqnoise.benchmark import benchmark, browser, page
from tfqnoise.benchmark.page import chromium, litert
from tfqnoise.errors import DeviceError, ExportError, UsageError

# Reads the page as a browser would and posts what it is told to.
STAND_IN = """#!{python}
import json, sys, urllib.parse, urllib.request
address, _, query = sys.argv[-1].partition("?")
examples = json.load(urllib.request.urlopen(address + "examples.json"))
count = int(urllib.parse.parse_qs(query).get("repetitions", ["200"])[0])
row = dict(threads=1, p50_us=1, p90_us=2, p99_us=3, samples=count, calls_per_sample=1)
row.update(bit_equal=len(examples["outputs"]), differing_values=0)
result = dict(rows=[row], sha256=examples["sha256"], user_agent="StandIn/1", clock_step_us=5)
result["machine"] = dict(processor="p", cores=1)
for posted in {posted}:
    request = urllib.request.Request(
        address + "result", json.dumps(posted).encode(), {{"Content-Type": "application/json"}}
    )
    try:
        urllib.request.urlopen(request)
    except urllib.error.HTTPError:
        pass
import time
time.sleep(60)
"""


@pytest.fixture
def run(for_browsers, tmp_path):
    run = Run(tmp_path / "run")
    shutil.copytree(for_browsers.path, run.path)
    return run


@pytest.fixture
def on_the_path(litert_stand_in, monkeypatch, tmp_path):
    """Returns a function that makes a script the only Chromium there is."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(chromium, "NAMES", ("chromium-stand-in",))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")

    def write(text):
        path = tmp_path / "bin" / "chromium-stand-in"
        path.write_text(text)
        path.chmod(0o755)

    return write


def test_what_the_page_hands_back_is_written(run, on_the_path):
    on_the_path(STAND_IN.format(python=sys.executable, posted="[{'rows': []}, result]"))
    said = []
    found = benchmark(run, "browser", repetitions=7, report=said.append)
    assert found == run.read_json("benchmark/browser.json")
    assert found["target"] == "browser"
    assert found["bit_equal"] == found["outputs"] == 32
    assert found["rows"][0]["samples"] == 7
    assert found["user_agent"] == "StandIn/1"
    assert found["machine"]["processor"] != "p"
    assert "32 of 32" in said[-1]


def test_a_page_that_failed_says_why(run, on_the_path, silent):
    on_the_path(STAND_IN.format(python=sys.executable, posted="[{'error': 'no WebAssembly'}]"))
    with pytest.raises(DeviceError, match="the page failed: no WebAssembly"):
        benchmark(run, "browser", report=silent)
    assert not (run.path / "benchmark" / "browser.json").exists()


def test_a_browser_that_ends_or_hangs_is_said(run, on_the_path, silent, monkeypatch):
    on_the_path("#!/bin/sh\necho no display >&2\nexit 7\n")
    with pytest.raises(DeviceError, match="ended with exit code 7: no display"):
        benchmark(run, "browser", report=silent)
    monkeypatch.setattr(browser, "_SECONDS", 0.5)
    on_the_path("#!/bin/sh\nsleep 60\n")
    with pytest.raises(DeviceError, match=r"hasn't ended after 0\.5 seconds"):
        benchmark(run, "browser", report=silent)


def test_without_chromium_the_page_is_there_to_be_served(run, on_the_path, silent):
    with pytest.raises(DeviceError, match="chromium-stand-in is on the PATH") as caught:
        benchmark(run, "browser", report=silent)
    assert f"tfqnoise serve {run.path}" in caught.value.remedy
    assert (run.path / "benchmark" / "browser" / "examples.json").is_file()


def test_a_model_that_isnt_for_browsers_and_peers_are_refused(trained, silent):
    with pytest.raises(ExportError, match="not for browsers"):
        benchmark(trained, "browser", report=silent)
    with pytest.raises(UsageError, match="--peer"):
        benchmark(trained, "browser", peers=[trained.path], report=silent)


@pytest.fixture(scope="module")
def real_chromium(tmp_path_factory):
    """LiteRT.js from npm in a cache of its own, where there is a Chromium to run it."""
    if chromium.find() is None or shutil.which("npm") is None:
        pytest.skip("needs Chromium and npm on the PATH")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        try:
            modules = litert.installed(print)
        except DeviceError as error:
            pytest.skip(f"needs npm's registry ({error.received})")
        assert json.loads((modules / litert.PACKAGE / "package.json").read_text())["version"] == litert.VERSION
        yield


@pytest.mark.chromium
def test_real_chromium_gives_the_same_bits(run, real_chromium, silent):
    found = benchmark(run, "browser", repetitions=20, report=silent)
    assert found["bit_equal"] == found["outputs"] == 32
    assert re.search(r"Chrom(e|ium)/", found["user_agent"])
    # Served with the right headers, localhost is isolated, so its clock is fine and it gets threads.
    assert found["cross_origin_isolated"]
    assert found["clock_step_us"] <= 50
    assert [row["threads"] for row in found["rows"]] in ([1], [1, os.cpu_count()])
    for row in found["rows"]:
        assert 0 < row["p50_us"] <= row["p90_us"] <= row["p99_us"]
        assert row["samples"] == 20
    assert not found["notes"]


@pytest.mark.chromium
def test_real_chromium_finds_a_bit_that_differs(run, real_chromium, monkeypatch, silent):
    made = page._made

    def changed(*arguments):
        examples = made(*arguments)
        output = bytearray(base64.b64decode(examples["outputs"][3]))
        output[0] ^= 1
        return examples | {
            "outputs": [
                base64.b64encode(output).decode() if number == 3 else text
                for number, text in enumerate(examples["outputs"])
            ]
        }

    monkeypatch.setattr(page, "_made", changed)
    found = benchmark(run, "browser", repetitions=5, report=silent)
    assert found["bit_equal"] == 31
    assert {row["differing_values"] for row in found["rows"]} == {1}


@pytest.mark.chromium
def test_real_chromium_says_why_a_model_doesnt_run(run, real_chromium, monkeypatch, silent):
    made = page._made
    monkeypatch.setattr(page, "_made", lambda *arguments: made(*arguments) | {"shape": [1, 2, 3, 1]})
    with pytest.raises(DeviceError, match="the page failed: "):
        benchmark(run, "browser", report=silent)
