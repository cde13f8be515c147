"""Histories of a live server or a cloud namespace: found by visibility query or by id, chosen, downloaded a few ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from wfctl.errors import ServerRefused
from wfctl.replay.sources import Selection, StoredHistory, choose

if TYPE_CHECKING:
    from temporalio.api.workflowservice.v1 import WorkflowServiceStub

_PAGE = 1000
_DOWNLOADS_AHEAD = 4


@dataclass(frozen=True, slots=True)
class Run:
    """A run as a list shows it."""

    workflow_id: str
    run_id: str
    workflow_type: str


def visibility_query(selection: Selection) -> str:
    """The filters as one list filter."""
    parts = [f"({selection.query})"] if selection.query else []
    if selection.types:
        parts.append(_any_of("WorkflowType", selection.types))
    if selection.statuses:
        parts.append(_any_of("ExecutionStatus", selection.statuses))
    if selection.since is not None:
        parts.append(f"StartTime >= {_quoted(_rfc3339(selection.since))}")
    return " AND ".join(parts)


def _any_of(attribute: str, values: Iterable[str]) -> str:
    return f"{attribute} IN ({', '.join(_quoted(value) for value in values)})"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _refused_list(refused: ServerRefused, query: str) -> ServerRefused:
    """The server's words, and the filter that it saw."""
    hint = f"the list filter was: {query}" if refused.code == "INVALID_ARGUMENT" and query else refused.hint
    return ServerRefused(refused.message, code=refused.code, hint=hint, exit_code=refused.exit_code)


@dataclass(slots=True)
class ServerSource:
    """One namespace of one server."""

    service: WorkflowServiceStub
    namespace: str
    note: Callable[[str], None]

    def matching(self, selection: Selection) -> Iterator[StoredHistory]:
        """The histories of the runs that a selection chooses."""
        runs = choose(self._listed(visibility_query(selection)), selection, lambda run: run.workflow_type, self.note)
        yield from self._downloaded(runs)

    def by_id(self, workflow_ids: Iterable[str], run_id: str = "") -> Iterator[StoredHistory]:
        """The latest run of each workflow, or the one run that is named."""
        yield from self._downloaded(Run(workflow_id, run_id, "") for workflow_id in workflow_ids)

    def _listed(self, query: str) -> Iterator[Run]:
        from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsRequest

        request = ListWorkflowExecutionsRequest(namespace=self.namespace, query=query, page_size=_PAGE)
        while True:
            try:
                answer = self.service.ListWorkflowExecutions(request)
            except ServerRefused as refused:
                raise _refused_list(refused, query) from refused
            for one in answer.executions:
                yield Run(one.execution.workflow_id, one.execution.run_id, one.type.name)
            request.next_page_token = answer.next_page_token
            if not request.next_page_token:
                return

    def _downloaded(self, runs: Iterable[Run]) -> Iterator[StoredHistory]:
        """Several downloads at once, in the order of the runs, never more than a few ahead of the replay."""
        waiting: deque[Future[StoredHistory]] = deque()
        source = iter(runs)
        with ThreadPoolExecutor(_DOWNLOADS_AHEAD) as pool:
            waiting.extend(pool.submit(self.download, run) for run in islice(source, _DOWNLOADS_AHEAD))
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(pool.submit(self.download, run) for run in islice(source, 1))

    def download(self, run: Run) -> StoredHistory:
        """One history as bytes; a refusal belongs to this history, not to the others."""
        from temporalio.api.common.v1 import WorkflowExecution
        from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest

        origin = f"server:{run.workflow_id}/{run.run_id}" if run.run_id else f"server:{run.workflow_id}"
        execution = WorkflowExecution(workflow_id=run.workflow_id, run_id=run.run_id)
        request = GetWorkflowExecutionHistoryRequest(namespace=self.namespace, execution=execution)
        pieces: list[bytes] = []
        try:
            while True:
                answer: Any = self.service.GetWorkflowExecutionHistory(request)
                pieces.append(answer.history.SerializeToString())
                request.next_page_token = answer.next_page_token
                if not request.next_page_token:
                    break
        except ServerRefused as refused:
            failure = f"its history could not be downloaded: {refused.message}"
            return StoredHistory(
                origin, failure=failure, workflow_id=run.workflow_id, run_id=run.run_id, workflow_type=run.workflow_type
            )
        # Serialized Histories one after another are one History: that is how protobuf defines repeated fields.
        return StoredHistory(
            origin,
            proto=b"".join(pieces),
            workflow_id=run.workflow_id,
            run_id=run.run_id,
            workflow_type=run.workflow_type,
        )
