"""A worker's poll of a task queue: what both kinds of poll have in common."""

from __future__ import annotations

from typing import Any

from temporalio.api.enums.v1 import TaskQueueType

from wfctl.devserver.matching.queue import Task
from wfctl.devserver.rpc import requests
from wfctl.devserver.rpc.backend import Backend, Call


class Poll:
    """One poll, until its time is over. The worker shows in the queue's description from the first moment."""

    def __init__(
        self, backend: Backend, namespace_id: str, kind: TaskQueueType.ValueType, request: Any, call: Call
    ) -> None:
        self._backend, self._request, self._call = backend, request, call
        self._queue = backend.queues.get(namespace_id, kind, request.task_queue.name)
        self._deadline = call.poll_deadline(backend.settings.long_poll_seconds)
        self._has_left = backend.queues.has_left(request.worker_instance_key)
        if not self._has_left:
            requests.note_poller(self._queue, request, backend.clock.now())

    async def next_task(self) -> Task | None:
        """The next task of the queue, which may no longer stand; None when none came in time or the worker has left."""
        if self._has_left:
            return None
        request = self._request
        worker = request.worker_instance_key or request.identity
        task = await self._queue.take(worker, self._deadline - self._call.time())
        now = self._backend.clock.now()
        if task is not None:
            self._queue.dispatched.count(now)
        if task is not None or self._call.time() >= self._deadline:  # else the worker left: its sticky queue is dead
            requests.note_poller(self._queue, request, now)
        return task
