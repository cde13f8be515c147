"""One worker and one client in a process of their own: `python -m bench.driver ADDRESS …` prints one JSON object.

Apart from the server, so that the two do not share an interpreter; what the driver itself costs is reported too,
because on a small machine it is the larger half.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import statistics
import time
import uuid
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import grpc
import grpc.aio
from temporalio import activity, workflow
from temporalio.api.workflowservice.v1 import GetClusterInfoRequest
from temporalio.api.workflowservice.v1.service_pb2_grpc import WorkflowServiceStub
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

TASK_QUEUE = "bench"


@activity.defn
async def echo(value: str) -> str:
    return value


@workflow.defn
class Activities:
    """That many activities, one after the other."""

    @workflow.run
    async def run(self, count: int) -> str:
        result = ""
        for _ in range(count):
            result = await workflow.execute_activity(echo, "x", start_to_close_timeout=timedelta(seconds=30))
        return result


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
    rpcs_per_second: float | None = None
    """Not counted here: the SDK makes its calls below Python."""


async def run_one(client: Client, activities: int) -> float:
    """Milliseconds from start to result."""
    began = time.perf_counter()
    result = await client.execute_workflow(
        Activities.run, activities, id=f"bench-{uuid.uuid4()}", task_queue=TASK_QUEUE
    )
    assert result == "x", result
    return (time.perf_counter() - began) * 1000


async def keep_open(client: Client, options: argparse.Namespace) -> tuple[list[float], float]:
    """`at_once` workflows open at any moment; the ones still open at the end are waited for and counted."""
    took: list[float] = []
    began = time.perf_counter()
    numbers = itertools.count(1)

    def goes_on() -> bool:
        if options.workflows:
            return next(numbers) <= int(options.workflows)
        return bool(time.perf_counter() - began < options.seconds)

    async def lane() -> None:
        while goes_on():
            took.append(await run_one(client, options.activities))

    await asyncio.gather(*(lane() for _ in range(options.at_once)))
    return took, time.perf_counter() - began


async def measure(options: argparse.Namespace) -> Measured:
    client = await Client.connect(options.address)
    at_once = max(options.at_once, 10)
    async with Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[Activities],
        activities=[echo],
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_concurrent_workflow_tasks=at_once,
        max_concurrent_activities=at_once,
        graceful_shutdown_timeout=timedelta(),
    ):
        await asyncio.gather(*(run_one(client, options.activities) for _ in range(options.warm_up)))
        alone = [await run_one(client, options.activities) for _ in range(options.one_by_one)]
        cpu_before = time.process_time()
        loaded, took = await keep_open(client, options)
        cpu = time.process_time() - cpu_before
    return Measured(
        workflows=len(loaded),
        seconds=took,
        workflows_per_second=len(loaded) / took,
        loaded_p50_ms=statistics.median(loaded),
        p50_ms=statistics.median(alone) if alone else 0.0,
        p99_ms=statistics.quantiles(alone, n=100, method="inclusive")[98] if len(alone) > 1 else 0.0,
        driver_cpu_seconds=cpu,
    )


async def count_null_rpcs(options: argparse.Namespace) -> float:
    """Calls a second of an RPC that costs the server nothing."""
    request = GetClusterInfoRequest()
    answered = 0
    async with grpc.aio.insecure_channel(options.address) as channel:
        stub: Any = WorkflowServiceStub(channel)
        began = time.perf_counter()

        async def lane() -> None:
            nonlocal answered
            while time.perf_counter() - began < options.seconds:
                await stub.GetClusterInfo(request)
                answered += 1

        await asyncio.gather(*(lane() for _ in range(options.at_once)))
        return answered / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.driver")
    parser.add_argument("address")
    parser.add_argument("--at-once", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--one-by-one", type=int, default=100)
    parser.add_argument("--activities", type=int, default=1)
    parser.add_argument("--workflows", type=int, default=0, help="run that many, however long it takes")
    parser.add_argument("--warm-up", type=int, default=20, help="workflows run at once before anything counts")
    parser.add_argument("--null", action="store_true", help="call an RPC that costs nothing instead")
    options = parser.parse_args()
    if options.null:
        answer: dict[str, Any] = {"rpcs_per_second": asyncio.run(count_null_rpcs(options))}
    else:
        answer = asdict(asyncio.run(measure(options)))
    print(json.dumps(answer), flush=True)
    # The SDK's own threads may outlive the interpreter by a moment, and then abort it; everything is said.
    os._exit(0)


if __name__ == "__main__":
    main()
