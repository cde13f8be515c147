"""Customers of one server process who note what they were promised: the ledger that a fault test compares with the file."""

from __future__ import annotations

import itertools
import sqlite3
import uuid
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from temporalio.api.common.v1 import Payloads, WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import SignalWorkflowExecutionRequest, StartWorkflowExecutionRequest
from temporalio.api.workflowservice.v1.service_pb2_grpc import WorkflowServiceStub

from wfctl.devserver.core.history import parse
from wfctl.devserver.storage.checkup import Checked, examine
from wfctl.devserver.storage.executions import span
from wfctl.devserver.storage.inspection import open_to_look

REFUSED = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.CANCELLED}
SIGNALED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED


@dataclass
class Shop:
    """Starts workflows and signals them; `promised` is what was acknowledged."""

    stub: Any
    promised: dict[str, list[str]] = field(default_factory=dict)
    unknown: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    numbers: Any = field(default_factory=itertools.count)

    async def start(self, padding: int = 0) -> str | None:
        """A new workflow; its id if it was acknowledged."""
        name = f"order-{uuid.uuid4()}"
        payloads = Payloads()
        payloads.payloads.add(data=b"x" * padding)
        request = StartWorkflowExecutionRequest(
            namespace="default",
            workflow_id=name,
            request_id=name,
            workflow_type=WorkflowType(name="Order"),
            task_queue=TaskQueue(name="nobody"),
            input=payloads,
        )
        if not await self._acknowledged(self.stub.StartWorkflowExecution(request, timeout=20)):
            return None
        self.promised[name] = []
        return name

    async def signal(self, name: str) -> bool:
        """A signal with a number of its own; whether it was acknowledged."""
        number = str(next(self.numbers))
        request = SignalWorkflowExecutionRequest(
            namespace="default",
            workflow_execution=WorkflowExecution(workflow_id=name),
            signal_name=number,
            request_id=number,
        )
        if await self._acknowledged(self.stub.SignalWorkflowExecution(request, timeout=20)):
            self.promised[name].append(number)
            return True
        self.unknown[number] += 1
        return False

    async def _acknowledged(self, call: Any) -> bool:
        try:
            await call
        except grpc.aio.AioRpcError as error:
            if error.code() not in REFUSED:
                raise
            self.refused += 1
            return False
        return True

    def compare(self, path: Path) -> int:
        """The file is whole, and holds every promise once; what was refused may be there, once. Returns promises kept."""
        sound(path)
        with closing(sqlite3.connect(path)) as connection:
            found = {name: _signals(connection, name) for name in self.promised}
        for name, promised in self.promised.items():
            assert found[name] is not None, f"{name} was acknowledged and is not there"
            assert [number for number in found[name] if number in set(promised)] == promised, name
            assert set(found[name]) - set(promised) <= set(self.unknown), name
            assert max(Counter(found[name]).values(), default=1) == 1, f"a signal of {name} is there twice"
        return sum(map(len, self.promised.values())) + len(self.promised)


def stub(channel: grpc.aio.Channel) -> Any:
    return WorkflowServiceStub(channel)


def sound(path: Path) -> Checked:
    """`db check` finds nothing; what it looked at."""
    checked = Checked()
    with open_to_look(path) as connection:
        assert list(examine(connection, checked, lambda done, total: None)) == []
    return checked


def events(connection: sqlite3.Connection, name: str) -> list[HistoryEvent] | None:
    row = connection.execute("SELECT run_key FROM executions WHERE workflow_id = ?", (name,)).fetchone()
    if row is None:
        return None
    sql = "SELECT events FROM history WHERE position BETWEEN ? AND ? ORDER BY position"
    return [event for (fragment,) in connection.execute(sql, span(row[0])) for event in parse(fragment)]


def _signals(connection: sqlite3.Connection, name: str) -> list[str]:
    found = events(connection, name)
    assert found is not None, f"{name} was acknowledged and is not there"
    return [
        event.workflow_execution_signaled_event_attributes.signal_name
        for event in found
        if event.event_type == SIGNALED
    ]
