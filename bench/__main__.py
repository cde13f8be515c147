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
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import servers
from bench.report import Result, table

THIS_WFCTL = [sys.executable, "-m", "wfctl"]
OURS = f"{shlex.join(THIS_WFCTL)} server start-dev"
REPEATS = 7
SETTLE_SECONDS = 1.0


def drive(address: str, options: argparse.Namespace) -> dict[str, Any]:
    words = [sys.executable, "-m", "bench.driver", address]
    words += ["--at-once", str(options.at_once), "--seconds", str(options.seconds)]
    words += ["--one-by-one", str(options.one_by_one)]
    told = subprocess.run(words, stdout=subprocess.PIPE, check=True, timeout=600)
    measured: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
    return measured


def measure(name: str, command: str, storage: str, options: argparse.Namespace) -> Result:
    """One server on one kind of storage, from its start to its stop."""
    print(f"measuring {name}, {storage} …", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="wfctl-bench-") as directory:
        database = Path(directory) / "bench.db" if storage == "file" else None
        server = servers.start(command, Path(directory), database)
        stopped = False
        try:
            time.sleep(SETTLE_SECONDS)
            idle = server.memory_mib()
            cpu_before = server.cpu_seconds()
            driven = drive(server.address, options)
            # The server's share includes the warm-up and the one-by-one part, which the driver's does not.
            count = driven["workflows"] + options.one_by_one + 20
            cpu = server.cpu_seconds() - cpu_before
            after = server.memory_mib()
            stop_seconds = server.stop()
            stopped = True
        finally:
            if not stopped:
                server.stop()
    return Result(
        server=name,
        storage=storage,
        workflows_per_second=driven["workflows_per_second"],
        loaded_p50_ms=driven["loaded_p50_ms"],
        p50_ms=driven["p50_ms"],
        p99_ms=driven["p99_ms"],
        first_workflow_seconds=server.first_workflow_seconds,
        stop_seconds=stop_seconds,
        idle_mib=idle,
        after_load_mib=after,
        server_cpu_ms_per_workflow=cpu / count * 1000,
        driver_cpu_ms_per_workflow=driven["driver_cpu_seconds"] / driven["workflows"] * 1000,
    )


def time_commands(options: argparse.Namespace) -> dict[str, float]:
    """Medians of whole processes, in seconds: what a person waits for after pressing return."""
    print("measuring the command line …", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="wfctl-bench-") as directory:
        server = servers.start(options.server, Path(directory), None)
        try:
            asked = {
                "wfctl --help": ["--help"],
                "wfctl workflow list": ["workflow", "list", "--address", server.address],
            }
            return {
                title: statistics.median(_whole_process([*THIS_WFCTL, *words]) for _ in range(REPEATS))
                for title, words in asked.items()
            }
        finally:
            server.stop()


def _whole_process(words: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(words, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=True, timeout=60)
    return time.perf_counter() - began


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--server", default=OURS, metavar="COMMAND", help="what to measure (default: this wfctl)")
    parser.add_argument("--peer", metavar="COMMAND", help="another server's start command, measured in the same run")
    parser.add_argument("--storage", choices=["memory", "file", "both"], default="both")
    parser.add_argument("--at-once", type=int, default=50, help="workflows open at once (default 50)")
    parser.add_argument("--seconds", type=float, default=10, help="how long each load runs (default 10)")
    parser.add_argument("--one-by-one", type=int, default=100, help="workflows one at a time (default 100)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    return parser.parse_args(arguments)


def main() -> int:
    options = parse()
    commands = {"wfctl": options.server} | ({"peer": options.peer} if options.peer else {})
    storages = ["memory", "file"] if options.storage == "both" else [options.storage]
    try:
        results = {
            storage: [measure(name, command, storage, options) for name, command in commands.items()]
            for storage in storages
        }
        commands_took = time_commands(options)
    except servers.ServerDidNotStart as error:
        print(f"error: the server did not start: {error}", file=sys.stderr)
        return 1
    if options.json:
        machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}
        flat = [asdict(result) for group in results.values() for result in group]
        print(json.dumps({"machine": machine, "results": _without_nan(flat), "commands": commands_took}, indent=2))
        return 0
    print("\n\n".join(table(storage, group, options.at_once) for storage, group in results.items()))
    print("\n" + "\n".join(f"{title}, whole process: {took:.2f} s" for title, took in commands_took.items()))
    return 0


def _without_nan(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in result.items()}
        for result in results
    ]


if __name__ == "__main__":
    sys.exit(main())
