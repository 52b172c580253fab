import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tfqnoise.data import dataset as data
from tfqnoise.data.drawn_faces import draw
from tfqnoise.errors import DataError, UsageError
from tfqnoise.recipe import Recipe

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "draw_action_units.py"


@pytest.mark.parametrize(("layout", "units"), [("disfa", 8), ("bp4d", 12)])
def test_every_fold_of_a_drawn_tree_can_be_used(tmp_path, layout, units):
    draw(tmp_path / "drawn", layout, subjects=6, frames=40)
    assert "drawn" in (tmp_path / "drawn" / "DRAWN.txt").read_text()
    tested = []
    for fold in (1, 2, 3):
        loaded = data.load(Recipe(dataset=f"{layout}:{tmp_path / 'drawn'}", fold=fold))
        assert loaded.input_shape == (64, 64, 3)
        # Now and then a frame of BP4D's isn't coded at all.
        assert 155 <= len(loaded.train) + len(loaded.validation) <= 160
        assert len(set(loaded.test.groups)) == 2
        tested += loaded.test.ids.tolist()
        rates = (loaded.train.given == 1).mean(axis=0)
        assert rates.shape == (units,)
        assert (rates > 0.1).all()
        assert (rates < 0.4).all()
        assert (loaded.train.given == -1).any() == (layout == "bp4d")
    assert len(set(tested)) == len(tested) >= 235


def test_action_units_show(tmp_path):
    """The mouth's pixels of frames with and without parted lips differ by more than chance."""
    draw(tmp_path / "drawn", "disfa", subjects=6, frames=60)
    loaded = data.load(Recipe(dataset=f"disfa:{tmp_path / 'drawn'}"))
    examples = loaded.train.examples
    mouth = examples.images[:, 40:56, 24:40].astype(float).mean(axis=(1, 2, 3))
    parted = examples.labels[:, 6] == 1
    persons = [examples.groups == name for name in set(examples.groups)]
    gaps = [mouth[rows & parted].mean() - mouth[rows & ~parted].mean() for rows in persons]
    assert max(gaps) < -2


def test_a_seed_draws_the_same_faces_again(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        draw(tmp_path / name, "disfa", subjects=3, frames=8, seed=seed)
    one, same, other = ([path.read_bytes() for path in sorted((tmp_path / name).rglob("*.*"))] for name in "abc")
    assert one == same
    assert len(one) == len(other) == 1 + 3 * (8 + 8)
    assert np.mean([a == b for a, b in zip(one, other, strict=True)]) < 0.1


def test_all_of_a_data_sets_people_can_be_drawn(tmp_path, capsys):
    draw(tmp_path / "drawn", "bp4d", subjects=41, frames=8)
    data.load(Recipe(dataset=f"bp4d:{tmp_path / 'drawn'}", image_size=8))
    assert "Absent subjects" not in capsys.readouterr().out


def test_nothing_is_drawn_over(tmp_path):
    (tmp_path / "mine").write_text("x")
    with pytest.raises(DataError, match="there already"):
        draw(tmp_path, "disfa")
    for settings in ({"subjects": 2}, {"subjects": 28}, {"frames": 7}):
        with pytest.raises(UsageError, match="3 to 27 subjects"):
            draw(tmp_path / "new", "disfa", **settings)
    with pytest.raises(UsageError, match="did you mean 'disfa'"):
        draw(tmp_path / "new", "disfaa")


def test_the_script_draws_and_says_what_it_is(tmp_path):
    command = [sys.executable, SCRIPT, tmp_path / "d", "--layout", "bp4d", "--subjects", "3", "--frames", "8"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "drawings, not faces" in done.stdout
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "there already" in done.stderr
