"""One worker and one client in a process of their own: `python -m bench.driver ADDRESS …` prints one JSON object.

Apart from the server, so that the two do not share an interpreter; what the driver itself costs is reported too,
because on a small machine it is the larger half.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import time
import uuid
from dataclasses import asdict, dataclass
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

TASK_QUEUE = "bench"
WARM_UP = 20


@activity.defn
async def echo(value: str) -> str:
    return value


@workflow.defn
class OneActivity:
    @workflow.run
    async def run(self, value: str) -> str:
        return await workflow.execute_activity(echo, value, start_to_close_timeout=timedelta(seconds=30))


@dataclass
class Measured:
    workflows: int
    seconds: float
    workflows_per_second: float
    loaded_p50_ms: float
    """Start to result while `at_once` workflows are open."""
    p50_ms: float
    """Start to result, one at a time."""
    p99_ms: float
    driver_cpu_seconds: float


async def run_one(client: Client) -> float:
    """Milliseconds from start to result."""
    began = time.perf_counter()
    result = await client.execute_workflow(OneActivity.run, "x", id=f"bench-{uuid.uuid4()}", task_queue=TASK_QUEUE)
    assert result == "x", result
    return (time.perf_counter() - began) * 1000


async def keep_open(client: Client, at_once: int, seconds: float) -> tuple[list[float], float]:
    """`at_once` workflows open at any moment; the ones still open at the end are waited for and counted."""
    took: list[float] = []
    began = time.perf_counter()

    async def lane() -> None:
        while time.perf_counter() - began < seconds:
            took.append(await run_one(client))

    await asyncio.gather(*(lane() for _ in range(at_once)))
    return took, time.perf_counter() - began


async def measure(address: str, at_once: int, seconds: float, one_by_one: int) -> Measured:
    client = await Client.connect(address)
    async with Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[OneActivity],
        activities=[echo],
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_concurrent_workflow_tasks=max(at_once, 10),
        max_concurrent_activities=max(at_once, 10),
        graceful_shutdown_timeout=timedelta(),
    ):
        await asyncio.gather(*(run_one(client) for _ in range(WARM_UP)))
        alone = [await run_one(client) for _ in range(one_by_one)]
        cpu_before = time.process_time()
        loaded, took = await keep_open(client, at_once, seconds)
        cpu = time.process_time() - cpu_before
    return Measured(
        workflows=len(loaded),
        seconds=took,
        workflows_per_second=len(loaded) / took,
        loaded_p50_ms=statistics.median(loaded),
        p50_ms=statistics.median(alone),
        p99_ms=statistics.quantiles(alone, n=100, method="inclusive")[98],
        driver_cpu_seconds=cpu,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.driver")
    parser.add_argument("address")
    parser.add_argument("--at-once", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--one-by-one", type=int, default=100)
    options = parser.parse_args()
    measured = asyncio.run(measure(options.address, options.at_once, options.seconds, options.one_by_one))
    print(json.dumps(asdict(measured)), flush=True)
    # The SDK's own threads may outlive the interpreter by a moment, and then abort it; everything is said.
    os._exit(0)


if __name__ == "__main__":
    main()
