"""Several runs side by side: a table and a figure of accuracy, memorisation and bytes."""

import dataclasses
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tfqnoise.errors import RunError, UsageError
from tfqnoise.recipe import Recipe
from tfqnoise.report import magnitudes
from tfqnoise.run import Run

# Where a run's data and results lie makes no run another.
_APART = ("data_dir",)


@dataclasses.dataclass(frozen=True)
class Row:
    """What is compared of a run. None where the run hasn't got that far.

    Attributes:
        run: the directory's name.
        flags: the fields of its recipe in which the runs differ, where they aren't the defaults.
        parameters: of the network.
        macs: multiply-accumulates a picture.
        accuracy_last: on the test pictures, of the last epoch; the mean F1 where a picture has several labels.
        accuracy_best: of the best epoch.
        memorised: share of wrongly labelled training pictures for which the network repeats the wrong label.
        recovered: share of them for which it gives the true one.
        accuracy_exported: of the exported file.
        agreement: share of test pictures on which file and trained network agree.
        bytes: of the exported file.
        zstd_bytes: of it under Zstandard, level 19.
        latency_us: median of one picture on the host, one thread.
        left_out: why what belongs to the exported file isn't compared, in words; "" if it is, or nothing is exported.
    """

    run: str
    flags: dict[str, Any]
    parameters: int
    macs: int
    accuracy_last: float
    accuracy_best: float
    memorised: float | None
    recovered: float | None
    accuracy_exported: float | None
    agreement: float | None
    bytes: int | None
    zstd_bytes: int | None
    latency_us: float | None
    left_out: str = ""


def compare(
    runs: Sequence[Run], directory: Path = Path("comparison"), *, report: Callable[[str], None] = print
) -> list[Path]:
    """Writes a comparison of runs as a table (Markdown), as data (JSON) and as a figure, and returns the files.

    Of runs with several magnitudes of augmentation there is a second figure, see `tfqnoise.report.magnitudes`.

    Args:
        runs: finished runs; exported and benchmarked ones have more to show.
        directory: where the files are written.
        report: takes each message.

    Raises:
        UsageError: if there are fewer than two runs.
        RunError: if one has not finished, or a file of it is damaged.
    """
    found = rows(runs)
    report(table(found))
    drawn = io.BytesIO()
    figure(found).savefig(drawn, format="png", dpi=120)
    # Not a run, but its files too appear whole or not at all.
    into = Run(directory)
    paths = [
        into.write_bytes("comparison.md", f"{table(found)}\n".encode()),
        into.write_json("comparison.json", [dataclasses.asdict(row) for row in found]),
        into.write_bytes("comparison.png", drawn.getvalue()),
    ]
    against = magnitudes.figure(runs)
    if against is not None:
        drawn = io.BytesIO()
        against.savefig(drawn, format="png", dpi=120)
        paths.append(into.write_bytes("magnitude.png", drawn.getvalue()))
    for path in paths:
        report(str(path))
    return paths


def rows(runs: Sequence[Run]) -> list[Row]:
    """Reads what is compared.

    Args:
        runs: finished runs; exported and benchmarked ones have more to show.

    Raises:
        UsageError: if there are fewer than two.
        RunError: if one has not finished, or a file of it is damaged.
    """
    if len(runs) < 2:
        raise UsageError(f"{len(runs)} run to compare", "two or more", "name several run directories")
    recipes = [run.recipe.to_dict() for run in runs]
    usual = Recipe().to_dict()
    differing = [
        name for name in usual if name not in _APART and len({json.dumps(recipe[name]) for recipe in recipes}) > 1
    ]
    return [
        _row(run, {name: recipe[name] for name in differing if recipe[name] != usual[name]})
        for run, recipe in zip(runs, recipes, strict=True)
    ]


def _row(run: Run, flags: dict[str, Any]) -> Row:
    if not (run.path / "summary.json").exists():
        raise RunError(
            f"{run.path} has no summary.json", "a finished run", f"train --resume --run-dir {run.path} finishes it"
        )
    summary = run.read_json("summary.json")
    with run.expecting("summary.json"):
        learned: dict[str, Any] = {
            "parameters": int(summary["parameters"]),
            "macs": int(summary["macs"]),
            "accuracy_last": float(summary[f"test_{summary.get('metric', 'accuracy')}_last"]),
            "accuracy_best": float(summary[f"test_{summary.get('metric', 'accuracy')}_best"]),
            "memorised": _number(summary["memorised_last"]),
            "recovered": _number(summary["recovered_last"]),
        }
        epochs = int(summary["epochs"])
    exported: dict[str, Any] = {}
    refused = f"the export of {run.path} was refused"
    # Without a report there was none that passed.
    left_out = refused if (run.path / "export" / "rejected.json").exists() else ""
    if (run.path / "export" / "report.json").exists():
        with run.expecting("export/report.json"):
            found = run.read_json("export/report.json")
            # What was refused, or exported before the last epochs, isn't this run's model.
            left_out = run.outdated(epochs) if found.get("passed") else refused
            exported = {} if left_out else found
    latencies: list[float] = []
    if exported and (run.path / "benchmark" / "host.json").exists():
        with run.expecting("benchmark/host.json"):
            timed = run.read_json("benchmark/host.json")
            # What was timed before it was exported anew is another file.
            current = timed["rows"] if timed.get("sha256") == exported.get("sha256") else []
            latencies = [row["p50_us"] for row in current if (row["model"], row["threads"]) == ("model", 1)]
    with run.expecting("export/report.json"):
        return Row(
            run=run.path.name,
            flags=flags,
            **learned,
            accuracy_exported=_number(exported.get("accuracy_tflite")),
            agreement=_number(exported.get("top1_agreement")),
            bytes=exported.get("bytes"),
            zstd_bytes=exported.get("zstd_bytes"),
            latency_us=float(latencies[0]) if latencies else None,
            left_out=left_out,
        )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


_COLUMNS = (
    "run",
    "flags that differ",
    "parameters",
    "MACs",
    "accuracy last / best",
    "memorised",
    "recovered",
    "in the file",
    "agreement",
    "bytes",
    "zstd bytes",
    "µs, one thread",
)


def table(rows: Sequence[Row]) -> str:
    """Returns the rows as a Markdown table whose columns are aligned, and below why what is blank was left out."""
    lines = [list(_COLUMNS), *map(_cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_COLUMNS))]
    lines.insert(1, ["-" * width for width in widths])
    shown = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    ]
    left_out = [f"\nNot compared: {row.left_out}" for row in rows if row.left_out]
    return "\n".join([*shown, *left_out])


def _cells(row: Row) -> list[str]:
    flags = " ".join(f"{name}={_flag(value)}" for name, value in row.flags.items())
    cells = [
        row.run,
        flags,
        f"{row.parameters:,}",
        f"{row.macs:,}",
        f"{row.accuracy_last:.2%} / {row.accuracy_best:.2%}",
        _percent(row.memorised, 1),
        _percent(row.recovered, 1),
        _percent(row.accuracy_exported, 2),
        _percent(row.agreement, 2),
        "" if row.bytes is None else f"{row.bytes:,}",
        "" if row.zstd_bytes is None else f"{row.zstd_bytes:,}",
        "" if row.latency_us is None else f"{row.latency_us:.0f}",
    ]
    return [cell.replace("|", "\\|") for cell in cells]


def figure(rows: Sequence[Row]) -> Any:
    """Returns accuracy and memorisation of each run, and accuracy against the file's bytes under zstd."""
    drawn = Figure(figsize=(13, 0.4 * len(rows) + 2.5), layout="constrained")
    bars, points = drawn.subplots(1, 2)
    places = np.arange(len(rows))
    accuracy = bars.barh(places - 0.2, [row.accuracy_last for row in rows], 0.4, color="tab:blue")
    bars.bar_label(accuracy, fmt="{:.1%}", fontsize=7, padding=2)
    memorised = bars.barh(places + 0.2, [row.memorised or 0 for row in rows], 0.4, color="tab:red")
    labels = ["" if row.memorised is None else f"{row.memorised:.1%} memorised" for row in rows]
    bars.bar_label(memorised, labels, fontsize=7, padding=2)
    bars.set_yticks(places, [row.run for row in rows], fontsize=8)
    bars.invert_yaxis()
    bars.set_xlim(0, 1.1)
    bars.set_xlabel("test accuracy of the last epoch, and share of wrong labels memorised")
    sized = [row for row in rows if row.zstd_bytes is not None]
    points.scatter([row.zstd_bytes for row in sized], [row.accuracy_last for row in sized], color="tab:blue")
    for row in sized:
        at = (row.zstd_bytes, row.accuracy_last)
        points.annotate(row.run, at, fontsize=7, xytext=(3, 3), textcoords="offset points")
    points.margins(x=0.2)
    points.set_xlabel("bytes of the exported file under zstd")
    points.set_ylabel("test accuracy of the last epoch")
    return drawn


def _percent(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}%}"


def _flag(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
