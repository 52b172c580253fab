import numpy as np
import pytest
from PIL import Image

from tfqnoise.data import dataset as data
from tfqnoise.data import source as sources
from tfqnoise.errors import DataError
from tfqnoise.recipe import Recipe


@pytest.fixture
def table(tmp_path):
    (tmp_path / "p").mkdir()
    for number in range(60):
        pixels = np.full((9, 12, 3), 4 * number, np.uint8)
        Image.fromarray(pixels).save(tmp_path / "p" / f"{number:02d}.png")

    def write(text):
        (tmp_path / "labels.csv").write_text(text)
        return tmp_path / "labels.csv"

    return write


def _load(path, **settings):
    return sources.load(Recipe(dataset=f"multilabel:{path}", **settings))


def _lines(labels, header="path,rain,snow,wind"):
    return "\n".join([header, *(f"p/{n:02d}.png,{labels(n)}" for n in range(60))])


def test_columns_are_labels_and_an_empty_cell_is_unknown(table):
    path = table(_lines(lambda n: f"{n % 2}, {n // 30} ,{'' if n % 3 else 1}"))
    source = _load(path)
    assert source.class_names == ("rain", "snow", "wind")
    assert (source.task, source.test_labels) == ("multi", "as given")
    assert len(source.train) + len(source.test) == 60
    assert 4 <= len(source.test) <= 24
    for part in (source.train, source.test):
        assert part.images.shape[1:] == (32, 32, 3)
        assert part.groups is None
        for name, image, labels in zip(part.ids, part.images, part.labels, strict=True):
            number = int(name[2:4])
            assert (image == 4 * number).all()
            assert labels.tolist() == [number % 2, number // 30, -1 if number % 3 else 1]


def test_cells_as_pandas_writes_a_column_with_gaps(table):
    texts = ("1.0", "0.0", "")
    source = _load(table(_lines(lambda n: f"{texts[n % 3]},{n % 2},{(n // 2) % 2}.0")))
    for part in (source.train, source.test):
        for name, labels in zip(part.ids, part.labels, strict=True):
            number = int(name[2:4])
            assert labels.tolist() == [(1, 0, -1)[number % 3], number % 2, (number // 2) % 2]
    for cell in ("0.5", "1.5", "nan", "2.0"):
        with pytest.raises(DataError, match=f"line 2 has rain = '{cell}'"):
            _load(table(_lines(lambda n, cell=cell: f"{cell},1,0")))


def test_a_split_column_says_what_is_tested(table):
    path = table(_lines(lambda n: f"1,{'test' if n < 7 else 'train'},0", "path,rain,split,snow"))
    source = _load(path, image_size=16)
    assert source.class_names == ("rain", "snow")
    assert sorted(source.test.ids) == [f"p/{n:02d}.png" for n in range(7)]
    assert source.train.images.shape == (53, 16, 16, 3)


def test_pictures_without_any_label_are_left_out(table, capsys):
    path = table(_lines(lambda n: ",," if n == 5 else "1,0,1"))
    source = _load(path)
    assert len(source.train) + len(source.test) == 59
    assert "left out: 1 pictures" in capsys.readouterr().out


def test_unreadable_pictures_are_left_out_only_if_asked(table, tmp_path):
    path = table(_lines(lambda n: f"{n % 2},0,1"))
    (tmp_path / "p" / "07.png").write_text("hello")
    with pytest.raises(DataError, match=r"p/07.png \(not a picture\)"):
        _load(path)
    source = _load(path, skip_unreadable=True)
    for part in (source.train, source.test):
        assert [int(i[2:4]) % 2 for i in part.ids] == part.labels[:, 0].tolist()
    assert len(source.train) + len(source.test) == 59


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "columns of an empty file"),
        ("a,b\n1,0\n", "name the columns path"),
        ("path\np/00.png\n", "name each label"),
        ("path,a,b,a,c,c\np/00.png,1,0,1,1,1\n", "has more than one column a, c\n"),
        ("path,a,path\np/00.png,1,p/00.png\n", "has more than one column path\n"),
        ("path,,\np/00.png,1,0\n", "name each label"),
        ("path,a,\np/00.png,1,0\n", "name each label"),
        ("path,a\n", "names no pictures"),
        ("path,a\np/00.png,1\n\np/01.png,2\n", r"line 4 has a = '2'"),
        ("path,a\np/00.png,1\n,1\n", "line 3 names no picture"),
        (
            "path,a\np/00.png,1\np/01.png,1\np/00.png,0\n",
            r"line 4 names p/00.png again, after line 2\n.*\n.*delete line 4 or line 2$",
        ),
        ("path,a\np/00.png,1,0\n", "line 2 has more cells"),
        ("path,a,split\np/00.png,1,train\np/01.png,1,\n", "line 3 has split = ''"),
        ("path,a\np/none.png,1\n", "No such file"),
    ],
)
def test_a_table_that_cant_be_used_says_why(table, text, message):
    with pytest.raises(DataError, match=message):
        _load(table(text))


@pytest.mark.parametrize("argument", ["", "/no/such.csv"])
def test_no_table_is_an_error(argument):
    with pytest.raises(DataError, match="names no file"):
        _load(argument)


def test_a_whole_data_set_comes_of_it(table):
    path = table(_lines(lambda n: f"{int(n % 4 == 0)},{n % 2},1"))
    loaded = data.load(Recipe(dataset=f"multilabel:{path}"))
    assert loaded.train.given.shape == (len(loaded.train), 3)
    weights = loaded.label_weights
    assert weights[0] > weights[1] > weights[2]
    assert weights.mean() == pytest.approx(1)
