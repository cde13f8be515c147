"""All task queues, by namespace, kind and name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueKind, TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue as TaskQueueProto

from wfctl.devserver.matching.pollers import STICKY_ALIVE
from wfctl.devserver.matching.queue import Task, TaskQueue

WORKFLOW = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
ACTIVITY = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
LEFT_REMEMBERED = timedelta(seconds=30)


class Queues:
    """Queues come into being when something is added or polls."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._queues: dict[tuple[str, int, str], TaskQueue] = {}
        self._left: dict[str, datetime] = {}  # instance key of a worker → when it left

    def get(self, namespace_id: str, kind: TaskQueueType.ValueType, name: str) -> TaskQueue:
        key = (namespace_id, int(kind), name)
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = TaskQueue(namespace_id, name)
        return queue

    def peek(self, namespace_id: str, kind: TaskQueueType.ValueType, name: str) -> TaskQueue:
        """The queue, or an empty one that is forgotten again: a look brings nothing into being."""
        return self._queues.get((namespace_id, int(kind), name)) or TaskQueue(namespace_id, name)

    def add_workflow_task(self, namespace_id: str, queue: TaskQueueProto, task: Task) -> None:
        """To the sticky worker if it is alive, to the run's own queue otherwise."""
        name = queue.name
        if queue.kind == TaskQueueKind.TASK_QUEUE_KIND_STICKY and not self.is_alive(namespace_id, name):
            name = queue.normal_name
        self.get(namespace_id, WORKFLOW, name).add(task)

    def add_activity_task(self, namespace_id: str, queue_name: str, task: Task) -> None:
        self.get(namespace_id, ACTIVITY, queue_name).add(task)

    def is_alive(self, namespace_id: str, sticky_queue_name: str) -> bool:
        """Whether a worker has polled this sticky queue lately."""
        queue = self._queues.get((namespace_id, int(WORKFLOW), sticky_queue_name))
        return queue is not None and (queue.has_waiting_poll or bool(queue.pollers.recent(self._now(), STICKY_ALIVE)))

    def shut_down_worker(self, namespace_id: str, worker: str, identity: str, sticky_queue_name: str) -> None:
        """A worker leaves: its polls end with nothing, and its sticky queue counts as dead at once."""
        now = self._now()
        self._left = {key: at for key, at in self._left.items() if now - at <= LEFT_REMEMBERED}
        if worker:
            self._left[worker] = now
        for (owner, _, name), queue in self._queues.items():
            if owner != namespace_id:
                continue
            if name == sticky_queue_name:
                queue.cut_polls()
                queue.pollers.clear()
            elif worker:
                queue.cut_polls(worker)

    def has_left(self, worker: str) -> bool:
        """Whether this worker said good-bye lately. A poll of it may have been on its way and must take no task."""
        at = self._left.get(worker)
        return at is not None and self._now() - at <= LEFT_REMEMBERED

    def backlog_count(self, namespace_id: str) -> int:
        """How much of this namespace waits for workers, in all its queues."""
        return sum(queue.backlog_count for (owner, _, _), queue in self._queues.items() if owner == namespace_id)

    def cut_all_polls(self) -> None:
        for queue in self._queues.values():
            queue.cut_polls()
