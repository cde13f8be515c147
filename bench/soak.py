"""`make soak`: a day in ten minutes. One server on a file with retention, a steady load, and a look at it all the time.

Passes when memory and latency are as flat at the end as they were after the first third: what leaks or piles up in a day
of work shows in ten minutes at a hundred times the pace. Retention deletes what closed, so that the file is steady too.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import loads, servers
from bench.__main__ import OURS, machine
from bench.loads import Load, flags
from bench.report import aligned, figure

WINDOWS = 30
AT_ONCE = 10
RETENTION = "1m"
# What counts as flat: the last third against the middle one.
MEMORY_GROWTH = 1.05
LATENCY_GROWTH = 1.5
WARM_UP_SECONDS = 5.0


@dataclass(frozen=True)
class Window:
    """One stretch of the soak."""

    at_seconds: float
    workflows: int
    workflows_per_second: float
    p50_ms: float
    resident_mib: float
    file_mib: float


def soak(load: Load, command: str, seconds: float) -> list[Window]:
    """The windows, one after the other on one server."""
    windows: list[Window] = []
    with tempfile.TemporaryDirectory(prefix="wfctl-soak-") as directory:
        database = Path(directory) / "soak.db"
        server = servers.start(command, Path(directory), database, ["--retention", RETENTION])
        try:
            load.run(server.address, *flags(at_once=AT_ONCE, seconds=WARM_UP_SECONDS, one_by_one=0))
            began = time.monotonic()
            while len(windows) < WINDOWS:
                told = load.run(server.address, *flags(at_once=AT_ONCE, seconds=seconds / WINDOWS, one_by_one=0))
                windows.append(
                    Window(
                        at_seconds=time.monotonic() - began,
                        workflows=told["workflows"],
                        workflows_per_second=told["workflows_per_second"],
                        p50_ms=told["loaded_p50_ms"],
                        resident_mib=server.memory_mib(),
                        file_mib=sum(file.stat().st_size for file in Path(directory).glob("soak.db*")) / 2**20,
                    )
                )
                print(_line(windows[-1]), file=sys.stderr, flush=True)
        finally:
            server.stop()
    return windows


def _line(window: Window) -> str:
    return (
        f"{window.at_seconds:6.0f} s  {window.workflows_per_second:6.0f} /s  p50 {window.p50_ms:5.1f} ms"
        f"  {window.resident_mib:6.1f} MiB resident  {window.file_mib:6.1f} MiB on disk"
    )


def thirds(values: list[float]) -> tuple[float, float, float]:
    """Medians of the beginning, the middle and the end."""
    size = max(1, len(values) // 3)
    return (
        statistics.median(values[:size]),
        statistics.median(values[size : 2 * size]),
        statistics.median(values[2 * size :]),
    )


def verdicts(windows: list[Window]) -> list[str]:
    """What is not flat."""
    found = []
    _, middle, end = thirds([window.resident_mib for window in windows])
    if end > middle * MEMORY_GROWTH:
        found.append(f"memory grew from {middle:.1f} to {end:.1f} MiB between the middle and the last third")
    _, middle, end = thirds([window.p50_ms for window in windows])
    if end > middle * LATENCY_GROWTH:
        found.append(f"the median latency grew from {middle:.1f} to {end:.1f} ms between the middle and the last third")
    if not all(window.workflows for window in windows):
        found.append("there was a window in which no workflow ended")
    return found


def text(windows: list[Window]) -> str:
    rows = [
        ("start to result, p50", "ms", [window.p50_ms for window in windows]),
        ("workflows", "/s", [window.workflows_per_second for window in windows]),
        ("resident memory", "MiB", [window.resident_mib for window in windows]),
        ("file and log", "MiB", [window.file_mib for window in windows]),
    ]
    count = sum(window.workflows for window in windows)
    head = [f"{count:,} workflows in {windows[-1].at_seconds:.0f} s", "first third", "middle", "last third"]
    return aligned(
        [head, *([title, *(figure(value, unit) for value in thirds(values))] for title, unit, values in rows)]
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description="Is everything flat after a day?")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--server", default=OURS, metavar="COMMAND")
    parser.add_argument("--load", choices=["auto", "go", "python"], default="auto")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    load, remark = loads.find(options.load)
    if remark:
        print(remark, file=sys.stderr)
    windows = soak(load, options.server, options.seconds)
    print(text(windows))
    if options.json:
        measured = {"machine": machine(load), "windows": [asdict(window) for window in windows]}
        Path(options.json).write_text(json.dumps(measured, indent=2) + "\n")
    found = verdicts(windows)
    for sentence in found:
        print(f"error: {sentence}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
