"""`make bench`: starts the server, drives it from another process, prints what it did.

Only ratios that were taken in one run on one machine mean anything: `--peer COMMAND` measures another Temporal server in the
same run. COMMAND is its start command (`temporal server start-dev`); the flags for port and file are added, or
filled in where the command says {port} and {db}.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shlex
import sqlite3
import subprocess
import sys
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench import ceiling, loads, plot, sections, servers, sizes, tui
from bench.report import Result, aligned, figure, table

OURS = f"{shlex.join(sections.THIS_WFCTL)} server start-dev"
QUICK = sections.Plan(
    at_once=50, seconds=3, one_by_one=30, memory_at=(1_000, 2_000), closed_runs=20_000, open_runs=2_000
)
FULL = sections.Plan(
    at_once=50, seconds=10, one_by_one=100, memory_at=(10_000, 50_000), closed_runs=100_000, open_runs=10_000
)
SECTIONS = ("throughput", "memory", "big", "commands", "tui", "sizes")
TUI_SIZES = (10_000, 50_000)
BAR_WIDTH = 20


class Steps:
    """Progress on stderr: a bar where somebody looks, a line a step where nobody does."""

    def __init__(self, total: int) -> None:
        self._total, self._done, self._began = total, 0, time.monotonic()

    def tell(self, what: str) -> None:
        """A step begins."""
        filled = min(BAR_WIDTH, BAR_WIDTH * self._done // self._total)
        bar = "█" * filled + "░" * (BAR_WIDTH - filled)
        elapsed = time.monotonic() - self._began
        line = f"{bar} {elapsed:4.0f} s  {what}"
        sys.stderr.write(f"\r{line}\x1b[K" if sys.stderr.isatty() else f"{line}\n")
        sys.stderr.flush()
        self._done += 1

    def end(self) -> None:
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--server", default=OURS, metavar="COMMAND", help="what to measure (default: this wfctl)")
    parser.add_argument("--peer", metavar="COMMAND", help="another server's start command, measured in the same run")
    parser.add_argument("--quick", action="store_true", help="under two minutes: smaller sizes, shorter loads")
    parser.add_argument("--only", action="append", choices=SECTIONS, help="one section; repeatable")
    parser.add_argument("--storage", action="append", choices=["memory", "normal", "full"], help="repeatable")
    parser.add_argument("--load", choices=["auto", "go", "python"], default="auto", help="which SDK drives (auto: Go)")
    parser.add_argument("--seconds", type=float, help="how long each load runs (10; 3 with --quick)")
    parser.add_argument("--json", metavar="FILE", help="everything that was measured; - is stdout, without tables")
    parser.add_argument("--plot", metavar="FILE", help="cost against size as SVG")
    parser.add_argument("--profile", action="store_true", help="only a profile of the server under load")
    return parser.parse_args(arguments)


def plan_of(options: argparse.Namespace) -> sections.Plan:
    plan = QUICK if options.quick else FULL
    if options.seconds is None:
        return plan
    return sections.Plan(**{**asdict(plan), "seconds": options.seconds})


def machine(load: loads.Load) -> dict[str, Any]:
    """What the figures depend on besides the server."""
    return {
        "cpus": os.cpu_count(),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "grpcio": version("grpcio"),
        "temporalio": version("temporalio"),
        "load": load.name,
        "commit": _commit(),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit() -> str:
    told = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=loads.ROOT, capture_output=True, text=True, check=False
    )
    return told.stdout.strip()


def measure(options: argparse.Namespace, load: loads.Load) -> dict[str, Any]:
    """Every section that was asked for, as one JSON value."""
    plan, wanted = plan_of(options), options.only or list(SECTIONS)
    storages = options.storage or ["memory", "normal", "full"]
    sweep = sizes.QUICK if options.quick else sizes.FULL
    steps = Steps(_count(wanted, storages, options.peer, plan, sweep))
    out: dict[str, Any] = {"machine": machine(load), "plan": asdict(plan)}
    if "throughput" in wanted:
        steps.tell("the null-RPC ceiling of grpc.aio")
        out["ceiling_rpcs_per_second"] = most = ceiling.measure(load, plan.at_once, plan.seconds / 2)
        out["results"] = []
        for storage in storages:
            for name, command, kind in _contestants(options, storage):
                steps.tell(f"{name}, {kind}")
                result = sections.throughput(name, command, kind, load, plan, most)
                out["results"].append({**asdict(result), "compared_with": storage})
    if "memory" in wanted:
        out["memory_mib"] = sections.memory(options.server, load, plan, steps.tell)
    if "big" in wanted:
        out["big_database"] = sections.big_database(options.server, load, plan, steps.tell)
    if "commands" in wanted:
        steps.tell("the command line")
        out["commands_seconds"] = sections.commands(options.server)
    if "tui" in wanted:
        out["tui"] = tui.measure(options.server, *TUI_SIZES, steps.tell)
    if "sizes" in wanted:
        out["sizes"] = [asdict(chart) for chart in sizes.sweep(options.server, sweep, steps.tell)]
    steps.end()
    return out


def _contestants(options: argparse.Namespace, storage: str) -> list[tuple[str, str, str]]:
    """The peer has two kinds of storage: memory, and a file with its own defaults, which stands against `full`."""
    ours = [("wfctl", options.server, storage)]
    if options.peer and storage != "normal":
        return [*ours, ("peer", options.peer, "memory" if storage == "memory" else "file")]
    return ours


def _count(wanted: list[str], storages: list[str], peer: str | None, plan: sections.Plan, sweep: sizes.Sizes) -> int:
    compared = sum(storage != "normal" for storage in storages) if peer else 0
    lengths = (sweep.histories, sweep.open_runs, sweep.closed_runs, sweep.payloads)
    return sum(
        {
            "throughput": 1 + len(storages) + compared,
            "memory": len(plan.memory_at),
            "big": 5,
            "commands": 1,
            "tui": 2,
            "sizes": sum(map(len, lengths)),
        }[section]
        for section in wanted
    )


# -- what is shown --------------------------------------------------------------------------------------------------


def text(measured: dict[str, Any]) -> str:
    parts = [_machine_line(measured["machine"])]
    at_once = measured["plan"]["at_once"]
    results = measured.get("results", [])
    for storage in dict.fromkeys(result["compared_with"] for result in results):
        group = [_result(result) for result in results if result["compared_with"] == storage]
        parts.append(table(storage, group, at_once))
    if "ceiling_rpcs_per_second" in measured:
        parts.append(f"null-RPC ceiling of grpc.aio in this run: {measured['ceiling_rpcs_per_second']:.0f} /s")
    if "memory_mib" in measured:
        lines = [["one-activity workflows done", "resident"]]
        lines += [[f"{int(count):,}", figure(mib, "MiB")] for count, mib in measured["memory_mib"].items()]
        parts.append(aligned(lines))
    if "big_database" in measured:
        parts.append(_big(measured["big_database"]))
    if "commands_seconds" in measured:
        took = measured["commands_seconds"].items()
        parts.append("\n".join(f"{title}, whole process: {seconds:.2f} s" for title, seconds in took))
    if "tui" in measured:
        parts.append(_tui(measured["tui"]))
    for chart in measured.get("sizes", []):
        parts.append(_chart(chart))
    return "\n\n".join(parts)


def _machine_line(facts: dict[str, Any]) -> str:
    return (
        f"{facts['cpus']} CPUs ({facts['processor']}), {facts['system']}, Python {facts['python']},"
        f" SQLite {facts['sqlite']}, grpcio {facts['grpcio']}; driven by the {facts['load']}; wfctl {facts['commit']}"
    )


def _result(values: dict[str, Any]) -> Result:
    return Result(**{key: value for key, value in values.items() if key != "compared_with"})


def _big(big: dict[str, float]) -> str:
    share = 100 * big["workflows_per_second"] / big["workflows_per_second_empty"]
    return aligned(
        [
            [f"{big['closed_runs']:,.0f} closed and {big['open_runs']:,.0f} open runs on disk", ""],
            ["process start to first workflow started", figure(big["ready_seconds"], "s")],
            ["process start to every waiting task offered again", figure(big["recovered_seconds"], "s")],
            ["resident memory then", figure(big["recovered_mib"], "MiB")],
            ["list the newest 20, p50", figure(big["list_20_p50_ms"], "ms")],
            ["one-activity workflows", figure(big["workflows_per_second"], "/s")],
            ["… on an empty database, in turns with it", figure(big["workflows_per_second_empty"], "/s")],
            ["… share", figure(share, "%")],
        ]
    )


def _tui(ui: dict[str, float]) -> str:
    return aligned(
        [
            [
                f"terminal UI, {ui['workflows']:,.0f} workflows: process start to the list",
                figure(ui["first_screen_seconds"], "s"),
            ],
            ["… RPCs a second, nobody at the keys", figure(ui["idle_rpcs_per_second"], "/s")],
            [f"terminal UI, a history of {ui['events']:,.0f} events: read in", figure(ui["load_seconds"], "s")],
            ["… a key while it is read, p50", figure(ui["key_while_loading_p50_ms"], "ms")],
            ["… a key while it is read, worst", figure(ui["key_while_loading_worst_ms"], "ms")],
            ["… a key after that, p50", figure(ui["key_p50_ms"], "ms")],
            ["… resident memory with it open", figure(ui["memory_mib"], "MiB")],
            ["… RPCs a second, nobody at the keys", figure(ui["open_run_rpcs_per_second"], "/s")],
        ]
    )


def _chart(chart: dict[str, Any]) -> str:
    columns = [size for size, _ in next(iter(chart["series"].values()))]
    lines = [[f"{chart['title']}: {chart['size']}", *(f"{size:,.0f}" for size in columns)]]
    lines += [[name, *(f"{ms:.1f} ms" for _, ms in series)] for name, series in chart["series"].items()]
    return aligned(lines)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def main() -> int:
    options = parse()
    load, remark = loads.find(options.load)
    if remark:
        print(remark, file=sys.stderr)
    try:
        if options.profile:
            print(sections.profile(load, plan_of(options)))
            return 0
        measured = measure(options, load)
    except servers.ServerDidNotStart as error:
        print(f"error: the server did not start: {error}", file=sys.stderr)
        return 1
    as_json = json.dumps(_without_nan(measured), indent=2) + "\n"
    if options.json == "-":
        sys.stdout.write(as_json)
    else:
        print(text(measured))
        if options.json:
            Path(options.json).write_text(as_json)
    if options.plot and "sizes" in measured:
        charts = [sizes.Chart(**chart) for chart in measured["sizes"]]
        Path(options.plot).write_text(plot.svg(charts, _machine_line(measured["machine"])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
