"""What each step in the life of a one-activity workflow costs the server itself, without gRPC: µs of its own thread.

`python -m bench.steps [--workflows N] [--at-once N]` prints the table that docs/ARCHITECTURE.md quotes. The RPC functions are
called as the router calls them, on a file. What counts is the processor's time where the work is done: not the disk's, and
not that of whoever else uses the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from unittest.mock import patch

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Payload, Payloads, WorkflowType
from temporalio.api.enums.v1 import CommandType
from temporalio.api.taskqueue.v1 import TaskQueue

from wfctl.devserver import app
from wfctl.devserver.engine.runs import Runs
from wfctl.devserver.options import ServerOptions
from wfctl.devserver.rpc import router, workflow_tasks
from wfctl.devserver.rpc.backend import Backend, Call
from wfctl.devserver.storage import database

DATA = Payloads(payloads=[Payload(metadata={"encoding": b"json/plain"}, data=b'"a small payload"')])
METHODS = {method.name: method for service in router.SERVICES for method in service.methods}
SECONDS_TO_US = 1e6
_doing: ContextVar[str] = ContextVar("_doing", default="")


class Spent:
    """Seconds and times by what was done."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.count: dict[str, int] = defaultdict(int)

    def add(self, what: str, seconds: float, count: int = 1) -> None:
        self.seconds[what] += seconds
        self.count[what] += count

    def us(self, what: str) -> float:
        return SECONDS_TO_US * self.seconds[what] / max(self.count[what], 1)

    @contextmanager
    def watching(self, owner: Any, name: str, what: str, count: Callable[..., int] = lambda *_: 1) -> Iterator[None]:
        """Time a function (which must not await) under `what` and the RPC that is under way."""
        function = getattr(owner, name)

        def timed(*args: Any, **more: Any) -> Any:
            began = time.thread_time()
            try:
                return function(*args, **more)
            finally:
                self.add(f"{what} {_doing.get()}".strip(), time.thread_time() - began, count(*args))

        with patch.object(owner, name, timed):
            yield


class Context:
    """A client that waits for ever and says nothing of itself."""

    def time_remaining(self) -> float:
        return 60.0

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return ()


async def _call(backend: Backend, spent: Spent, name: str, request: Message) -> Any:
    _doing.set(name)
    body, method = request.SerializeToString(), METHODS[name]
    began = time.thread_time()
    parsed = GetMessageClass(method.input_type).FromString(body)
    spent.add(f"parse {name}", time.thread_time() - began)
    answer = await router.implemented()[name](backend, parsed, Call(Context(), time.monotonic()))
    return GetMessageClass(method.output_type).FromString(answer) if isinstance(answer, bytes) else answer


async def _lane(backend: Backend, spent: Spent, lane: int, workflows: int) -> None:
    """Client and worker of one workflow after another, on a queue of their own."""
    queue = TaskQueue(name=f"queue-{lane}")

    async def call(name: str, **fields: Any) -> Any:
        kind = GetMessageClass(METHODS[name].input_type)
        return await _call(backend, spent, name, kind(**fields))

    for number in range(workflows):
        await call(
            "StartWorkflowExecution",
            namespace="default",
            workflow_id=f"workflow-{lane}-{number}",
            request_id=f"request-{lane}-{number}",
            workflow_type=WorkflowType(name="Order"),
            task_queue=queue,
            input=DATA,
        )
        for command in (schedule_activity(queue), complete_workflow()):
            task = await call("PollWorkflowTaskQueue", namespace="default", task_queue=queue)
            await call("RespondWorkflowTaskCompleted", task_token=task.task_token, commands=[command])
            if command.command_type == CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK:
                activity = await call("PollActivityTaskQueue", namespace="default", task_queue=queue)
                await call("RespondActivityTaskCompleted", task_token=activity.task_token, result=DATA)


def schedule_activity(queue: TaskQueue) -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK)
    attributes = command.schedule_activity_task_command_attributes
    attributes.activity_id, attributes.start_to_close_timeout.seconds = "1", 60
    attributes.activity_type.name = "charge"
    attributes.task_queue.CopyFrom(queue)
    attributes.input.CopyFrom(DATA)
    return command


def complete_workflow() -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION)
    command.complete_workflow_execution_command_attributes.result.CopyFrom(DATA)
    return command


async def measure(workflows: int, at_once: int) -> Spent:
    spent, warm_up = Spent(), Spent()
    with tempfile.TemporaryDirectory(prefix="wfctl-bench-") as directory:
        server = await app.start(ServerOptions(db_path=Path(directory) / "steps.db", port=0))
        try:
            await _lane(server.backend, warm_up, -1, 50)
            with (
                spent.watching(Runs, "create", "step"),
                spent.watching(Runs, "step", "step"),
                spent.watching(Runs, "_finish", "queue the write, emit effects"),
                spent.watching(workflow_tasks, "started_task", "make the answer"),
                spent.watching(database, "_commit", "commit", lambda _connection, batch, _hit: len(batch)),
            ):
                before = server.database.commits
                lanes = (_lane(server.backend, spent, lane, workflows // at_once) for lane in range(at_once))
                await asyncio.gather(*lanes)
                spent.add("writes in a transaction", 0.0, server.database.commits - before)
        finally:
            await server.stop()
    return spent


def report(spent: Spent) -> str:
    lines = [f"{'what':<62}{'µs':>8}{'times':>9}"]
    for what in sorted(spent.seconds):
        if not what.startswith("writes"):
            lines.append(f"{what:<62}{spent.us(what):>8.0f}{spent.count[what]:>9}")
    grouped = spent.count["commit"] / max(spent.count["writes in a transaction"], 1)
    lines.append(f"{grouped:.1f} writes in a transaction; `commit` is the share of one, on SQLite's thread")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workflows", type=int, default=2000)
    parser.add_argument("--at-once", type=int, default=50)
    options = parser.parse_args()
    print(report(asyncio.run(measure(options.workflows, options.at_once))))


if __name__ == "__main__":
    main()
