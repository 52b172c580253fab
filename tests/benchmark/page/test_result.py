import copy

import pytest

from tfqnoise.benchmark.page.result import PageError, checked, table

FACTS = {"sha256": "ab", "bytes": 9, "type": "uint8", "outputs": 32, "values": 320, "versions": {"tfqnoise": "1"}}
ROW = {
    "threads": 2,
    "p50_us": 1.00049,
    "p90_us": 2,
    "p99_us": 3.5,
    "samples": 200,
    "calls_per_sample": 7,
    "bit_equal": 31,
    "differing_values": 1,
}
RESULT = {
    "sha256": "ab",
    "rows": [ROW | {"bit_equal": 32, "differing_values": 0}, ROW],
    "user_agent": "Browser/1",
    "cross_origin_isolated": True,
    "clock_step_us": 5.0,
    "notes": ["one"],
    "machine": {"processor": "arm", "cores": 8},
}


def _with(**changes):
    return copy.deepcopy(RESULT) | changes


def test_a_result_keeps_what_belongs_there():
    found = checked(_with(more=1, rows=[ROW | {"model": "other", "bytes": 1}]), FACTS)
    assert found["bit_equal"] == 31
    assert found["rows"][0] == ROW | {
        "p50_us": 1.0,
        "model": "model",
        "type": "uint8",
        "bytes": 9,
        "kernel": "LiteRT.js wasm",
        "outputs": 32,
    }
    assert "more" not in found
    assert found["machine"] == {"processor": "arm", "cores": 8, "system": "Browser/1"}


def test_the_worst_row_counts():
    found = checked(RESULT, FACTS)
    assert found["bit_equal"] == 31
    text = table(found)
    assert "31 of 32" in text
    assert "32 of 32" in text
    assert "200 samples of 7 calls each" in text
    assert text.endswith("\none")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sha256": "cd"}, "another model"),
        ({"sha256": ["ab"]}, "another model"),
        ({"rows": []}, "rows"),
        ({"rows": [ROW] * 3}, "rows"),
        ({"rows": {"0": ROW}}, "rows"),
        ({"rows": ["x"]}, "rows"),
        ({"rows": [{}]}, "p50_us"),
        ({"notes": "one"}, "notes"),
        ({"notes": ["x"] * 11}, "notes"),
        ({"notes": [1]}, "note"),
        ({"machine": None}, "machine"),
        ({"machine": {"processor": "arm", "cores": 0}}, "cores"),
        ({"user_agent": None}, "user_agent"),
        ({"user_agent": "x" * 1001}, "user_agent"),
        ({"clock_step_us": True}, "clock_step_us"),
    ],
)
def test_what_doesnt_belong_is_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        checked(_with(**changes), FACTS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("p50_us", "1"),
        ("p50_us", None),
        ("p50_us", -1),
        ("p50_us", float("nan")),
        ("p99_us", float("inf")),
        ("p99_us", 10**400),
        ("p99_us", 2e9),
        ("p90_us", 4),
        ("threads", 0),
        ("threads", 1.5),
        ("threads", True),
        ("samples", 10**7),
        ("bit_equal", 33),
        ("bit_equal", -1),
        ("bit_equal", 32),
        ("differing_values", 0),
        ("differing_values", 321),
        ("calls_per_sample", []),
    ],
)
def test_a_value_out_of_its_limits_is_refused(name, value):
    with pytest.raises(ValueError, match=name):
        checked(_with(rows=[ROW | {name: value}]), FACTS)


@pytest.mark.parametrize("name", RESULT)
def test_what_is_missing_is_refused(name):
    result = _with()
    del result[name]
    if name in ("cross_origin_isolated", "notes"):
        checked(result, FACTS)
    else:
        with pytest.raises(ValueError, match=name if name != "sha256" else "model"):
            checked(result, FACTS)


def test_no_control_characters_reach_the_terminal():
    found = checked(_with(user_agent="a\x1b[31m\nb\x9b", notes=["\r\u202e"]), FACTS)
    assert found["user_agent"] == "a?[31m?b?"
    assert found["notes"] == ["??"]


def test_a_page_that_failed_says_why():
    with pytest.raises(PageError, match="no model"):
        checked({"error": "no model\n"}, FACTS)
    with pytest.raises(ValueError, match="error"):
        checked({"error": 1}, FACTS)
