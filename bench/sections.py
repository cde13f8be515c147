"""The measurements, one function each. Every server is started for one of them, on storage of its own."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench import fixtures, servers
from bench.loads import Load, flags
from bench.report import Result
from bench.sizes import Tell, list_ms, recovered_seconds, served

THIS_WFCTL = [sys.executable, "-m", "wfctl"]
SETTLE_SECONDS = 1.0
WARM_UP = 20
LONG_WORKFLOW_ACTIVITIES = 50
LONG_WORKFLOWS_AT_ONCE = 10
COMMAND_REPEATS = 7


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    at_once: int
    seconds: float
    one_by_one: int
    memory_at: tuple[int, ...]
    closed_runs: int
    open_runs: int


def throughput(name: str, command: str, storage: str, load: Load, plan: Plan, ceiling: float | None) -> Result:
    """One server on one kind of storage, from its start to its stop."""
    with tempfile.TemporaryDirectory(prefix="wfctl-bench-") as directory:
        database = None if storage == "memory" else Path(directory) / "bench.db"
        extra = ["--durability", storage] if storage in ("normal", "full") else []
        server = servers.start(command, Path(directory), database, extra)
        stopped = False
        try:
            time.sleep(SETTLE_SECONDS)
            idle = server.memory_mib()
            cpu_before = server.cpu_seconds()
            short = load.run(
                server.address,
                *flags(at_once=plan.at_once, seconds=plan.seconds, one_by_one=plan.one_by_one, activities=1),
            )
            # The server's share includes the warm-up and the one-by-one part, which the driver's does not.
            cpu = server.cpu_seconds() - cpu_before
            count = short["workflows"] + plan.one_by_one + WARM_UP
            after = server.memory_mib()
            long = load.run(
                server.address,
                *flags(
                    at_once=LONG_WORKFLOWS_AT_ONCE,
                    seconds=plan.seconds / 2,
                    one_by_one=0,
                    warm_up=2,
                    activities=LONG_WORKFLOW_ACTIVITIES,
                ),
            )
            stop_seconds = server.stop()
            stopped = True
        finally:
            if not stopped:
                server.stop()
    rpcs = short.get("rpcs_per_second")
    return Result(
        server=name,
        storage=storage,
        workflows_per_second=short["workflows_per_second"],
        loaded_p50_ms=short["loaded_p50_ms"],
        p50_ms=short["p50_ms"],
        p99_ms=short["p99_ms"],
        activities_per_second=long["workflows_per_second"] * LONG_WORKFLOW_ACTIVITIES,
        rpcs_per_second=rpcs,
        share_of_ceiling=None if rpcs is None or ceiling is None else 100 * rpcs / ceiling,
        first_workflow_seconds=server.first_workflow_seconds,
        stop_seconds=stop_seconds,
        idle_mib=idle,
        after_load_mib=after,
        server_cpu_ms_per_workflow=cpu / count * 1000,
        driver_cpu_ms_per_workflow=short["driver_cpu_seconds"] / short["workflows"] * 1000,
    )


def memory(command: str, load: Load, plan: Plan, tell: Tell) -> dict[str, float]:
    """Resident memory, in MiB, of one server on a file after so many one-activity workflows."""
    with served(command) as (server, _):
        time.sleep(SETTLE_SECONDS)
        measured = {"0": server.memory_mib()}
        done = 0
        for count in plan.memory_at:
            tell(f"memory after {count:,} workflows")
            load.run(server.address, *flags(at_once=plan.at_once, workflows=count - done - WARM_UP, one_by_one=0))
            done = count
            measured[str(count)] = server.memory_mib()
        return measured


def big_database(command: str, load: Load, plan: Plan, tell: Tell) -> dict[str, float]:
    """A database with many runs against an empty one, in turns, so that a slow minute hits both."""

    def build(path: Path) -> None:
        fixtures.build(path, plan.open_runs, plan.closed_runs)

    tell(f"a database with {plan.closed_runs:,} closed and {plan.open_runs:,} open runs")
    with served(command, build) as (big, stub), served(command) as (empty, _):
        measured = {
            "closed_runs": float(plan.closed_runs),
            "open_runs": float(plan.open_runs),
            "ready_seconds": big.first_workflow_seconds,
            "recovered_seconds": recovered_seconds(big, stub, plan.open_runs - plan.open_runs // 2),
            "recovered_mib": big.memory_mib(),
            "list_20_p50_ms": list_ms(stub, 50),
        }
        rates: dict[str, list[float]] = {"big": [], "empty": []}
        for _ in range(2):
            for name, server in (("big", big), ("empty", empty)):
                tell(f"start and complete on the {name} one")
                answer = load.run(server.address, *flags(at_once=plan.at_once, seconds=plan.seconds / 2, one_by_one=0))
                rates[name].append(answer["workflows_per_second"])
    measured["workflows_per_second"] = statistics.mean(rates["big"])
    measured["workflows_per_second_empty"] = statistics.mean(rates["empty"])
    return measured


def commands(command: str) -> dict[str, float]:
    """Medians of whole processes, in seconds: what a person waits for after pressing return."""
    with served(command) as (server, _):
        asked = {
            "wfctl --help": ["--help"],
            "wfctl workflow list": ["workflow", "list", "--address", server.address],
        }
        return {
            title: statistics.median(_whole_process([*THIS_WFCTL, *words]) for _ in range(COMMAND_REPEATS))
            for title, words in asked.items()
        }


def _whole_process(words: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(words, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=True, timeout=60)
    return time.perf_counter() - began


def profile(load: Load, plan: Plan, lines: int = 45) -> str:
    """Where the server's event loop spends its time under load: cProfile's table by own time."""
    with tempfile.TemporaryDirectory(prefix="wfctl-bench-") as directory:
        file = Path(directory) / "server.prof"
        command = f"{sys.executable} -m cProfile -o {file} -m wfctl server start-dev"
        server = servers.start(command, Path(directory), Path(directory) / "bench.db")
        try:
            load.run(server.address, *flags(at_once=plan.at_once, seconds=plan.seconds, one_by_one=0))
        finally:
            server.stop()
        shown = subprocess.run(
            [sys.executable, "-c", _SHOW_PROFILE, str(file), str(lines)], capture_output=True, text=True, check=True
        )
    return shown.stdout


_SHOW_PROFILE = """
import pstats, sys
pstats.Stats(sys.argv[1]).strip_dirs().sort_stats("tottime").print_stats(int(sys.argv[2]))
"""
