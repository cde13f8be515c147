"""Histories: page by page, backwards, or waiting for what comes next."""

from __future__ import annotations

from google.protobuf.message import DecodeError
from temporalio.api.enums.v1 import HistoryEventFilterType
from temporalio.api.workflowservice.v1 import (
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryResponse,
)

from wfctl.devserver.core.entities import workflow_task
from wfctl.devserver.core.errors import InvalidArgument
from wfctl.devserver.core.history import frame, varint
from wfctl.devserver.engine.runs import Run
from wfctl.devserver.rpc import tokens
from wfctl.devserver.rpc.backend import Backend, Call

PAGE_SIZE = 256
# Workers need to see a task that is not in history yet, as their polls show it; people do not.
_WRITTEN_HISTORY_ONLY = ("temporal-cli", "temporal-ui")
_HISTORY_TAG = varint(GetWorkflowExecutionHistoryResponse.DESCRIPTOR.fields_by_name["history"].number << 3 | 2)


async def get_workflow_execution_history(
    backend: Backend, request: GetWorkflowExecutionHistoryRequest, call: Call
) -> bytes:
    namespace = backend.namespaces.resolve(request.namespace)
    token = _parse(request.next_page_token)
    run_id = token.run_id or request.execution.run_id
    run = await backend.runs.find(namespace.id, request.execution.workflow_id, run_id)
    await backend.runs.committed(run)
    close_only = request.history_event_filter_type == HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT
    first = token.next_event_id or 1
    if request.wait_new_event:
        await _wait(backend, run, first, call, close_only=close_only)
    execution = run.execution
    end = execution.next_event_id
    if close_only:
        if request.wait_new_event and execution.is_running:
            return _response(b"", _token(run, first))
        return _response(execution.history.fragment(end - 1), b"")
    page_end = min(end, first + (request.maximum_page_size if request.maximum_page_size > 0 else PAGE_SIZE))
    more = page_end < end or (request.wait_new_event and execution.is_running)
    events = execution.history.fragment(first, page_end)
    if not more and call.metadata.get("client-name") not in _WRITTEN_HISTORY_ONLY:
        events += b"".join(frame(event) for event in workflow_task.unwritten_events(execution))
    return _response(events, _token(run, page_end) if more else b"")


async def _wait(backend: Backend, run: Run, first: int, call: Call, *, close_only: bool) -> None:
    """Until there is something new to tell, or the long poll is over."""
    remaining = call.remaining_seconds()
    longest = backend.settings.history_long_poll_seconds
    timeout = longest if remaining is None else min(longest, remaining - 1)

    def condition() -> bool:
        execution = run.execution
        return not execution.is_running or (not close_only and execution.next_event_id > first)

    await backend.runs.wait(run, condition, timeout)


def _parse(token: bytes) -> tokens.HistoryPage:
    try:
        return tokens.HistoryPage.FromString(token)
    except (DecodeError, UnicodeDecodeError):
        raise InvalidArgument("Invalid NextPageToken.") from None


def _token(run: Run, next_event_id: int) -> bytes:
    return bytes(tokens.HistoryPage(run_id=run.execution.run_id, next_event_id=next_event_id).SerializeToString())


def _response(events: bytes, next_page_token: bytes) -> bytes:
    """Serialized events go onto the wire as they are: a message is the concatenation of its fields."""
    head = GetWorkflowExecutionHistoryResponse(next_page_token=next_page_token).SerializeToString()
    return head + _HISTORY_TAG + varint(len(events)) + events


RPCS = {
    "GetWorkflowExecutionHistory": get_workflow_execution_history,
}
