"""What Google's `benchmark_model` writes: latencies, how far a delegate took the model, a profile by operator."""

import re
from typing import Any

from tfqnoise.errors import DeviceError

_NUMBER = r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d\d?)?"
# Builds for the command line write "INFO: " in front or nothing, those inside an app what logcat puts there.
_STATISTICS = re.compile(
    rf"^(?:INFO: |.*\btflite *: )?(count=\d+(?: \w+={_NUMBER})+)(?: ?\(all same\))? *$", re.MULTILINE
)
_SUMMARY = re.compile(r"^.*?\b([Ii]nference timings in us: .*)$", re.MULTILINE)
_DELEGATED = re.compile(r"xplicitly applied .*? delegate, and the model graph will be (completely|partially)")
_NOT_DELEGATED = "is explicitly applied, the model graph will not be executed by the delegate"
_NAMES = {"mean_us": "avg", "min_us": "min", "max_us": "max", "std_us": "std", "first_us": "first"}
# Written by newer builds only.
_QUANTILES = {"p5_us": "p5", "p50_us": "median", "p95_us": "p95"}
_LAST_LINES = 5


def timings(log: str) -> dict[str, Any]:
    """Returns the latencies of a log.

    Returns:
        `samples`, `mean_us`, `min_us`, `max_us`, `std_us`, `first_us` of the timed calls, from newer builds `p5_us`,
        `p50_us` and `p95_us` too; `init_us` and `warmup_us` (the mean) from before them. All in microseconds.

    Raises:
        DeviceError: if the log isn't one of a benchmark that came to its end, in a format known.
    """
    runs = [pairs for found in _STATISTICS.finditer(log) if "avg" in (pairs := _pairs(found.group(1)))]
    summary = _SUMMARY.search(log)
    if len(runs) < 2 or summary is None:
        raise _unknown(log, "a line count=… for the warm-up, one for the timed calls, and Inference timings in us: …")
    timed = runs[-1]
    said = {name.strip().lower(): float(value) for name, value in re.findall(rf"([^:,]+): ({_NUMBER})", summary[1])}
    mean = said.get("inference (avg)", said.get("no stats"))
    if mean is None or "init" not in said or abs(mean - timed["avg"]) > 1e-3 * mean:
        raise _unknown(log, "the mean of the timed calls in both of its lines")
    figures: dict[str, Any] = {"samples": int(timed["count"])}
    figures |= {name: timed[key] for name, key in (_NAMES | _QUANTILES).items() if key in timed}
    warmup = said.get("warmup (avg)", said.get("warmup"))
    return figures | {"init_us": said["init"], "warmup_us": warmup}


def delegated(log: str) -> str | None:
    """Returns how much of the model the chosen delegate took: "completely", "partially" or "not"; None if unsaid."""
    if _NOT_DELEGATED in log:
        return "not"
    found = _DELEGATED.search(log)
    return found.group(1) if found else None


def operators(text: str) -> list[dict[str, Any]]:
    """Returns the operators of a profile, in the order in which they run; none if there is no table.

    Args:
        text: the log, or the file that the benchmark wrote instead.

    Returns:
        For each its `type` and `name`, `mean_us` of a call, how many `calls` a run makes, its `share` of the time.
    """
    # The table of the start comes first, that of the timed calls last.
    _, found, table = text.rpartition(" Run Order ")
    if not found:
        return []
    header, *lines = table.partition("\n")[2].splitlines() or [""]
    columns = [column.strip().lower() for column in re.findall(r"\[(.+?)\]", header) or header.split(",")]
    columns = [column.replace("_", " ") for column in columns]
    if len(columns) < 4 or not {"avg ms", "%", "times called"} <= set(columns):
        return []
    # Types and names hold blanks and commas themselves; the numbers between them don't.
    row = re.compile(r"\s*(.*?)" + rf"[\s,]+({_NUMBER})%?" * (len(columns) - 2) + r"[\s,]+(\S.*?)\s*")
    found_operators = []
    for line in lines:
        matched = row.fullmatch(line)
        if matched is None:
            break
        kind, *numbers, name = matched.groups()
        value = dict(zip(columns[1:-1], map(float, numbers), strict=True))
        share, calls = value["%"] / 100, int(value["times called"])
        mean = round(value["avg ms"] * 1000, 3)
        found_operators.append({"type": kind, "name": name, "mean_us": mean, "calls": calls, "share": share})
    return found_operators


def lines(found: list[dict[str, Any]]) -> str:
    """Returns a line for each operator of a profile."""
    return "\n".join(
        f"{each['share']:7.1%}  {each['calls']:>3} x {each['mean_us']:>9,.1f} µs  {each['type']}" for each in found
    )


def last_lines(log: str) -> str:
    """Returns the end of a log, for a message."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return "\n".join(f"    {line}" for line in lines[-_LAST_LINES:]) or "    (nothing)"


def _pairs(line: str) -> dict[str, float]:
    found = {name: float(value) for name, value in re.findall(rf"(\w+)=({_NUMBER})", line)}
    if "avg" not in found and "curr" in found:
        # All calls took the same time, or there was one.
        found |= dict.fromkeys(("first", "min", "max", "avg"), found["curr"]) | {"std": 0.0}
    return found


def _unknown(log: str, expected: str) -> DeviceError:
    return DeviceError(
        f"the output of benchmark_model isn't understood; it ends with\n{last_lines(log)}",
        expected,
        "use a build of benchmark_model from this or the last years",
    )
