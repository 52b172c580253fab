import errno
import os
import resource
import signal

import numpy as np
import pytest

from tfqnoise import run as runs
from tfqnoise.errors import RunError
from tfqnoise.recipe import Recipe
from tfqnoise.run import Run


@pytest.fixture
def run(tmp_path):
    return Run.create(Recipe(), tmp_path / "run")


def _files(run):
    return sorted(p.name for p in run.path.iterdir())


def test_an_export_of_other_weights_is_told_apart(run):
    assert run.outdated() == ""
    run.write_json("export/report.json", {"epoch": 33})
    assert run.outdated() == ""
    run.write_arrays("weights.npz", {"epoch": np.array(33)})
    assert run.outdated() == run.outdated(33) == ""
    run.write_arrays("weights.npz", {"epoch": np.array(40)})
    assert f"of {run.path} is of epoch 33, its weights of epoch 40: export it anew" in run.outdated()
    assert "of epoch 41" in run.outdated(41)
    run.write_json("export/report.json", {})
    with pytest.raises(RunError, match=r"report\.json lacks"):
        run.outdated()


def test_a_folder_is_known_to_be_writable_before_it_is_written(run, monkeypatch):
    run.check_writable("export")
    run.write_bytes("export/model.tflite", b"")
    run.check_writable("export")
    assert _files(run) == ["export", "recipe.json"]
    assert [path.name for path in (run.path / "export").iterdir()] == ["model.tflite"]
    with pytest.raises(RunError, match=r"recipe\.json can't be written: Not a directory"):
        run.check_writable("recipe.json")

    def refuses(dir):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), dir)

    # Whoever tests may be root, whom permissions don't keep from anything.
    monkeypatch.setattr(runs.tempfile, "TemporaryFile", refuses)
    with pytest.raises(RunError, match="benchmark can't be written: Read-only file system"):
        run.check_writable("benchmark")


def test_a_directory_holds_one_run(run):
    with pytest.raises(RunError, match="already holds a run"):
        Run.create(Recipe(noise=0.1), run.path)
    assert Run.open(run.path).recipe == Recipe()
    assert _files(run) == ["recipe.json"]


def test_of_two_processes_that_create_one_wins(tmp_path):
    """Neither overwrites the other's recipe, whatever the moment."""
    for number in range(20):
        path = tmp_path / str(number)
        children = []
        for seed in (1, 2):
            child = os.fork()
            if not child:
                try:
                    Run.create(Recipe(seed=seed), path)
                except RunError:
                    os._exit(3)
                os._exit(0)
            children.append(child)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        assert sorted(codes) == [0, 3]
        assert Run.open(path).recipe.seed == codes.index(0) + 1


def test_a_run_is_held_by_one_process(run):
    child = os.fork()
    if not child:
        with run.lock():
            os.kill(os.getpid(), signal.SIGSTOP)
            os._exit(0)
    os.waitpid(child, os.WUNTRACED)
    with pytest.raises(RunError, match="in use by another process"), run.lock():
        pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with run.lock():
        pass


def test_newest_is_by_time(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="train first"):
        Run.newest()
    first, second = (Run.create(Recipe(seed=s)) for s in (1, 2))
    assert first.path != second.path
    os.utime(first.path / "recipe.json", ns=(0, 10**18))
    os.utime(second.path / "recipe.json", ns=(0, 2 * 10**18))
    assert Run.newest().recipe.seed == 2


def test_a_full_disk_leaves_the_old_file(run):
    """The kernel refuses the write in the middle, as it does on a full disk."""
    run.write_bytes("weights.npz", b"old")
    kept = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(RunError, match="free space"):
            run.write_bytes("weights.npz", b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, kept)
    assert (run.path / "weights.npz").read_bytes() == b"old"
    assert _files(run) == ["recipe.json", "weights.npz"]


def test_no_space_left_is_said_in_words(run, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(runs.os, "fsync", full)
    with pytest.raises(RunError, match="No space left on device"):
        run.write_json("summary.json", {})
    assert _files(run) == ["recipe.json"]


def test_a_file_in_the_way_is_no_run(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="a file is in the way"):
        Run.create(Recipe(), tmp_path / "file")


def test_leftovers_of_a_killed_process_are_removed(run):
    child = os.fork()
    if not child:
        run.write("checkpoint.npz", lambda file: os.kill(os.getpid(), signal.SIGKILL))
    os.waitpid(child, 0)
    assert len(_files(run)) == 2
    with run.lock():
        pass
    assert _files(run) == [".lock", "recipe.json"]


def test_errors_inside_the_lock_are_not_the_directorys(run):
    with pytest.raises(BrokenPipeError), run.lock():
        raise BrokenPipeError


def test_a_place_that_cant_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="can't be written"):
        Run.create(Recipe(), tmp_path / "file" / "run")


def test_arrays_survive_and_are_never_unpickled(run):
    arrays = {"network/0000/kernel": np.arange(6.0).reshape(2, 3), "epoch": np.array(3)}
    run.write_arrays("checkpoint.npz", arrays)
    read = run.read_arrays("checkpoint.npz")
    assert list(read) == list(arrays)
    np.testing.assert_array_equal(read["network/0000/kernel"], arrays["network/0000/kernel"])
    np.savez(run.path / "evil.npz", object=np.array([print], dtype=object))
    with pytest.raises(RunError, match=r"evil\.npz can't be read"):
        run.read_arrays("evil.npz")


@pytest.mark.parametrize("keep", [0, 10, 100, 300])
def test_a_cut_checkpoint_is_named(run, keep):
    path = run.write_arrays("checkpoint.npz", {"a": np.arange(50)})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(RunError, match=r"checkpoint\.npz can't be read"):
        run.read_arrays("checkpoint.npz")


def test_a_flipped_bit_is_found(run):
    path = run.write_arrays("checkpoint.npz", {"a": np.arange(50)})
    content = bytearray(path.read_bytes())
    for place in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[place] ^= 64
        path.write_bytes(damaged)
        try:
            read = run.read_arrays("checkpoint.npz")
        except RunError:
            continue
        # A bit that no reader looks at, such as a time stamp: then the content is whole.
        np.testing.assert_array_equal(next(iter(read.values())), np.arange(50))


def test_missing_and_damaged_json_are_told_apart(run):
    with pytest.raises(RunError, match="missing"):
        run.read_json("summary.json")
    run.write_bytes("summary.json", b"{")
    with pytest.raises(RunError, match="can't be read"):
        run.read_json("summary.json")
    with pytest.raises(RunError, match="no run in"):
        Run.open(run.path / "nowhere")


def test_all_runs_of_a_series_are_opened_by_its_directory(tmp_path):
    for seed in (1, 0):
        Run.create(Recipe(seed=seed), tmp_path / "series" / f"seed{seed}")
    assert [run.recipe.seed for run in Run.open_all(tmp_path / "series")] == [0, 1]
    assert [run.recipe.seed for run in Run.open_all(tmp_path / "series" / "seed1")] == [1]
    with pytest.raises(RunError, match="no run in"):
        Run.open_all(tmp_path)
    with pytest.raises(RunError, match=r"holds 2 of them(.|\n)*series.seed0, .*series.seed1"):
        Run.open(tmp_path / "series")
