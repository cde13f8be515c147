"""The numbers of one server on one kind of storage, and how they are shown. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    server: str
    storage: str
    workflows_per_second: float
    loaded_p50_ms: float
    p50_ms: float
    p99_ms: float
    activities_per_second: float
    rpcs_per_second: float | None
    share_of_ceiling: float | None
    first_workflow_seconds: float
    stop_seconds: float
    idle_mib: float
    after_load_mib: float
    server_cpu_ms_per_workflow: float
    driver_cpu_ms_per_workflow: float


@dataclass(frozen=True)
class Row:
    title: str
    field: str
    unit: str
    more_is_better: bool = False


ROWS = (
    Row("one-activity workflows, {at_once} at once", "workflows_per_second", "/s", more_is_better=True),
    Row("… start to result, p50", "loaded_p50_ms", "ms"),
    Row("… RPCs", "rpcs_per_second", "/s", more_is_better=True),
    Row("… of grpc.aio's null-RPC ceiling", "share_of_ceiling", "%", more_is_better=True),
    Row("one at a time: start to result, p50", "p50_ms", "ms"),
    Row("… p99", "p99_ms", "ms"),
    Row("50-activity workflows, 10 at once: activities", "activities_per_second", "/s", more_is_better=True),
    Row("process start to first workflow started", "first_workflow_seconds", "s"),
    Row("interrupt to end", "stop_seconds", "s"),
    Row("resident memory, idle", "idle_mib", "MiB"),
    Row("… after the load", "after_load_mib", "MiB"),
    Row("server CPU per workflow", "server_cpu_ms_per_workflow", "ms"),
    Row("driver CPU per workflow", "driver_cpu_ms_per_workflow", "ms"),
)


def better_by(row: Row, ours: Result, theirs: Result) -> float | None:
    """How many times better the first is: above 1 it wins, whichever way the row counts. None if one is not known."""
    mine, other = getattr(ours, row.field), getattr(theirs, row.field)
    if mine is None or other is None:
        return None
    over, under = (mine, other) if row.more_is_better else (other, mine)
    return float(over / under) if under else float("inf")


def figure(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    digits = 2 if unit == "s" else 0 if unit == "%" or value >= 100 else 1
    return f"{value:.{digits}f} {unit}"


def table(storage: str, results: list[Result], at_once: int) -> str:
    """One column a server; with two, a third says how many times better the first is."""
    heads = [storage, *(result.server for result in results)]
    compared = len(results) == 2
    lines = [[*heads, "ratio"] if compared else heads]
    for row in ROWS:
        cells = [row.title.format(at_once=at_once)]
        cells += [figure(getattr(result, row.field), row.unit) for result in results]
        if compared:
            ratio = better_by(row, results[0], results[1])
            cells.append("–" if ratio is None else f"{ratio:.1f}×")
        lines.append(cells)
    return aligned(lines)


def aligned(lines: list[list[str]]) -> str:
    """Cells in columns; the first is text, the others are figures."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
