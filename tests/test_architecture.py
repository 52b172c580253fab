"""The house's rules, read from the source: imports go downward, outside libraries have one door each."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "tfqnoise"

# Rooms by floor. A room imports its own modules and those of floors below it.
FLOORS = [
    {"errors"},
    {"backend", "limits", "registry"},
    {"recipe"},
    {"hashing", "label_file", "matrix", "run"},
    {"noise", "losses", "networks", "augmentation", "metrics", "compression"},
    {"assembly", "data", "strategies"},
    {"training"},
    {"export"},
    {"audit", "benchmark", "report"},
    {"cli"},
    {"__main__"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
# Training and export stand side by side: neither knows the other.
FORBIDDEN = {("export", "training")}
DOORS = {
    "tensorflow_model_optimization": {"compression"},
    "tensorflow_datasets": {"data"},
    "keras_cv": {"augmentation"},
    "sklearn": {"audit", "compression", "data", "strategies"},
    "matplotlib": {"report"},
    "zstandard": {"export"},
    "PIL": {"data"},
    "cleanlab": {"audit"},
    "ai_edge_litert": {"export"},
    "tyro": {"cli"},
    "tensorflow": {"backend"},
    "tf_keras": {"backend"},
    "keras": {"backend"},
}
FILES = sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            names |= {f"{module}.{a.name}" for a in node.names} if module == "tfqnoise" else {module}
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_downward(path):
    room = _room(path)
    for name in _imports(path):
        if name.startswith("tfqnoise."):
            target = name.split(".")[1]
            assert target == room or FLOOR[target] < FLOOR[room], f"{room} imports {target}"
            assert (room, target) not in FORBIDDEN


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_outside_libraries_have_one_door(path):
    for name in _imports(path):
        rooms = DOORS.get(name.split(".")[0])
        assert rooms is None or _room(path) in rooms, f"{name} outside {rooms}"


@pytest.mark.parametrize("room", ["noise", "errors", "registry", "hashing", "matrix", "recipe", "run", "metrics"])
def test_foundation_needs_no_tensorflow(room):
    """Loads every module of the room in a process that can't import TensorFlow."""
    files = [p for p in FILES if _room(p) == room]
    names = [".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for p in files]
    code = f"import sys; sys.modules['tensorflow'] = None; import {', '.join(names)}"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_no_room_is_a_drawer():
    assert not [p for p in FILES if p.stem in ("utils", "helpers", "common", "misc")]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_and_functions_stay_small(path):
    text = path.read_text()
    assert text.count("\n") <= 350
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno <= 60, f"{node.name} is long"


def test_every_test_file_mirrors_a_source():
    for path in (ROOT / "tests").rglob("test_*.py"):
        relative = path.relative_to(ROOT / "tests")
        if relative.parts[0] == "integration" or relative.name in (
            "test_architecture.py",
            "test_registered.py",
        ):
            continue
        source = PACKAGE / relative.with_name(relative.name.removeprefix("test_"))
        if source.stem in ("init", "main"):
            source = source.with_name(f"__{source.stem}__.py")
        assert source.exists(), f"{relative} tests {source}, which is not there"


def test_nothing_unsafe():
    """No unpickling, no shell, no evaluated text."""
    for path in FILES + sorted((ROOT / "scripts").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword):
                assert not (node.arg in ("allow_pickle", "shell") and getattr(node.value, "value", None) is True)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec")
        assert not {"pickle", "dill", "cloudpickle", "joblib"} & {n.split(".")[0] for n in _imports(path)}
