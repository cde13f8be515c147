"""What a workflow's description does not say and an explanation needs: who polls, which timers are open."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from wfctl.errors import CommandError
from wfctl.view.waiting import (
    Surroundings,
    last_workflow_task_cause,
    last_workflow_task_failure,
    open_timers,
)

Call = Callable[[str, Any], Any]
"""A method of WorkflowService by name, with its request."""


def look_around(call: Call, namespace: str, description: Any, newest_first: Iterable[Any]) -> Surroundings:
    """Ask who polls the queues that tasks wait on, and read the rest off the newest events."""
    info = description.workflow_execution_info
    wanted = set()
    if description.HasField("pending_workflow_task"):
        wanted.add((info.task_queue, "workflow"))
    for activity in description.pending_activities:
        wanted.add((activity.activity_options.task_queue.name or info.task_queue, "activity"))
    recent: Sequence[Any] = list(newest_first)
    failing = description.pending_workflow_task.attempt > 1
    return Surroundings(
        pollers={(queue, kind): count_pollers(call, namespace, queue, kind) for queue, kind in sorted(wanted)},
        timers=open_timers(recent),
        workflow_task_failure=last_workflow_task_failure(recent) if failing else None,
        workflow_task_cause=last_workflow_task_cause(recent) if failing else "",
    )


def count_pollers(call: Call, namespace: str, task_queue: str, kind: str) -> int:
    """How many workers poll; -1 when the server cannot tell, which must not keep the rest from being shown."""
    from temporalio.api.enums.v1 import TaskQueueType
    from temporalio.api.taskqueue.v1 import TaskQueue
    from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

    types = TaskQueueType
    request = DescribeTaskQueueRequest(
        namespace=namespace,
        task_queue=TaskQueue(name=task_queue),
        task_queue_type=types.TASK_QUEUE_TYPE_WORKFLOW if kind == "workflow" else types.TASK_QUEUE_TYPE_ACTIVITY,
    )
    try:
        return len(call("DescribeTaskQueue", request).pollers)
    except CommandError:
        return -1
