"""Histories made by hand, with moments of the test's choosing: what screens are tested with."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import ActivityFailureInfo, ApplicationFailureInfo, Failure
from temporalio.api.history.v1 import HistoryEvent

BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def payloads(*values: Any) -> Payloads:
    return Payloads(
        payloads=[
            Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(value, ensure_ascii=False).encode())
            for value in values
        ]
    )


def application_failure(message: str, type: str = "ValueError", cause: Failure | None = None) -> Failure:
    return Failure(
        message=message,
        source="PythonSDK",
        stack_trace='  File "/app/orders.py", line 42, in charge\n    raise ValueError(card)\n',
        cause=cause,
        application_failure_info=ApplicationFailureInfo(type=type),
    )


def activity_failure(name: str, activity_id: str, cause: Failure) -> Failure:
    info = ActivityFailureInfo(activity_id=activity_id, identity="worker-7@orders")
    info.activity_type.name = name
    return Failure(message="Activity task failed", activity_failure_info=info, cause=cause)


class HistoryMaker:
    """Appends events a while after one another; ids and references are kept."""

    def __init__(self, workflow_id: str, type: str = "OrderWorkflow", **start: Any) -> None:
        self.events: list[HistoryEvent] = []
        self.now = BEGAN
        event = self.add("WORKFLOW_EXECUTION_STARTED", 0)
        attributes = event.workflow_execution_started_event_attributes
        attributes.workflow_id = workflow_id
        attributes.original_execution_run_id = f"{workflow_id}-run"
        attributes.first_execution_run_id = f"{workflow_id}-run"
        attributes.workflow_type.name = type
        attributes.task_queue.name = "orders"
        attributes.attempt = 1
        attributes.input.CopyFrom(payloads(start.get("input", {"id": workflow_id, "total": 129.5})))

    def add(self, name: str, after_seconds: float = 0.01, **fields: Any) -> HistoryEvent:
        self.now += timedelta(seconds=after_seconds)
        event = HistoryEvent(event_id=len(self.events) + 1, event_type=EventType.Value(f"EVENT_TYPE_{name}"))
        event.event_time.FromDatetime(self.now)
        attributes = getattr(event, f"{name.lower()}_event_attributes")
        attributes.SetInParent()
        attributes.MergeFrom(type(attributes)(**fields))
        self.events.append(event)
        return event

    def task(self) -> None:
        scheduled = self.add("WORKFLOW_TASK_SCHEDULED").event_id
        started = self.add("WORKFLOW_TASK_STARTED", scheduled_event_id=scheduled).event_id
        self.add("WORKFLOW_TASK_COMPLETED", scheduled_event_id=scheduled, started_event_id=started)

    def schedule(self, name: str, activity_id: str) -> int:
        event = self.add("ACTIVITY_TASK_SCHEDULED", activity_id=activity_id, input=payloads("order-1"))
        event.activity_task_scheduled_event_attributes.activity_type.name = name
        event.activity_task_scheduled_event_attributes.task_queue.name = "orders"
        return event.event_id

    def run(
        self, scheduled: int, seconds: float, *, attempt: int = 1, result: Any = "done", wait: float = 0.05
    ) -> None:
        started = self.add(
            "ACTIVITY_TASK_STARTED", wait, scheduled_event_id=scheduled, attempt=attempt, identity="worker-7@orders"
        ).event_id
        self.add(
            "ACTIVITY_TASK_COMPLETED",
            seconds,
            scheduled_event_id=scheduled,
            started_event_id=started,
            result=payloads(result),
        )

    def fail(self, scheduled: int, seconds: float, failure: Failure, *, attempt: int = 1) -> None:
        started = self.add("ACTIVITY_TASK_STARTED", 0.05, scheduled_event_id=scheduled, attempt=attempt).event_id
        self.add(
            "ACTIVITY_TASK_FAILED",
            seconds,
            scheduled_event_id=scheduled,
            started_event_id=started,
            failure=failure,
        )

    def timer(self, timer_id: str, seconds: float, *, fires: bool = True) -> None:
        event = self.add("TIMER_STARTED", timer_id=timer_id)
        event.timer_started_event_attributes.start_to_fire_timeout.FromTimedelta(timedelta(seconds=seconds))
        if fires:
            self.add("TIMER_FIRED", seconds, timer_id=timer_id, started_event_id=event.event_id)


def shipped_order(workflow_id: str = "order-1041") -> list[HistoryEvent]:
    """A saga that went well: a retried payment, a long night, a signal."""
    maker = HistoryMaker(workflow_id)
    maker.task()
    maker.run(maker.schedule("reserve", "1"), 0.4)
    maker.task()
    maker.run(maker.schedule("charge", "2"), 0.3, attempt=3, wait=1.2)
    maker.task()
    maker.timer("1", 8 * 3600)
    maker.add("WORKFLOW_EXECUTION_SIGNALED", 0.2, signal_name="approve", input=payloads("ada"))
    maker.task()
    maker.run(maker.schedule("ship", "3"), 0.8, result={"carrier": "DHL", "parcels": [1, 2]})
    maker.task()
    maker.add("WORKFLOW_EXECUTION_COMPLETED", result=payloads({"state": "shipped", "total": 129.5}))
    return maker.events


def failed_order(workflow_id: str = "order-1043") -> list[HistoryEvent]:
    """A payment that was refused three times, and took the workflow with it."""
    maker = HistoryMaker(workflow_id)
    maker.task()
    maker.run(maker.schedule("reserve", "1"), 0.4)
    maker.task()
    refused = application_failure("gateway refused order", "RuntimeError", application_failure("card declined"))
    scheduled = maker.schedule("charge", "2")
    maker.fail(scheduled, 0.9, refused, attempt=3)
    maker.task()
    maker.add("WORKFLOW_EXECUTION_FAILED", failure=activity_failure("charge", "2", refused))
    return maker.events


def waiting_order(workflow_id: str = "order-1045") -> list[HistoryEvent]:
    """Something runs, and a timer of three days."""
    maker = HistoryMaker(workflow_id)
    maker.task()
    maker.run(maker.schedule("reserve", "1"), 0.4)
    maker.task()
    maker.timer("1", 3 * 86400, fires=False)
    scheduled = maker.schedule("wait_for_carrier", "2")
    maker.add("ACTIVITY_TASK_STARTED", 0.2, scheduled_event_id=scheduled, attempt=1, identity="worker-7@orders")
    maker.add("WORKFLOW_EXECUTION_SIGNALED", 2.0, signal_name="note", input=payloads("\x1b[31mred\u202e"))
    return maker.events


def long_history(count: int, workflow_id: str = "long") -> list[HistoryEvent]:
    """Of about this many events."""
    maker = HistoryMaker(workflow_id)
    while len(maker.events) < count - 7:
        maker.task()
        maker.run(maker.schedule("step", str(len(maker.events))), 0.01)
    maker.task()
    maker.add("WORKFLOW_EXECUTION_COMPLETED", result=payloads("all"))
    return maker.events
