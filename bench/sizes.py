"""How costs grow: with the length of a history, the number of open runs, of closed runs, and the size of a payload."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from temporalio.api.common.v1 import Payload, Payloads, WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    GetWorkflowExecutionHistoryRequest,
    ListWorkflowExecutionsRequest,
    SignalWorkflowExecutionRequest,
    StartWorkflowExecutionRequest,
)
from temporalio.api.workflowservice.v1.service_pb2_grpc import WorkflowServiceStub

from bench import fixtures, servers

NOBODY = "bench-nobody"
BIG_MESSAGES = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
RECOVERY_LIMIT_SECONDS = 300.0


@dataclass
class Chart:
    """Costs, in milliseconds, against one size."""

    title: str
    size: str
    series: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def add(self, name: str, size: float, milliseconds: float) -> None:
        self.series.setdefault(name, []).append((size, milliseconds))


@dataclass(frozen=True)
class Sizes:
    """How far a sweep goes."""

    histories: tuple[int, ...]
    open_runs: tuple[int, ...]
    closed_runs: tuple[int, ...]
    payloads: tuple[int, ...]
    repeats: int


QUICK = Sizes((10, 100, 1_000, 10_000), (10, 100, 1_000), (0, 1_000, 10_000), (0, 1024, 65_536, 1_048_576), 20)
FULL = Sizes(
    (10, 100, 1_000, 10_000, 50_000),
    (10, 100, 1_000, 10_000, 100_000),
    (0, 1_000, 10_000, 100_000, 1_000_000),
    (0, 1024, 65_536, 262_144, 1_048_576, 2_000_000),
    50,
)

Tell = Callable[[str], None]


def sweep(command: str, sizes: Sizes, tell: Tell) -> list[Chart]:
    """Every chart, from servers on files of their own with full durability."""
    return [
        _histories(command, sizes, tell),
        _open_runs(command, sizes, tell),
        _closed_runs(command, sizes, tell),
        _payloads(command, sizes, tell),
    ]


@contextlib.contextmanager
def served(command: str, build: Callable[[Path], None] | None = None) -> Iterator[tuple[servers.RunningServer, Any]]:
    """A server on a file that `build` made, and a stub to call it."""
    with tempfile.TemporaryDirectory(prefix="wfctl-bench-") as directory:
        database = Path(directory) / "bench.db"
        if build is not None:
            build(database)
        server = servers.start(command, Path(directory), database)
        try:
            with grpc.insecure_channel(server.address, options=BIG_MESSAGES) as channel:
                yield server, WorkflowServiceStub(channel)
        finally:
            server.stop()


def milliseconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def median_ms(call: Callable[[], object], repeats: int) -> float:
    return statistics.median(milliseconds(call) for _ in range(repeats))


# -- the sweeps -----------------------------------------------------------------------------------------------------


def _histories(command: str, sizes: Sizes, tell: Tell) -> Chart:
    chart = Chart("One run", "events in its history")
    for events in sizes.histories:
        tell(f"a history of {events:,} events")
        with served(command, lambda path, events=events: fixtures.build_long_history(path, events)) as (_, stub):  # type: ignore[misc]
            chart.add("signal, run not in memory", events, milliseconds(lambda: stub.SignalWorkflowExecution(signal())))
            chart.add("signal, p50", events, median_ms(lambda: stub.SignalWorkflowExecution(signal()), sizes.repeats))
            chart.add("first page of history, p50", events, median_ms(lambda: _page(stub), sizes.repeats))
    return chart


def signal() -> SignalWorkflowExecutionRequest:
    return SignalWorkflowExecutionRequest(
        namespace="default",
        workflow_execution=WorkflowExecution(workflow_id="long"),
        signal_name="s",
        request_id=str(uuid.uuid4()),
    )


def _page(stub: Any) -> None:
    stub.GetWorkflowExecutionHistory(
        GetWorkflowExecutionHistoryRequest(namespace="default", execution=WorkflowExecution(workflow_id="long"))
    )


def _open_runs(command: str, sizes: Sizes, tell: Tell) -> Chart:
    chart = Chart("A server with open runs", "open runs, half of them with work waiting")
    for count in sizes.open_runs:
        tell(f"{count:,} open runs")
        with served(command, lambda path, count=count: fixtures.build(path, count, 0)) as (server, stub):  # type: ignore[misc]
            chart.add("process start to first workflow", count, server.first_workflow_seconds * 1000)
            chart.add(
                "… to every waiting task offered", count, recovered_seconds(server, stub, count - count // 2) * 1000
            )
            chart.add(
                "start, p50", count, median_ms(lambda: stub.StartWorkflowExecution(start_request()), sizes.repeats)
            )
    return chart


def recovered_seconds(server: servers.RunningServer, stub: Any, waiting: int) -> float:
    """From the process's start until all tasks that waited in the file are in their queue again."""
    request = DescribeTaskQueueRequest(
        namespace="default",
        task_queue=TaskQueue(name=fixtures.QUEUE),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        report_stats=True,
        include_task_queue_status=True,
    )
    while time.monotonic() - server.began < RECOVERY_LIMIT_SECONDS:
        answer = stub.DescribeTaskQueue(request)
        if max(answer.stats.approximate_backlog_count, answer.task_queue_status.backlog_count_hint) >= waiting:
            return time.monotonic() - server.began
        time.sleep(servers.RETRY_SECONDS)
    raise servers.ServerDidNotStart(f"{waiting} waiting tasks were not offered in {RECOVERY_LIMIT_SECONDS:.0f} s")


def _closed_runs(command: str, sizes: Sizes, tell: Tell) -> Chart:
    chart = Chart("A server with closed runs", "closed runs")
    for count in sizes.closed_runs:
        tell(f"{count:,} closed runs")
        with served(command, lambda path, count=count: fixtures.build(path, 0, count)) as (server, stub):  # type: ignore[misc]
            size = max(count, 1)
            chart.add("process start to first workflow", size, server.first_workflow_seconds * 1000)
            chart.add("list the newest 20, p50", size, list_ms(stub, sizes.repeats))
            chart.add(
                "start, p50", size, median_ms(lambda: stub.StartWorkflowExecution(start_request()), sizes.repeats)
            )
    return chart


def list_ms(stub: Any, repeats: int) -> float:
    request = ListWorkflowExecutionsRequest(namespace="default", page_size=20)
    return median_ms(lambda: stub.ListWorkflowExecutions(request), repeats)


def _payloads(command: str, sizes: Sizes, tell: Tell) -> Chart:
    chart = Chart("One start", "bytes of input")
    with served(command) as (_, stub):
        for size in sizes.payloads:
            tell(f"an input of {size:,} bytes")
            chart.add(
                "start, p50",
                max(size, 1),
                median_ms(lambda: stub.StartWorkflowExecution(start_request(size)), sizes.repeats),  # noqa: B023
            )
    return chart


def start_request(payload_bytes: int = 0) -> StartWorkflowExecutionRequest:
    """A workflow that nobody will work on."""
    data = Payload(metadata={"encoding": b"binary/plain"}, data=b"x" * payload_bytes)
    return StartWorkflowExecutionRequest(
        namespace="default",
        workflow_id=f"bench-{uuid.uuid4()}",
        workflow_type=WorkflowType(name="NeverPolled"),
        task_queue=TaskQueue(name=NOBODY),
        request_id=str(uuid.uuid4()),
        input=Payloads(payloads=[data]),
    )
