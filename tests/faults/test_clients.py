"""Clients and workers that vanish, stall or say half a sentence; clocks that jump."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.command.v1 import (
    Command,
    CompleteWorkflowExecutionCommandAttributes,
    ScheduleActivityTaskCommandAttributes,
    StartTimerCommandAttributes,
)
from temporalio.api.common.v1 import (
    ActivityType,
    Payload,
    Payloads,
    RetryPolicy,
    WorkflowExecution,
    WorkflowType,
)
from temporalio.api.enums.v1 import CommandType, EventType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    GetWorkflowExecutionHistoryRequest,
    PollActivityTaskQueueRequest,
    PollWorkflowTaskQueueRequest,
    PollWorkflowTaskQueueResponse,
    RespondActivityTaskCompletedRequest,
    RespondWorkflowTaskCompletedRequest,
    SignalWorkflowExecutionRequest,
    StartWorkflowExecutionRequest,
)
from temporalio.api.workflowservice.v1.service_pb2_grpc import WorkflowServiceStub

from tests.faults.form import FULL
from tests.faults.shop import sound
from tests.support.inprocess import InProcess, in_process
from tests.support.server import ROOT, Server, running_server
from wfctl.devserver import app
from wfctl.devserver.options import ServerOptions

PARKED = 10_000 if FULL else 1_000
QUEUE = TaskQueue(name="queue")
SECOND = Duration(seconds=1)


def poll_request() -> PollWorkflowTaskQueueRequest:
    return PollWorkflowTaskQueueRequest(namespace="default", task_queue=QUEUE, identity="worker")


async def start(stub: Any, workflow_id: str) -> None:
    await stub.StartWorkflowExecution(
        StartWorkflowExecutionRequest(
            namespace="default",
            workflow_id=workflow_id,
            request_id=workflow_id,
            workflow_type=WorkflowType(name="T"),
            task_queue=QUEUE,
            workflow_task_timeout=SECOND,
        )
    )


async def complete(stub: Any, task: PollWorkflowTaskQueueResponse, *commands: Command) -> None:
    await stub.RespondWorkflowTaskCompleted(
        RespondWorkflowTaskCompletedRequest(namespace="default", task_token=task.task_token, commands=commands)
    )


def done() -> Command:
    return Command(
        command_type=CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
        complete_workflow_execution_command_attributes=CompleteWorkflowExecutionCommandAttributes(),
    )


def timer(timer_id: str, seconds: int) -> Command:
    return Command(
        command_type=CommandType.COMMAND_TYPE_START_TIMER,
        start_timer_command_attributes=StartTimerCommandAttributes(
            timer_id=timer_id, start_to_fire_timeout=Duration(seconds=seconds)
        ),
    )


async def event_names(stub: Any, workflow_id: str) -> list[str]:
    answer = await stub.GetWorkflowExecutionHistory(
        GetWorkflowExecutionHistoryRequest(namespace="default", execution=WorkflowExecution(workflow_id=workflow_id))
    )
    return [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in answer.history.events]


# -- clients that vanish --------------------------------------------------------------------------------------------

_POLLER = """
import asyncio, sys, grpc.aio
from tests.faults.test_clients import poll_request
from temporalio.api.workflowservice.v1.service_pb2_grpc import WorkflowServiceStub
async def main():
    async with grpc.aio.insecure_channel(sys.argv[1]) as channel:
        stub = WorkflowServiceStub(channel)
        polls = [stub.PollWorkflowTaskQueue(poll_request(), timeout=100) for _ in range(int(sys.argv[2]))]
        await asyncio.gather(*polls)
asyncio.run(main())
"""


def _spawn_poller(port: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", _POLLER, f"127.0.0.1:{port}", str(PARKED)], cwd=ROOT)


def parked_polls(dev: InProcess) -> int:
    queues = dev.server.backend.queues._queues.values()
    return sum(not future.done() for queue in queues for _, future in queue._waiting)


async def wait_for(condition: Any, seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the server under test has no event for it
            await asyncio.sleep(0.02)


@pytest.mark.timeout(180)
async def test_thousands_of_parked_polls_that_vanish_at_once_take_no_task_with_them(tmp_path: Path) -> None:
    async with in_process(db_path=tmp_path / "dev.db") as dev:
        poller = _spawn_poller(dev.server.port)
        try:
            await wait_for(lambda: parked_polls(dev) == PARKED)
        finally:
            poller.kill()
            poller.wait()
        # While the server still learns that they are gone, tasks are handed out.
        for number in range(20):
            await start(dev.workflows, f"w-{number}")
        got: set[str] = set()
        while len(got) < 20:
            task = await dev.workflows.PollWorkflowTaskQueue(poll_request(), timeout=20)
            if task.task_token:
                got.add(task.workflow_execution.workflow_id)
                await complete(dev.workflows, task, done())
        assert len(got) == 20
        await wait_for(lambda: parked_polls(dev) == 0)


@pytest.mark.timeout(120)
async def test_half_open_and_silent_connections_do_not_hold_the_server_up(tmp_path: Path) -> None:
    count = 500 if FULL else 100
    async with in_process(db_path=tmp_path / "dev.db") as dev:
        with contextlib.ExitStack() as stack:
            for number in range(count):
                silent = stack.enter_context(socket.create_connection(("127.0.0.1", dev.server.port)))
                if number % 3:
                    silent.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")  # a preface, and then nothing
                if number % 3 == 2:
                    silent.sendall(b"\x00\xff\xff\x01\x04\x00\x00\x00\x01garbage")
            began = time.monotonic()
            for number in range(20):
                await start(dev.workflows, f"w-{number}")
            assert time.monotonic() - began < 10
        assert len(await event_names(dev.workflows, "w-19")) == 2


@contextlib.asynccontextmanager
async def proxy_to(
    port: int, chunk: int = 65536, pause_seconds: float = 0.0
) -> AsyncIterator[tuple[int, asyncio.Event]]:
    """A path to the server that takes so much at a time; once `frozen` is set, it swallows everything and closes nothing:
    a cable pulled out."""
    frozen = asyncio.Event()
    writers: list[asyncio.StreamWriter] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(chunk):
                await asyncio.sleep(pause_seconds)
                if not frozen.is_set():
                    writer.write(data)
                    await writer.drain()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        other_reader, other_writer = await asyncio.open_connection("127.0.0.1", port)
        writers.extend((writer, other_writer))
        await asyncio.gather(pump(reader, other_writer), pump(other_reader, writer))

    proxy = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield proxy.sockets[0].getsockname()[1], frozen
    finally:
        proxy.close()
        for writer in writers:
            writer.transport.abort()


@pytest.mark.timeout(60)
async def test_clients_that_read_slowly_slow_nobody_else_down(tmp_path: Path) -> None:
    """Eight of them read a history of a quarter of a megabyte, at some 200 KB a second, while others are served at once."""
    async with in_process(db_path=tmp_path / "dev.db") as dev:
        await start(dev.workflows, "big")
        for number in range(4):
            payloads = Payloads(payloads=[Payload(data=bytes(60_000))])
            await dev.workflows.SignalWorkflowExecution(
                SignalWorkflowExecutionRequest(
                    namespace="default",
                    workflow_execution=WorkflowExecution(workflow_id="big"),
                    signal_name=str(number),
                    input=payloads,
                )
            )
        async with proxy_to(dev.server.port, 2048, 0.01) as (port, _), contextlib.AsyncExitStack() as stack:
            slow = []
            for number in range(8):
                options = [("grpc.use_local_subchannel_pool", number)]
                channel = await stack.enter_async_context(
                    grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options)
                )
                slow.append(asyncio.ensure_future(event_names(WorkflowServiceStub(channel), "big")))
            began = time.monotonic()
            for number in range(20):
                await start(dev.workflows, f"w-{number}")
            assert time.monotonic() - began < 5
            assert not any(one.done() for one in slow), "the slow ones were not slow"
            assert [len(names) for names in await asyncio.gather(*slow)] == [6] * 8


@pytest.mark.timeout(60)
async def test_a_task_handed_to_a_worker_behind_a_dead_line_goes_to_another(tmp_path: Path) -> None:
    async with in_process(db_path=tmp_path / "dev.db") as dev, proxy_to(dev.server.port) as (port, frozen):
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as lost:
            doomed = asyncio.ensure_future(
                _ignore(WorkflowServiceStub(lost).PollWorkflowTaskQueue(poll_request(), timeout=40))
            )
            await wait_for(lambda: parked_polls(dev) == 1)
            frozen.set()
            await start(dev.workflows, "w")
            # The server believes it handed the task out; its timeout (a second) says otherwise.
            task = await dev.workflows.PollWorkflowTaskQueue(poll_request(), timeout=20)
            assert task.workflow_execution.workflow_id == "w"
            await complete(dev.workflows, task, done())
            doomed.cancel()
            await asyncio.gather(doomed, return_exceptions=True)
        names = await event_names(dev.workflows, "w")
        assert names.count("WORKFLOW_TASK_TIMED_OUT") == 1
        assert names[-1] == "WORKFLOW_EXECUTION_COMPLETED"


async def _ignore(call: Any) -> None:
    with contextlib.suppress(grpc.aio.AioRpcError):
        await call


@pytest.mark.timeout(60)
async def test_an_activity_whose_worker_died_is_done_once_by_another(tmp_path: Path) -> None:
    schedule = ScheduleActivityTaskCommandAttributes(
        activity_id="1",
        activity_type=ActivityType(name="A"),
        task_queue=QUEUE,
        start_to_close_timeout=SECOND,
        retry_policy=RetryPolicy(initial_interval=Duration(nanos=1_000_000)),
    )
    activity_poll = PollActivityTaskQueueRequest(namespace="default", task_queue=QUEUE, identity="worker")
    async with in_process(db_path=tmp_path / "dev.db") as dev:
        await start(dev.workflows, "w")
        task = await dev.workflows.PollWorkflowTaskQueue(poll_request(), timeout=20)
        command = Command(
            command_type=CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK,
            schedule_activity_task_command_attributes=schedule,
        )
        await complete(dev.workflows, task, command)
        dead = await dev.workflows.PollActivityTaskQueue(activity_poll, timeout=20)
        alive = await dev.workflows.PollActivityTaskQueue(activity_poll, timeout=20)
        assert (dead.attempt, alive.attempt) == (1, 2)
        answer = RespondActivityTaskCompletedRequest(namespace="default", task_token=alive.task_token)
        await dev.workflows.RespondActivityTaskCompleted(answer)
        for late in (dead.task_token, alive.task_token):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await dev.workflows.RespondActivityTaskCompleted(
                    RespondActivityTaskCompletedRequest(namespace="default", task_token=late)
                )
            assert refused.value.code() == grpc.StatusCode.NOT_FOUND
        names = await event_names(dev.workflows, "w")
        assert names.count("ACTIVITY_TASK_COMPLETED") == 1


@pytest.mark.timeout(60)
async def test_a_server_that_was_stopped_for_a_while_does_what_came_due(tmp_path: Path) -> None:
    """SIGSTOP for longer than a timer and a task timeout, then SIGCONT."""
    with running_server(tmp_path, options=["--db-filename", str(tmp_path / "dev.db")]) as server:
        async with grpc.aio.insecure_channel(server.address) as channel:
            stub: Any = WorkflowServiceStub(channel)
            await start(stub, "w")
            await complete(stub, await stub.PollWorkflowTaskQueue(poll_request(), timeout=20), timer("t", 1))
            await start(stub, "held")
            held = await stub.PollWorkflowTaskQueue(poll_request(), timeout=20)
            assert held.workflow_execution.workflow_id == "held"
            _pause(server, 2.0)
            ids: set[str] = set()
            while ids != {"w", "held"}:
                task = await stub.PollWorkflowTaskQueue(poll_request(), timeout=20)
                if task.task_token:
                    ids.add(task.workflow_execution.workflow_id)
                    await complete(stub, task, done())
            assert (await event_names(stub, "w")).count("TIMER_FIRED") == 1
            assert (await event_names(stub, "held")).count("WORKFLOW_TASK_TIMED_OUT") == 1
    sound(tmp_path / "dev.db")


def _pause(server: Server, seconds: float) -> None:
    os.kill(server.process.pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(server.process.pid, signal.SIGCONT)


# -- clocks that jump -----------------------------------------------------------------------------------------------


class JumpingClock:
    """The system's clock, moved by `offset`: as a laptop that slept, or a clock that was set."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset


@pytest.mark.timeout(60)
@pytest.mark.parametrize("jump", [timedelta(hours=2), -timedelta(hours=2)], ids=["forward", "back"])
async def test_a_clock_that_jumps_loses_no_timer_and_no_event(tmp_path: Path, jump: timedelta) -> None:
    clock, path = JumpingClock(), tmp_path / "dev.db"
    server = await app.start(ServerOptions(db_path=path, ip="127.0.0.1", port=0), clock)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        stub: Any = WorkflowServiceStub(channel)
        await start(stub, "w")
        await complete(stub, await stub.PollWorkflowTaskQueue(poll_request(), timeout=20), timer("hour", 3600))
        clock.offset = jump
        if jump < timedelta():
            # Time goes over the same hours again: the timer is due when the clock says so, and not twice.
            server.backend.runs.timers.fire_due()
            assert "TIMER_FIRED" not in await event_names(stub, "w")
            clock.offset = timedelta(hours=2)
        server.backend.runs.timers.fire_due()  # within a minute the server looks at the clock by itself
        task = await stub.PollWorkflowTaskQueue(poll_request(), timeout=20)
        await complete(stub, task, done())
        names = await event_names(stub, "w")
        assert names.count("TIMER_FIRED") == 1
        assert names[-1] == "WORKFLOW_EXECUTION_COMPLETED"
    await server.stop()
    assert sound(path).runs == 1
