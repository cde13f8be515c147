"""A run's feed: its description every time, its events once.

The first looks bring the history page by page, so that the beginning is on screen while the rest comes. Afterwards one
DescribeWorkflowExecution tells whether there is more, and only then are the newest events asked for, from the end back
to those that are known. An idle run costs one RPC a look.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any

from wfctl.client.surroundings import look_around
from wfctl.errors import CommandError
from wfctl.tui.feeds.source import Source
from wfctl.tui.models.run import ItemMaker, RunRef, RunUpdate
from wfctl.view.waiting import Surroundings

PAGE_SIZE = 1000
_NEWEST_KEPT = 500
_LOOK_AROUND_EVERY = 5
_OPEN = (1, 8)
"""Running and paused."""


class RunFeed:
    def __init__(self, source: Source, ref: RunRef) -> None:
        self._source = source
        self._ref = ref
        self._run_id = ref.run_id
        self._maker = ItemMaker()
        self._token: bytes | None = b""
        """Of the next page while the history is read from its beginning; None once it was read."""
        self._last_event_id = 0
        self._newest: list[Any] = []
        self._looks = 0
        self._is_to_restart = False
        self._restarts = False
        self._was_warned = False
        self._around = Surroundings(pollers={})

    def look(self) -> RunUpdate:
        """Blocks. Raises CommandError."""
        from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest

        if self._is_to_restart or (self._was_warned and not self._source.warning):
            # What could not be read before can be read now.
            self._maker, self._token, self._last_event_id, self._newest = ItemMaker(), b"", 0, []
            self._is_to_restart, self._restarts = False, True
        self._was_warned = bool(self._source.warning)
        request = DescribeWorkflowExecutionRequest(namespace=self._source.namespace, execution=self._execution())
        description = self._source.call("DescribeWorkflowExecution", request)
        self._run_id = description.workflow_execution_info.execution.run_id
        total = description.workflow_execution_info.history_length
        events = self._first_pages() if self._token is not None else self._newer(total)
        if events:
            self._last_event_id = events[-1].event_id
            self._newest = (self._newest + events)[-_NEWEST_KEPT:]
        is_open = description.workflow_execution_info.status in _OPEN
        if is_open and (events or self._looks % _LOOK_AROUND_EVERY == 0):
            self._around = self._look_around(description)
        self._looks += 1
        now = self._source.as_of
        if now is None and not self._source.is_live and self._newest:
            now = self._newest[-1].event_time.ToDatetime(tzinfo=UTC)
        loaded = self._last_event_id if self._token is not None else max(total, self._last_event_id)
        update = RunUpdate(
            description, self._maker.items(events), self._around, now, loaded, max(total, loaded), self._restarts
        )
        self._restarts = False
        return update

    def read_again(self) -> None:
        """From the beginning, with the next look, which another thread may be about to take."""
        self._is_to_restart = True

    @property
    def is_reading(self) -> bool:
        """Whether the history is still being read from its beginning."""
        return self._token is not None

    def _execution(self) -> Any:
        from temporalio.api.common.v1 import WorkflowExecution

        return WorkflowExecution(workflow_id=self._ref.workflow_id, run_id=self._run_id)

    def _first_pages(self) -> list[Any]:
        from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest

        request = GetWorkflowExecutionHistoryRequest(
            namespace=self._source.namespace,
            execution=self._execution(),
            maximum_page_size=PAGE_SIZE,
            next_page_token=self._token or b"",
        )
        response = self._source.call("GetWorkflowExecutionHistory", request)
        self._token = response.next_page_token or None
        return [event for event in response.history.events if event.event_id > self._last_event_id]

    def _newer(self, total: int) -> list[Any]:
        if total <= self._last_event_id:
            return []
        from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest

        found: list[Any] = []
        token = b""
        while True:
            request = GetWorkflowExecutionHistoryReverseRequest(
                namespace=self._source.namespace,
                execution=self._execution(),
                maximum_page_size=min(PAGE_SIZE, max(total - self._last_event_id, 20)),
                next_page_token=token,
            )
            response = self._source.call("GetWorkflowExecutionHistoryReverse", request)
            for event in response.history.events:
                if event.event_id <= self._last_event_id:
                    return found[::-1]
                found.append(event)
            token = response.next_page_token
            if not token:
                return found[::-1]

    def _look_around(self, description: Any) -> Surroundings:
        try:
            return look_around(self._source.call, self._source.namespace, description, reversed(self._newest))
        except CommandError:
            return self._around
