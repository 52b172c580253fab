"""What a page hands back: it comes from the network, so only what is expected is taken, each value in its limits."""

from typing import Any

_MOST_NOTES = 10
_MOST_COUNT = 10**6
_MOST_MICROSECONDS = 1e9


class PageError(Exception):
    """The page says that it failed."""


def checked(result: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    """Returns a result with nothing in it but what belongs there.

    Args:
        result: what was posted.
        facts: what the page was given: `sha256`, `bytes`, `type`, `outputs`, `values`, `versions`.

    Raises:
        ValueError: if something is missing, of another type, out of its limits, or of another model.
        PageError: if it says that the page failed.
    """
    if "error" in result:
        raise PageError(_text(result, "error"))
    if result.get("sha256") != facts["sha256"]:
        raise ValueError("the result of another model; load the page again")
    rows = result.get("rows")
    if not isinstance(rows, list) or not 1 <= len(rows) <= 2:
        raise ValueError("rows: one or two are expected")
    taken = [_row(row, facts) for row in rows]
    notes = result.get("notes", [])
    if not isinstance(notes, list) or len(notes) > _MOST_NOTES:
        raise ValueError(f"notes: a list of at most {_MOST_NOTES} is expected")
    machine = result.get("machine")
    if not isinstance(machine, dict):
        raise ValueError("machine: an object is expected")
    agent = _text(result, "user_agent")
    return {
        "rows": taken,
        "outputs": facts["outputs"],
        "bit_equal": min(row["bit_equal"] for row in taken),
        "sha256": facts["sha256"],
        "versions": facts["versions"],
        "user_agent": agent,
        "cross_origin_isolated": result.get("cross_origin_isolated") is True,
        "clock_step_us": _number(result, "clock_step_us"),
        "notes": [_text({"note": note}, "note") for note in notes],
        "machine": {
            "processor": _text(machine, "processor"),
            "cores": _count(machine, "cores", 1),
            "system": agent,
        },
    }


def table(result: dict[str, Any]) -> str:
    """Returns a checked result in lines."""
    lines = [result["user_agent"], "threads  outputs bit-equal       p50       p90       p99  µs a picture"]
    for row in result["rows"]:
        times = "  ".join(f"{row[name]:8.1f}" for name in ("p50_us", "p90_us", "p99_us"))
        calls = row["calls_per_sample"]
        samples = f"{row['samples']} samples" + (f" of {calls} calls each" if calls > 1 else "")
        lines.append(f"{row['threads']:>7}  {row['bit_equal']:>7} of {row['outputs']:<7}  {times}  ({samples})")
    return "\n".join([*lines, *result["notes"]])


def _row(row: Any, facts: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise ValueError("rows: objects are expected")
    p50, p90, p99 = (_number(row, name) for name in ("p50_us", "p90_us", "p99_us"))
    if not p50 <= p90 <= p99:
        raise ValueError(f"p50_us, p90_us, p99_us: {p50}, {p90}, {p99} don't rise")
    equal = _count(row, "bit_equal", 0, facts["outputs"])
    differing = _count(row, "differing_values", 0, facts["values"])
    if (equal == facts["outputs"]) != (differing == 0):
        raise ValueError("bit_equal and differing_values contradict each other")
    return {
        "model": "model",
        "type": facts["type"],
        "bytes": facts["bytes"],
        "threads": _count(row, "threads", 1),
        "kernel": "LiteRT.js wasm",
        "p50_us": p50,
        "p90_us": p90,
        "p99_us": p99,
        "samples": _count(row, "samples", 1),
        "calls_per_sample": _count(row, "calls_per_sample", 1),
        "outputs": facts["outputs"],
        "bit_equal": equal,
        "differing_values": differing,
    }


def _number(values: dict[str, Any], name: str) -> float:
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name}: a number is expected")
    # Not a number is no larger than nothing either.
    if not 0 <= value <= _MOST_MICROSECONDS:
        raise ValueError(f"{name}: 0 to {_MOST_MICROSECONDS:g} is expected")
    # The finest clock of a browser makes steps of 5 microseconds.
    return round(float(value), 3)


def _count(values: dict[str, Any], name: str, least: int, most: int = _MOST_COUNT) -> int:
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name}: an integer from {least} to {most} is expected")
    return value


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or len(value) > 1000:
        raise ValueError(f"{name}: text of at most 1000 characters is expected")
    # It is printed: no control characters reach the terminal.
    return "".join(character if character.isprintable() else "?" for character in value)
