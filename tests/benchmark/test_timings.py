from pathlib import Path

import pytest

from tfqnoise.benchmark.timings import delegated, operators, timings
from tfqnoise.errors import DeviceError

RECORDED = Path(__file__).parent / "recorded"


def _log(name):
    return (RECORDED / name).read_text()


@pytest.mark.parametrize(
    ("name", "samples", "mean", "init", "warmup"),
    [
        ("prefixed.txt", 64, 15517.6, 32163, 15997.4),
        ("without_prefix.txt", 50, 119375, 870557, 122373),
        ("with_quantiles.txt", 25, 145528, 92318, 211669),
        ("of_2019.txt", 15, 66767.6, 9933, 76605.9),
        ("not_delegated.txt", 1000, 1039.66, 17851, 1041.15),
    ],
)
def test_outputs_of_several_years_are_read(name, samples, mean, init, warmup):
    found = timings(_log(name))
    assert (found["samples"], found["mean_us"], found["init_us"], found["warmup_us"]) == (samples, mean, init, warmup)
    assert found["min_us"] <= found["mean_us"] <= found["max_us"]


def test_quantiles_are_kept_where_a_build_writes_them():
    found = timings(_log("with_quantiles.txt"))
    assert (found["p5_us"], found["p50_us"], found["p95_us"]) == (140545, 141253, 187533)
    assert "p50_us" not in timings(_log("prefixed.txt"))


def test_one_call_and_exponents_are_read():
    log = (
        "INFO: count=1 curr=9992420\n\nINFO: count=50 curr=8459(all same)\n"
        "INFO: Inference timings in us: Init: 25558, First inference: 9992420, Warmup (avg): 9.99242e+06, "
        "Inference (avg): 8459\n"
    )
    found = timings(log)
    assert found["warmup_us"] == 9992420
    assert [found[name] for name in ("samples", "mean_us", "min_us", "max_us", "std_us")] == [50, 8459, 8459, 8459, 0]


@pytest.mark.parametrize(
    "log",
    [
        "",
        _log("of_2018.txt"),
        _log("no_model.txt"),
        # Ended before its summary, or before the timed calls.
        _log("prefixed.txt").split("INFO: Inference timings")[0],
        _log("prefixed.txt").replace("INFO: count=64", "INFO: counts 64"),
        # Two lines that contradict each other.
        _log("without_prefix.txt").replace("Inference (avg): 119375", "Inference (avg): 122373"),
        "count=. avg=.\ncount=1 avg=1\nInference timings in us: Init: 1",
    ],
)
def test_what_isnt_understood_is_refused_with_its_end(log):
    with pytest.raises(DeviceError, match="isn't understood") as caught:
        timings(log)
    assert "use a build" in caught.value.remedy
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    assert (lines[-1] if lines else "(nothing)") in str(caught.value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("without_prefix.txt", "completely"), ("not_delegated.txt", "not"), ("prefixed.txt", None)],
)
def test_what_a_delegate_took_is_said(name, expected):
    assert delegated(_log(name)) == expected


def test_a_part_is_told_from_the_whole():
    log = (
        "INFO: Explicitly applied XNNPACK delegate, and the model graph will be partially executed by the delegate "
        "w/ 19 delegate kernels."
    )
    assert delegated(log) == "partially"


def test_a_profile_in_the_output_is_read():
    found = operators(_log("prefixed.txt"))
    assert [row["type"] for row in found] == [
        "QUANTIZE",
        "Convolution (NHWC, QC8) IGEMM",
        "Convolution (NHWC, QC8) DWConv",
        "Add (ND, QS8)",
    ]
    assert found[2] == {
        "type": "Convolution (NHWC, QC8) DWConv",
        "name": "Delegate/Convolution (NHWC, QC8) DWConv:1",
        "mean_us": 51.0,
        "calls": 13,
        "share": pytest.approx(0.04317),
    }


def test_a_profile_with_tabs_and_starts_is_read():
    table = (
        "============================== Run Order ==============================\n"
        "\t             [node type]\t  [start]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t"
        "[times called]\t[Name]\n"
        "\t                 CONV_2D\t    0.000\t    4.269\t    4.269\t  0.107%\t  0.107%\t     0.000\t        0\t"
        "[MobilenetV1/MobilenetV1/Conv2d_0/Relu6]\n\n"
    )
    assert operators(table) == [
        {
            "type": "CONV_2D",
            "name": "[MobilenetV1/MobilenetV1/Conv2d_0/Relu6]",
            "mean_us": 4269.0,
            "calls": 0,
            "share": pytest.approx(0.00107),
        }
    ]


def test_a_profile_in_a_file_is_read():
    found = operators(_log("profile.csv"))
    assert [row["type"] for row in found] == ["CONV_2D", "ELU", "AVERAGE_POOL_2D", "SOFTMAX"]
    assert found[0]["mean_us"] == pytest.approx(93.039)
    assert found[0]["share"] == pytest.approx(0.448994)
    assert found[-1]["name"] == "[Identity]:11"


@pytest.mark.parametrize("text", ["", "== Run Order ==", "== Run Order ==\n\n", "== Run Order ==\na, b\n1, 2\n"])
def test_without_a_table_there_is_no_profile(text):
    assert operators(text) == []
