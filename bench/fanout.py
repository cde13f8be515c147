"""What one run costs that has much under way at once: the server's CPU for each activity, timer or signal of N.

`python -m bench.fanout [--sizes 1 50 2000]` prints µs an item of the whole process (SQLite included, no gRPC), on a file. It
grows with N only where a step looks at more than it changes; a workflow may have 2,000 of a kind pending.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from google.protobuf.message_factory import GetMessageClass
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import CommandType as C
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.taskqueue.v1 import StickyExecutionAttributes, TaskQueue

from bench.steps import DATA, METHODS, Context, schedule_activity
from wfctl.devserver import app
from wfctl.devserver.options import ServerOptions
from wfctl.devserver.rpc import router
from wfctl.devserver.rpc.backend import Backend, Call

WORKERS = 50
TIMER_SECONDS = 1
SLOW_RETRY_SECONDS = 3600
QUEUE = TaskQueue(name="fan-out")
STICKY = TaskQueue(name="fan-out-sticky")


class Client:
    """Calls RPC functions as the router does."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._rpcs = router.implemented()

    async def call(self, name: str, **fields: Any) -> Any:
        method = METHODS[name]
        request = GetMessageClass(method.input_type)(namespace="default", **fields)
        answer = await self._rpcs[name](self._backend, request, Call(Context(), time.monotonic()))
        return GetMessageClass(method.output_type).FromString(answer) if isinstance(answer, bytes) else answer

    async def start(self, workflow_id: str) -> None:
        kind = WorkflowType(name="FanOut")
        await self.call(
            "StartWorkflowExecution",
            workflow_id=workflow_id,
            request_id=workflow_id,
            workflow_type=kind,
            task_queue=QUEUE,
        )

    async def complete_task(self, queue: TaskQueue, commands: list[Command]) -> Any:
        """Take one workflow task and complete it; what it was."""
        task = await self.call("PollWorkflowTaskQueue", task_queue=queue)
        sticky = StickyExecutionAttributes(worker_task_queue=STICKY)
        await self.call(
            "RespondWorkflowTaskCompleted", task_token=task.task_token, commands=commands, sticky_attributes=sticky
        )
        return task

    async def see(self, events: int, name: str) -> None:
        """Take workflow tasks, do nothing, until that many events of this kind were seen."""
        while events > 0:
            task = await self.complete_task(STICKY, [])
            events -= sum(event.HasField(name) for event in task.history.events)


async def activities(client: Client, workflow_id: str, count: int) -> None:
    """All scheduled by one workflow task, taken and completed by 50 workers."""
    await client.start(workflow_id)
    await client.complete_task(QUEUE, [_activity(number) for number in range(count)])
    left = iter(range(count))

    async def worker() -> None:
        for _ in left:
            task = await client.call("PollActivityTaskQueue", task_queue=QUEUE)
            await client.call("RespondActivityTaskCompleted", task_token=task.task_token, result=DATA)

    await asyncio.gather(
        client.see(count, "activity_task_completed_event_attributes"), *(worker() for _ in range(WORKERS))
    )


async def failures(client: Client, workflow_id: str, count: int) -> None:
    """All of them fail and back off for an hour: their attempts are state that no event tells."""
    await client.start(workflow_id)
    await client.complete_task(QUEUE, [_activity(number) for number in range(count)])
    failure = Failure(message="the other side is down", stack_trace="frame\n" * 20)
    failure.application_failure_info.CopyFrom(ApplicationFailureInfo(type="ConnectionError"))
    left = iter(range(count))

    async def worker() -> None:
        for _ in left:
            task = await client.call("PollActivityTaskQueue", task_queue=QUEUE)
            await client.call("RespondActivityTaskFailed", task_token=task.task_token, failure=failure)

    await asyncio.gather(*(worker() for _ in range(WORKERS)))


async def timers(client: Client, workflow_id: str, count: int) -> None:
    """All started by one workflow task, all due at the same moment."""
    await client.start(workflow_id)
    await client.complete_task(QUEUE, [_timer(number) for number in range(count)])
    await client.see(count, "timer_fired_event_attributes")


async def signals(client: Client, workflow_id: str, count: int) -> None:
    """50 clients send one after another."""
    await client.start(workflow_id)
    await client.complete_task(QUEUE, [])
    left = iter(range(count))

    async def sender() -> None:
        for number in left:
            execution = WorkflowExecution(workflow_id=workflow_id)
            await client.call(
                "SignalWorkflowExecution",
                workflow_execution=execution,
                signal_name="s",
                request_id=str(number),
                input=DATA,
            )

    await asyncio.gather(
        client.see(count, "workflow_execution_signaled_event_attributes"), *(sender() for _ in range(WORKERS))
    )


SHAPES: dict[str, Callable[[Client, str, int], Awaitable[None]]] = {
    "activities that complete": activities,
    "activities that fail and back off": failures,
    "timers due at once": timers,
    "signals": signals,
}


def _activity(number: int) -> Command:
    command = schedule_activity(QUEUE)
    attributes = command.schedule_activity_task_command_attributes
    attributes.activity_id = str(number)
    attributes.retry_policy.initial_interval.seconds = SLOW_RETRY_SECONDS
    attributes.retry_policy.maximum_interval.seconds = SLOW_RETRY_SECONDS
    return command


def _timer(number: int) -> Command:
    command = Command(command_type=C.COMMAND_TYPE_START_TIMER)
    command.start_timer_command_attributes.timer_id = str(number)
    command.start_timer_command_attributes.start_to_fire_timeout.seconds = TIMER_SECONDS
    return command


async def measure(shape: str, count: int, repeats: int) -> float:
    """µs of this process for each of `count` items."""
    with tempfile.TemporaryDirectory(prefix="wfctl-bench-") as directory:
        server = await app.start(ServerOptions(db_path=Path(directory) / "fanout.db", port=0))
        try:
            client = Client(server.backend)
            await SHAPES[shape](client, "warm-up", 20)
            began = time.process_time()
            for number in range(repeats):
                await SHAPES[shape](client, f"workflow-{number}", count)
            return (time.process_time() - began) * 1e6 / (count * repeats)
        finally:
            await server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 50, 500, 2000])
    parser.add_argument("--only", choices=list(SHAPES), action="append")
    options = parser.parse_args()
    print(f"{'µs an item, of N at once: N =':<40}" + "".join(f"{size:>9,}" for size in options.sizes))
    for shape in options.only or SHAPES:
        figures = [asyncio.run(measure(shape, size, max(1, min(20, 200 // size)))) for size in options.sizes]
        print(f"{shape:<40}" + "".join(f"{figure:>9.0f}" for figure in figures), flush=True)


if __name__ == "__main__":
    main()
