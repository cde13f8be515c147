"""Histories: page by page, backwards, or waiting for what comes next.

A page is as many batches as the client asked for events: what one step wrote is never torn apart. Pages are read from
disk, batch by batch, so that a look at a long history that nobody has in memory costs no more than what it shows. What
fits on one page, and the close event that a client waits for, comes from memory when the run is there.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from temporalio.api.enums.v1 import HistoryEventFilterType
from temporalio.api.workflowservice.v1 import (
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryResponse,
    GetWorkflowExecutionHistoryReverseRequest,
    GetWorkflowExecutionHistoryReverseResponse,
)

from wfctl.devserver.core.entities import workflow_task
from wfctl.devserver.core.errors import InvalidArgument
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.core.history import frame, split
from wfctl.devserver.engine.runs import Run, no_such_run
from wfctl.devserver.rpc import tokens
from wfctl.devserver.rpc.backend import Backend, Call
from wfctl.devserver.rpc.requests import check_execution
from wfctl.devserver.rpc.wire import with_history
from wfctl.devserver.storage import histories as storage

MAX_PAGE_SIZE = 256
CLOSE_EVENT = HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT
# Workers need to see a task that is not in history yet, as their polls show it; people do not.
_WRITTEN_HISTORY_ONLY = ("temporal-cli", "temporal-ui")


async def get_workflow_execution_history(
    backend: Backend, request: GetWorkflowExecutionHistoryRequest, call: Call
) -> bytes:
    key, token = _find(backend, request)
    first = token.next_event_id or 1
    close_only = request.history_event_filter_type == CLOSE_EVENT
    run = backend.runs.cache.get(key)
    if request.wait_new_event:
        run = await _wait(backend, key, first, call, close_only=close_only)
    elif run is not None:
        await backend.runs.committed(run)
    if run is not None and run.last_write is None and not run.deleted:
        answer = _from_memory(run.execution, request, first, call)
        if answer is not None:
            return answer
    head = _head(backend, request, key)
    if close_only:
        return await _close_event(backend, request, key, head, first)
    size = _page_size(request)
    batches = await backend.database.read(partial(storage.batches, run_key=key, first_event_id=first, limit=size))
    events = b"".join(batch.events for batch in batches)
    if not batches:
        return _response(
            b"", tokens.history_page(head.run_id, first) if request.wait_new_event and head.is_open else b""
        )
    next_event_id = batches[-1].next_event_id
    at_end = len(batches) < size
    if at_end and head.is_open and _shows_unwritten(call):
        events += _unwritten(backend, key, next_event_id)
    more = not at_end or (request.wait_new_event and head.is_open)
    return _response(events, tokens.history_page(head.run_id, next_event_id) if more else b"")


def _shows_unwritten(call: Call) -> bool:
    return call.metadata.get("client-name") not in _WRITTEN_HISTORY_ONLY


def _from_memory(
    execution: Execution, request: GetWorkflowExecutionHistoryRequest, first: int, call: Call
) -> bytes | None:
    """The answer about a run that is in memory, with nothing left to write; None if the answer is one of many pages."""
    end = execution.next_event_id
    waits = request.wait_new_event and execution.is_running
    if request.history_event_filter_type == CLOSE_EVENT:
        if execution.is_running:
            return _response(b"", tokens.history_page(execution.run_id, first) if waits else b"")
        return _response(execution.history.fragment(end - 1), b"")
    if end - first >= _page_size(request):  # what batches it consists of is known on disk
        return None
    events = execution.history.fragment(first, end)
    if events and execution.is_running and _shows_unwritten(call):
        events += b"".join(map(frame, workflow_task.unwritten_events(execution)))
    return _response(events, tokens.history_page(execution.run_id, end) if waits else b"")


async def get_workflow_execution_history_reverse(
    backend: Backend, request: GetWorkflowExecutionHistoryReverseRequest, call: Call
) -> bytes:
    key, token = _find(backend, request)
    await _committed(backend, key)
    head = _head(backend, request, key)
    before = token.next_event_id or head.next_event_id
    size = _page_size(request)
    batches = await backend.database.read(
        partial(storage.batches_before, run_key=key, next_event_id=before, limit=size)
    )
    events = b"".join(b"".join(reversed(list(split(batch.events)))) for batch in batches)
    first = batches[-1].first_event_id if batches else 1
    next_page_token = tokens.history_page(head.run_id, first) if first > 1 else b""
    return with_history(GetWorkflowExecutionHistoryReverseResponse(next_page_token=next_page_token), events)


def _find(backend: Backend, request: Any) -> tuple[int, Any]:
    """The run that is meant, by request or token, and the token. Raises NotFound, InvalidArgument."""
    namespace = backend.namespaces.resolve(request.namespace)
    check_execution(request, "execution")
    token = tokens.parse_history_page(request.next_page_token)
    wanted = request.execution
    if token.run_id and wanted.run_id and token.run_id != wanted.run_id:
        raise InvalidArgument("RunId in the request does not match the NextPageToken.")
    run_id = token.run_id or wanted.run_id
    key = backend.runs.find_key(namespace.id, wanted.workflow_id, run_id)
    if key is None or backend.runs.is_deleting(key):
        raise no_such_run(wanted.workflow_id, run_id)
    return key, token


def _head(backend: Backend, request: Any, key: int) -> storage.Head:
    head = backend.database.peek(partial(storage.head, run_key=key))
    if head is None:
        raise no_such_run(request.execution.workflow_id, request.execution.run_id)
    return head


async def _committed(backend: Backend, key: int) -> None:
    """What a run in memory has done and not yet written, others may have seen the effects of."""
    run = backend.runs.cache.get(key)
    if run is not None:
        await backend.runs.committed(run)


async def _wait(backend: Backend, key: int, first: int, call: Call, *, close_only: bool) -> Run | None:
    """Until there is something new to tell, or the long poll is over. Returns the run, unless it is only on disk."""
    run = backend.runs.cache.get(key)
    if run is None:
        head = backend.database.peek(partial(storage.head, run_key=key))
        if head is None or not head.is_open or (not close_only and head.next_event_id > first):
            return None
        run = await backend.runs.load(key)
    remaining = call.remaining_seconds()
    longest = backend.settings.history_long_poll_seconds
    timeout = longest if remaining is None else min(longest, remaining - 1)

    def condition() -> bool:
        execution = run.execution
        return not execution.is_running or (not close_only and execution.next_event_id > first)

    await backend.runs.wait(run, condition, timeout)
    return run


async def _close_event(
    backend: Backend, request: GetWorkflowExecutionHistoryRequest, key: int, head: storage.Head, first: int
) -> bytes:
    if head.is_open:
        return _response(b"", tokens.history_page(head.run_id, first) if request.wait_new_event else b"")
    last = await backend.database.read(
        partial(storage.batches_before, run_key=key, next_event_id=head.next_event_id, limit=1)
    )
    return _response(list(split(last[0].events))[-1], b"")


def _unwritten(backend: Backend, key: int, next_event_id: int) -> bytes:
    """The task that follows this history and is not in it, if the run (which is then in memory) has one."""
    run = backend.runs.cache.get(key)
    if run is None or run.execution.next_event_id != next_event_id:
        return b""
    return b"".join(frame(event) for event in workflow_task.unwritten_events(run.execution))


def _page_size(request: Any) -> int:
    size: int = request.maximum_page_size
    return min(size, MAX_PAGE_SIZE) if size > 0 else MAX_PAGE_SIZE


def _response(events: bytes, next_page_token: bytes) -> bytes:
    return with_history(GetWorkflowExecutionHistoryResponse(next_page_token=next_page_token), events)


RPCS = {
    "GetWorkflowExecutionHistory": get_workflow_execution_history,
    "GetWorkflowExecutionHistoryReverse": get_workflow_execution_history_reverse,
}
