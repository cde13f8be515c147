"""Big databases without the hours: one run of each kind is made by a real server, the rest are copies of its rows.

The copies differ in key, workflow id, run id and times; what is inside their events stays the template's. For reading,
listing, recovering and writing beside them that makes no difference.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from google.protobuf.duration_pb2 import Duration
from temporalio.api.command.v1 import (
    Command,
    CompleteWorkflowExecutionCommandAttributes,
    ScheduleActivityTaskCommandAttributes,
    StartTimerCommandAttributes,
)
from temporalio.api.common.v1 import ActivityType, Payload, Payloads, WorkflowType
from temporalio.api.enums.v1 import CommandType
from temporalio.api.history.v1 import MarkerRecordedEventAttributes, WorkflowExecutionStartedEventAttributes
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueRequest,
    PollWorkflowTaskQueueRequest,
    RespondActivityTaskCompletedRequest,
    RespondWorkflowTaskCompletedRequest,
    StartWorkflowExecutionRequest,
)
from temporalio.api.workflowservice.v1.service_pb2_grpc import WorkflowServiceStub

from wfctl.devserver import app
from wfctl.devserver.core import start
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.options import ServerOptions
from wfctl.devserver.settings import Settings
from wfctl.devserver.storage import executions
from wfctl.devserver.storage.rows import Kind, Pending

QUEUE = "bench-fixtures"
# Copies begin here, above every key that the server has given by itself.
FIRST_COPY = 1_000
DAY = Duration(seconds=86400)
MARKERS_A_BATCH = 5


def build(path: Path, open_runs: int, closed_runs: int) -> None:
    """A database with that many runs: one activity each and closed, or open; half of the open ones wait for a worker,
    half for a timer of a day."""
    asyncio.run(_make_templates(path))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        # Without a log: each page is written once. What is half made is thrown away with its directory.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA cache_size = -200000")
        connection.execute("BEGIN")
        next_key = FIRST_COPY
        for workflow_id, count in (
            ("closed", closed_runs),
            ("timer", open_runs // 2),
            ("waiting", open_runs - open_runs // 2),
        ):
            (key,) = connection.execute(
                "SELECT run_key FROM executions WHERE workflow_id = ?", (workflow_id,)
            ).fetchone()
            _copy(connection, key, next_key, count)
            next_key += count
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")


def build_long_history(path: Path, events: int) -> None:
    """A database with one open run, `long`, of about that many events: markers (a run may have 10,000 signals only), five a batch."""
    asyncio.run(_make_templates(path))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        (namespace_id,) = connection.execute("SELECT id FROM namespaces WHERE name = 'default'").fetchone()
        connection.execute("BEGIN")
        rows = Pending(connection)
        for statement, values in _long_run(namespace_id, events):
            assert isinstance(statement, Kind), "a run writes rows"
            rows.add(statement, values)
        rows.flush()
        connection.execute("COMMIT")


def _long_run(namespace_id: str, events: int) -> list[Any]:
    execution = Execution(namespace_id, "default", "long", "0" * 8 + "-0000-4000-8000-" + "0" * 12, Settings(), str)
    execution.begin(datetime.now(UTC) - timedelta(minutes=1))
    started = WorkflowExecutionStartedEventAttributes(
        workflow_type=WorkflowType(name="Long"),
        task_queue=TaskQueue(name=QUEUE),
        workflow_id="long",
        original_execution_run_id=execution.run_id,
        first_execution_run_id=execution.run_id,
        attempt=1,
        workflow_task_timeout=Duration(seconds=10),
    )
    start.begin(execution, started, request_id="long")
    # No task is scheduled: with one waiting, the start of a server would load the run.
    payloads = Payloads(payloads=[Payload(metadata={"encoding": b"json/plain"}, data=b'"hello"')])
    batches = [1]
    while execution.next_event_id <= events:
        if execution.next_event_id % MARKERS_A_BATCH == 0:
            batches.append(execution.next_event_id)
        execution.record(MarkerRecordedEventAttributes(marker_name="m", details={"data": payloads}))
    return executions.statements(
        FIRST_COPY,
        execution,
        first_event_id=1,
        unevented=execution.unevented(),
        deadline=execution.next_deadline(),
        visibility=True,
        batches=tuple(batches),
    )


# -- copies ---------------------------------------------------------------------------------------------------------


def _copy(connection: sqlite3.Connection, key: int, first: int, count: int) -> None:
    """The rows of one run, `count` times, under the keys from `first` on."""
    run_id = "printf('%08x-0000-4000-8000-%012x', n, n)"
    changed = {
        "run_key": "n",
        "workflow_id": "workflow_id || '-' || n",
        "root_workflow_id": "workflow_id || '-' || n",
        "run_id": run_id,
        "root_run_id": run_id,
        "start_time": "start_time + n * 1000",
        "close_time": "close_time + n * 1000",
    }
    numbers = f"WITH RECURSIVE numbers (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {first + count})"
    if count <= 0:
        return
    for table in ("executions", "visibility"):
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        values = ", ".join(changed.get(column, column) for column in columns)
        connection.execute(
            f"{numbers} INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM numbers, {table} WHERE run_key = ?",
            (key,),
        )
    bits = executions.POSITION_BITS
    connection.execute(
        f"{numbers} INSERT INTO history (position, events)"
        f" SELECT (n << {bits}) | (position & {(1 << bits) - 1}), events FROM numbers, history"
        " WHERE position BETWEEN ? AND ? ORDER BY 1",
        executions.span(key),
    )


# -- templates ------------------------------------------------------------------------------------------------------


async def _make_templates(path: Path) -> None:
    server = await app.start(ServerOptions(db_path=path, durability="normal", ip="127.0.0.1", port=0))
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            stub: Any = WorkflowServiceStub(channel)
            await _one_activity(stub)
            await _one_timer(stub)
            await _start(stub, "waiting")
    finally:
        await server.stop()


async def _start(stub: Any, workflow_id: str) -> None:
    request = StartWorkflowExecutionRequest(
        namespace="default",
        workflow_id=workflow_id,
        workflow_type=WorkflowType(name="Fixture"),
        task_queue=TaskQueue(name=QUEUE),
        request_id=workflow_id,
    )
    await stub.StartWorkflowExecution(request)


async def _complete_task(stub: Any, command: Command) -> None:
    poll = PollWorkflowTaskQueueRequest(namespace="default", task_queue=TaskQueue(name=QUEUE), identity="bench")
    task = await stub.PollWorkflowTaskQueue(poll, timeout=30)
    await stub.RespondWorkflowTaskCompleted(
        RespondWorkflowTaskCompletedRequest(namespace="default", task_token=task.task_token, commands=[command])
    )


async def _one_activity(stub: Any) -> None:
    await _start(stub, "closed")
    schedule = ScheduleActivityTaskCommandAttributes(
        activity_id="1",
        activity_type=ActivityType(name="Fixture"),
        task_queue=TaskQueue(name=QUEUE),
        start_to_close_timeout=DAY,
    )
    await _complete_task(
        stub,
        Command(
            command_type=CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK,
            schedule_activity_task_command_attributes=schedule,
        ),
    )
    poll = PollActivityTaskQueueRequest(namespace="default", task_queue=TaskQueue(name=QUEUE), identity="bench")
    task = await stub.PollActivityTaskQueue(poll, timeout=30)
    await stub.RespondActivityTaskCompleted(
        RespondActivityTaskCompletedRequest(namespace="default", task_token=task.task_token)
    )
    await _complete_task(
        stub,
        Command(
            command_type=CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
            complete_workflow_execution_command_attributes=CompleteWorkflowExecutionCommandAttributes(),
        ),
    )


async def _one_timer(stub: Any) -> None:
    await _start(stub, "timer")
    timer = StartTimerCommandAttributes(timer_id="1", start_to_fire_timeout=DAY)
    await _complete_task(
        stub, Command(command_type=CommandType.COMMAND_TYPE_START_TIMER, start_timer_command_attributes=timer)
    )
