"""All queues: where a sticky task goes, and what becomes of a worker that leaves."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueKind
from temporalio.api.taskqueue.v1 import TaskQueue

from wfctl.devserver.matching.queue import Task
from wfctl.devserver.matching.queues import LEFT_REMEMBERED, WORKFLOW, Queues

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STICKY = TaskQueue(name="sticky", kind=TaskQueueKind.TASK_QUEUE_KIND_STICKY, normal_name="normal")


class Clock:
    def __init__(self) -> None:
        self.now = NOW


def test_a_sticky_task_goes_to_the_normal_queue_when_its_worker_has_not_polled_lately() -> None:
    clock = Clock()
    queues = Queues(lambda: clock.now)
    queues.get("ns", WORKFLOW, "sticky").pollers.seen("worker", NOW)
    queues.add_workflow_task("ns", STICKY, Task(1, 2, 1, 3, NOW))
    clock.now += timedelta(seconds=11)
    queues.add_workflow_task("ns", STICKY, Task(2, 2, 1, 3, clock.now))
    counts = [queues.get("ns", WORKFLOW, name).backlog_count for name in ("sticky", "normal")]
    assert counts == [1, 1]


async def test_the_polls_of_a_worker_that_leaves_end_and_its_sticky_queue_is_dead() -> None:
    queues = Queues(lambda: NOW)
    polls = [asyncio.ensure_future(queues.get("ns", WORKFLOW, name).take("key", 60)) for name in ("sticky", "normal")]
    await asyncio.sleep(0)
    assert queues.is_alive("ns", "sticky")
    queues.shut_down_worker("ns", "key", "worker", "sticky")
    assert await asyncio.gather(*polls) == [None, None]
    assert not queues.is_alive("ns", "sticky")


def test_a_worker_that_left_is_known_for_a_while() -> None:
    clock = Clock()
    queues = Queues(lambda: clock.now)
    queues.shut_down_worker("ns", "key", "worker", "sticky")
    assert queues.has_left("key")
    assert not queues.has_left("")
    clock.now += LEFT_REMEMBERED + timedelta(seconds=1)
    assert not queues.has_left("key")
    queues.shut_down_worker("ns", "", "worker", "sticky")
    assert not queues.has_left("")
