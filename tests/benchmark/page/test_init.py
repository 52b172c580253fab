import base64
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tfqnoise import Run
from tfqnoise.benchmark import page
from tfqnoise.benchmark.page import litert
from tfqnoise.data import dataset as data
from tfqnoise.errors import ExportError, RunError
from tfqnoise.export.interpreter import Interpreter

FILES = Path(page.__file__).parent / "files"
OWN = sorted(path for path in FILES.iterdir() if path.suffix in (".html", ".js", ".css"))


@pytest.fixture
def run(for_browsers, litert_stand_in, tmp_path):
    run = Run(tmp_path / "run")
    shutil.copytree(for_browsers.path, run.path)
    return run


def test_the_page_holds_the_model_pictures_and_what_python_answers(run, silent):
    files = page.write(run, silent)
    folder = run.path / "benchmark" / "browser"
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == {
        address.removeprefix("/") for address in files
    }
    assert set(litert.FILES) < {address.removeprefix("/") for address in files}
    content = (run.path / "export" / "model.tflite").read_bytes()
    assert files["/model.tflite"].read_bytes() == content
    examples = json.loads(files["/examples.json"].read_text())
    assert examples["sha256"] == hashlib.sha256(content).hexdigest()
    pictures, outputs = (
        np.stack([np.frombuffer(base64.b64decode(text), np.uint8) for text in examples[name]])
        for name in ("pictures", "outputs")
    )
    assert len(pictures) == len(outputs) == page.PICTURES
    model = Interpreter(content)
    assert model.kernel == examples["kernel"] == "XNNPACK"
    shape = [1, *model.input_shape]
    assert examples["shape"] == shape
    np.testing.assert_array_equal(model(pictures.reshape(-1, *shape[1:])), outputs)
    tested = data.load(run.recipe).test.images.reshape(-1, pictures.shape[1])
    np.testing.assert_array_equal(pictures[[0, -1]], tested[[0, -1]])
    assert len(examples["labels"]) == 10
    facts = page.facts(run)
    assert facts["values"] == outputs.size
    assert facts["versions"][litert.PACKAGE] == litert.VERSION


def test_what_is_there_is_kept_and_what_is_stale_made_anew(run, silent, monkeypatch):
    page.write(run, silent)
    examples = run.path / page.FOLDER / "examples.json"
    before = examples.read_bytes()
    loaded, load = [], data.load
    monkeypatch.setattr(data, "load", lambda recipe: loaded.append(recipe) or load(recipe))
    page.write(run, silent)
    assert not loaded
    for damage in (b"", b"[]", b"{", before.replace(b'"tfqnoise": "', b'"tfqnoise": "0')):
        examples.write_bytes(damage)
        page.write(run, silent)
        assert examples.read_bytes() == before
    assert len(loaded) == 4
    (run.path / page.FOLDER / "model.tflite").write_bytes(b"other")
    (run.path / page.FOLDER / "page.js").write_text("old")
    page.write(run, silent)
    assert examples.read_bytes() == before
    assert len((run.path / page.FOLDER / "page.js").read_text()) > 1000


def test_another_model_is_taken(run, silent):
    page.write(run, silent)
    content = (run.path / "export" / "model.tflite").read_bytes() + bytes(16)
    run.write_bytes("export/model.tflite", content)
    files = page.write(run, silent)
    assert files["/model.tflite"].read_bytes() == content
    assert page.facts(run)["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_model_that_isnt_for_browsers_is_refused(trained, tmp_path, silent):
    with pytest.raises(ExportError, match=r"its borders are int8") as caught:
        page.write(trained, silent)
    assert "--target browser" in caught.value.remedy
    assert not (trained.path / page.FOLDER).exists()
    run = Run.create(trained.recipe, tmp_path / "a run")
    with pytest.raises(RunError, match="is missing") as caught:
        page.write(run, silent)
    assert f"'{run.path}' --target browser" in caught.value.remedy
    run.write_bytes("export/model.tflite", b"no model")
    with pytest.raises(ExportError):
        page.write(run, silent)


def test_damaged_facts_are_named(run, silent):
    page.write(run, silent)
    run.write_json(f"{page.FOLDER}/examples.json", {"sha256": "x"})
    with pytest.raises(RunError, match=r"examples\.json lacks"):
        page.facts(run)


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_the_page_names_no_outside_host(path):
    text = path.read_text()
    assert not re.findall(r"https?:|wss?:|ftp:|\"//|'//|\(//", text)
    assert max(map(len, text.splitlines())) <= 150


def test_the_page_lets_nothing_in_from_outside():
    text = (FILES / "index.html").read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text).group(1)
    imports = re.search(r'<script type="importmap">(.*?)</script>', text, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(imports.encode()).digest()).decode()
    rules = {rule.split()[0]: set(rule.split()[1:]) for rule in policy.split(";")}
    assert rules["default-src"] == {"'none'"}
    assert rules.pop("script-src") == {"'self'", "'wasm-unsafe-eval'", f"'sha256-{digest}'"}
    assert set().union(*rules.values()) == {"'none'", "'self'", "data:"}
    # What the import map and the page name is what lies beside it.
    for name in json.loads(imports)["imports"].values():
        assert name.removeprefix("./") in litert.FILES
    assert set(re.findall(r'(?:src|href)="([\w.]+)"', text)) < {path.name for path in OWN}


@pytest.fixture
def measure():
    """Returns a function that evaluates an expression with what measure.js exports, in Node."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node.js")

    def evaluate(expression):
        script = (
            f"import * as m from {json.dumps(str(FILES / 'measure.js'))}; console.log(JSON.stringify({expression}))"
        )
        done = subprocess.run(
            [node, "--input-type=module", "-e", script], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return evaluate


def test_percentiles_are_those_of_numpy(measure):
    random = np.random.default_rng(0)
    samples = [random.lognormal(size=count).tolist() for count in (1, 2, 3, 10, 200)]
    shares = [0.0, 0.5, 0.9, 0.99, 1.0]
    found = measure(f"{json.dumps(samples)}.map((v) => {shares}.map((s) => m.percentile(v, s)))")
    np.testing.assert_allclose(found, [np.percentile(values, np.multiply(shares, 100)) for values in samples])


def test_outputs_are_compared_bit_by_bit(measure):
    raw = bytes(range(256))
    assert measure(f"Array.from(m.decoded('{base64.b64encode(raw).decode()}'))") == list(raw)
    assert measure("m.differing([1, 2, 3], new Uint8Array([1, 2, 4]))") == 1
    assert measure("m.differing([1, 2, 3], [1, 2])") == 1
    assert measure("m.differing([1], [1, 0, 0])") == 2
    assert measure("m.differing([], [])") == 0
    expected = "[[1, 2], [3, 4], [5, 6]]"
    assert measure(f"m.compared({expected}, {expected})") == {"bit_equal": 3, "outputs": 3, "differing_values": 0}
    assert measure(f"m.compared({expected}, [[1, 2], [0, 0]])") == {
        "bit_equal": 1,
        "outputs": 3,
        "differing_values": 4,
    }


def test_calls_are_timed_together_where_the_clock_is_coarse(measure):
    # Microseconds of a call and of a step of the clock: isolated Chromium, not isolated, Safari, a clock of seconds.
    pairs = [(300, 5), (300, 100), (300, 1000), (10, 1e6), (0, 5), (1e6, 5)]
    found = measure(f"{json.dumps(pairs)}.map(([call, step]) => m.callsPerSample(call, step))")
    assert found == [1, 17, 167, 1000, 1000, 1]
    for (call, step), calls in list(zip(pairs, found, strict=True))[:3]:
        assert step <= 0.02 * call * calls


def test_the_step_of_a_clock_is_found(measure):
    assert measure("(() => { let t = 0; return m.clockStep(() => Math.floor(t++ / 7) * 0.25); })()") == 0.25
    assert measure("m.clockStep(() => performance.now())") > 0
    said = measure("(() => { try { m.clockStep(() => 1); } catch (error) { return error.message; } })()")
    assert "stands still" in said


def test_repetitions_come_from_the_address_within_limits(measure):
    queries = ["?repetitions=7", "", "?repetitions=0", "?repetitions=x", "?repetitions=1.5", "?repetitions=9999999"]
    assert measure(f"{json.dumps(queries)}.map((query) => m.repetitions(query, 200))") == [7, *[200] * 5]


def test_the_page_is_whole_javascript():
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node.js")
    for path in OWN:
        if path.suffix == ".js":
            subprocess.run([node, "--check", str(path)], check=True, capture_output=True, timeout=60)
