"""`python -m bench.replay`: the replay checker against the SDK's own replayer, in one run on one machine.

Three ways over the same histories, each in a process of its own: `wfctl replay check`; a loop of
`Replayer.replay_workflow`; one `Replayer.replay_workflows`. Rates are taken twice: over the whole process, start and imports
included, and while histories flow. CPU seconds tell what a busy machine hides. `--long N` adds one history of N events.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_TIME = "2026-01-01T00:00:00Z"
WORKFLOWS = """\
from datetime import timedelta

from temporalio import workflow


@workflow.defn
class Order:
    @workflow.run
    async def run(self, steps: int) -> int:
        for step in range(steps):
            await workflow.execute_activity(
                "charge", {"step": step}, start_to_close_timeout=timedelta(seconds=5)
            )
        return steps
"""


def history(steps: int, number: int) -> list[dict[str, Any]]:
    """A run of the workflow above, completed: 5 + 6 × steps events."""
    events: list[dict[str, Any]] = []

    def add(kind: str, **attributes: Any) -> int:
        screaming = "".join(f"_{char}" if char.isupper() else char.upper() for char in kind)
        key = kind[0].lower() + kind[1:] + "EventAttributes"
        event = {"eventId": str(len(events) + 1), "eventTime": _TIME, "eventType": f"EVENT_TYPE{screaming}"}
        events.append({**event, key: attributes})
        return len(events)

    def workflow_task() -> int:
        scheduled = add("WorkflowTaskScheduled", taskQueue={"name": "q"}, startToCloseTimeout="10s", attempt=1)
        started = add("WorkflowTaskStarted", scheduledEventId=str(scheduled), identity="worker")
        return add("WorkflowTaskCompleted", scheduledEventId=str(scheduled), startedEventId=str(started))

    add(
        "WorkflowExecutionStarted",
        workflowType={"name": "Order"},
        workflowId=f"order-{number}",
        originalExecutionRunId=f"run-{number}",
        firstExecutionRunId=f"run-{number}",
        taskQueue={"name": "q"},
        input=_payloads(steps),
        workflowTaskTimeout="10s",
        attempt=1,
    )
    task = workflow_task()
    for step in range(steps):
        scheduled = add(
            "ActivityTaskScheduled",
            activityId=str(step + 1),
            activityType={"name": "charge"},
            taskQueue={"name": "q"},
            input=_payloads({"step": step}),
            startToCloseTimeout="5s",
            workflowTaskCompletedEventId=str(task),
        )
        started = add("ActivityTaskStarted", scheduledEventId=str(scheduled), identity="worker", attempt=1)
        add(
            "ActivityTaskCompleted",
            scheduledEventId=str(scheduled),
            startedEventId=str(started),
            result=_payloads("ok"),
        )
        task = workflow_task()
    add("WorkflowExecutionCompleted", result=_payloads(steps), workflowTaskCompletedEventId=str(task))
    return events


def _payloads(value: Any) -> dict[str, Any]:
    data = base64.b64encode(json.dumps(value, separators=(",", ":")).encode()).decode()
    return {"payloads": [{"metadata": {"encoding": base64.b64encode(b"json/plain").decode()}, "data": data}]}


# The SDK's way, run in a process of its own.


async def _loop(files: list[Path], workflows: list[type]) -> None:
    from temporalio.client import WorkflowHistory
    from temporalio.worker import Replayer

    for file in files:
        recorded = WorkflowHistory.from_json(file.stem, file.read_text())
        await Replayer(workflows=workflows).replay_workflow(recorded)


async def _together(files: list[Path], workflows: list[type]) -> None:
    from temporalio.client import WorkflowHistory
    from temporalio.worker import Replayer

    async def read() -> AsyncIterator[WorkflowHistory]:
        for file in files:
            yield WorkflowHistory.from_json(file.stem, file.read_text())

    await Replayer(workflows=workflows).replay_workflows(read())


def sdk(way: str, directory: Path) -> None:
    """What the child process does; prints the seconds while histories flowed."""
    sys.path.insert(0, str(directory))
    import temporalio.client
    import temporalio.worker  # noqa: F401 -- loaded before the clock starts

    workflows = __import__("flows").Order
    files = sorted((directory / "histories").iterdir())
    began = time.perf_counter()
    asyncio.run((_loop if way == "loop" else _together)(files, [workflows]))
    print(time.perf_counter() - began)


# Measuring.


@dataclass(frozen=True, slots=True)
class Measured:
    name: str
    histories: int
    seconds: float
    flowing_seconds: float
    first_seconds: float
    cpu_seconds: float
    peak_mib: float

    def row(self) -> str:
        first = f"{self.first_seconds:8.2f}" if self.first_seconds else "       –"
        return (
            f"{self.name:<34}{self.histories / self.seconds:10.0f}{self.histories / self.flowing_seconds:12.0f}{first}"
            f"{self.cpu_seconds / self.histories * 1000:12.2f}{self.peak_mib:10.0f}"
        )


HEADER = f"{'':<34}{'/s, whole':>10}{'/s, flowing':>12}{'1st, s':>8}{'CPU ms each':>12}{'peak MiB':>10}"


def measure(name: str, command: list[str], directory: Path, count: int) -> Measured:
    """Run one way to its end; `wfctl` is known by its lines of JSON."""
    is_ours = "wfctl" in command
    before = os.times()
    began = time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        first_seconds = time.perf_counter() - began
        rest = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    after = os.times()
    if process.returncode:
        raise SystemExit(f"{name} ended with {process.returncode}: {first}{rest}")
    if is_ours:
        flowing = (seconds - first_seconds) * count / (count - 1) if count > 1 else seconds
    else:
        flowing, first_seconds = float(first), 0.0
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    peak = max(usage.ru_maxrss, _peak_of_children()) if is_ours else usage.ru_maxrss
    return Measured(name, count, seconds, flowing, first_seconds, cpu, peak / 1024)


def _peak_of_children() -> float:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def compare(title: str, steps: int, count: int, jobs: list[int], ways: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="wfctl-bench-") as name:
        directory = Path(name)
        (directory / "flows.py").write_text(WORKFLOWS)
        (directory / "histories").mkdir()
        for number in range(count):
            text = json.dumps({"events": history(steps, number)})
            (directory / "histories" / f"{number:05}.json").write_text(text)
        print(f"\n{title}\n{HEADER}", flush=True)
        found = []
        for number in jobs:
            command = [
                sys.executable,
                "-m",
                "wfctl",
                "replay",
                "check",
                "flows",
                "--histories",
                "histories",
                "-o",
                "jsonl",
            ]
            label = f"wfctl replay check --jobs {number}"
            found.append(measure(label, [*command, "--jobs", str(number), "--timeout", "3000"], directory, count))
            print(found[-1].row(), flush=True)
        for way, label in (("loop", "loop of replay_workflow"), ("together", "one replay_workflows")):
            if way in ways:
                command = [sys.executable, "-m", "bench.replay", "--sdk", way, str(directory)]
                found.append(measure(label, command, directory, count))
                print(found[-1].row(), flush=True)
        best = found[len(jobs) - 1]
        for other in found[len(jobs) :]:
            flowing, whole = other.flowing_seconds / best.flowing_seconds, other.seconds / best.seconds
            cpu = other.cpu_seconds / best.cpu_seconds
            print(
                f"{best.name}: {flowing:.1f}× a {other.name} while flowing, {whole:.1f}× as a whole, {cpu:.1f}× a CPU second"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description="the replay checker against the SDK's own replayer")
    parser.add_argument("--count", type=int, default=500, help="how many small histories")
    parser.add_argument("--steps", type=int, default=1, help="activities in each of them")
    parser.add_argument("--long", type=int, default=0, metavar="EVENTS", help="also one history of so many events")
    parser.add_argument("--sdk", nargs=2, metavar=("WAY", "DIRECTORY"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.sdk:
        sdk(options.sdk[0], Path(options.sdk[1]))
        return
    cores = len(os.sched_getaffinity(0))
    print(f"{platform.platform()}, Python {platform.python_version()}, {cores} cores, load {os.getloadavg()[0]:.1f}")
    jobs = sorted({1, cores})
    compare(
        f"{options.count} histories of {5 + 6 * options.steps} events",
        options.steps,
        options.count,
        jobs,
        ["loop", "together"],
    )
    if options.long:
        steps = max(1, (options.long - 5) // 6)
        compare(f"one history of {5 + 6 * steps} events", steps, 1, [1], ["together"])


if __name__ == "__main__":
    main()
