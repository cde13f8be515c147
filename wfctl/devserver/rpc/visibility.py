"""Lists and counts of workflow executions: the filter grammar, and the older calls with filters of their own."""

from __future__ import annotations

import json
import struct
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import Payload, SearchAttributes, WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    CountWorkflowExecutionsResponse,
    ListArchivedWorkflowExecutionsRequest,
    ListArchivedWorkflowExecutionsResponse,
    ListClosedWorkflowExecutionsRequest,
    ListClosedWorkflowExecutionsResponse,
    ListOpenWorkflowExecutionsRequest,
    ListOpenWorkflowExecutionsResponse,
    ListWorkflowExecutionsRequest,
    ListWorkflowExecutionsResponse,
    ScanWorkflowExecutionsRequest,
    ScanWorkflowExecutionsResponse,
)

from wfctl.devserver.core.errors import InvalidArgument
from wfctl.devserver.core.namespace import Namespace
from wfctl.devserver.core.visibility import attributes as known
from wfctl.devserver.core.visibility import filters
from wfctl.devserver.core.visibility.filters import All, Between, Compare, Criteria, Filter
from wfctl.devserver.core.visibility.record import VisibilityRecord
from wfctl.devserver.core.visibility.syntax import QueryError
from wfctl.devserver.rpc.backend import Backend, Call
from wfctl.devserver.storage import visibility as storage
from wfctl.devserver.storage.visibility import Page, Position

OldListRequest = ListOpenWorkflowExecutionsRequest | ListClosedWorkflowExecutionsRequest

MAX_PAGE_SIZE = 1000
_TOKEN = struct.Struct(">qqq")
_RUNNING = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
_UNSPECIFIED = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_UNSPECIFIED


async def list_workflow_executions(
    backend: Backend, request: ListWorkflowExecutionsRequest, call: Call
) -> ListWorkflowExecutionsResponse:
    return ListWorkflowExecutionsResponse(**await _matching(backend, request))


async def scan_workflow_executions(
    backend: Backend, request: ScanWorkflowExecutionsRequest, call: Call
) -> ScanWorkflowExecutionsResponse:
    return ScanWorkflowExecutionsResponse(**await _matching(backend, request))


async def _matching(
    backend: Backend, request: ListWorkflowExecutionsRequest | ScanWorkflowExecutionsRequest
) -> dict[str, Any]:
    namespace = backend.namespaces.resolve(request.namespace)
    criteria = read_query(request.query, namespace)
    return await _page(backend, namespace, criteria, request.page_size, request.next_page_token)


async def count_workflow_executions(
    backend: Backend, request: CountWorkflowExecutionsRequest, call: Call
) -> CountWorkflowExecutionsResponse:
    namespace = backend.namespaces.resolve(request.namespace)
    criteria = read_query(request.query, namespace)
    if criteria.group_by is None:
        count = await backend.database.scan(
            lambda connection: storage.count_records(connection, namespace.id, criteria)
        )
        return CountWorkflowExecutionsResponse(count=count)
    groups = await backend.database.scan(lambda connection: storage.count_groups(connection, namespace.id, criteria))
    response = CountWorkflowExecutionsResponse(count=sum(count for _, count in groups))
    for value, count in groups:
        response.groups.add(group_values=[_group_value(criteria.group_by, value)], count=count)
    return response


async def list_open_workflow_executions(
    backend: Backend, request: ListOpenWorkflowExecutionsRequest, call: Call
) -> ListOpenWorkflowExecutionsResponse:
    namespace = backend.namespaces.resolve(request.namespace)
    parts = [_compare("ExecutionStatus", "=", _RUNNING), *_times("StartTime", request)]
    parts += _id_or_type(request)
    page = await _page(backend, namespace, _all(parts), request.maximum_page_size, request.next_page_token)
    return ListOpenWorkflowExecutionsResponse(**page)


async def list_closed_workflow_executions(
    backend: Backend, request: ListClosedWorkflowExecutionsRequest, call: Call
) -> ListClosedWorkflowExecutionsResponse:
    namespace = backend.namespaces.resolve(request.namespace)
    parts = [_compare("ExecutionStatus", "!=", _RUNNING), *_times("CloseTime", request)]
    parts += _id_or_type(request)
    if request.HasField("status_filter"):
        if request.status_filter.status in (_UNSPECIFIED, _RUNNING):
            raise InvalidArgument("StatusFilter must be specified and must be not Running.")
        parts.append(_compare("ExecutionStatus", "=", request.status_filter.status))
    page = await _page(backend, namespace, _all(parts), request.maximum_page_size, request.next_page_token)
    return ListClosedWorkflowExecutionsResponse(**page)


async def list_archived_workflow_executions(
    backend: Backend, request: ListArchivedWorkflowExecutionsRequest, call: Call
) -> ListArchivedWorkflowExecutionsResponse:
    backend.namespaces.resolve(request.namespace)
    raise InvalidArgument("Cluster is not configured for visibility archival.")


# -- requests -------------------------------------------------------------------------------------------------------


def read_query(query: str, namespace: Namespace) -> Criteria:
    """The meaning of a list filter in this namespace, or INVALID_ARGUMENT."""
    try:
        return filters.read(query, namespace.search_attributes)
    except QueryError as error:
        raise InvalidArgument(f"invalid query: {error}") from None


def _all(parts: list[Filter]) -> Criteria:
    return Criteria(All(tuple(parts)))


def _system(name: str) -> filters.Attribute:
    return filters.Attribute(name, name, known.SYSTEM[name])


def _compare(name: str, operator: str, value: str | int) -> Filter:
    return Compare(_system(name), operator, value)


def _id_or_type(request: OldListRequest) -> list[Filter]:
    if request.HasField("execution_filter"):
        return [_compare("WorkflowId", "=", request.execution_filter.workflow_id)]
    if request.HasField("type_filter"):
        return [_compare("WorkflowType", "=", request.type_filter.name)]
    return []


def _times(name: str, request: OldListRequest) -> list[Filter]:
    times = request.start_time_filter
    earliest = times.earliest_time.ToNanoseconds() if times.HasField("earliest_time") else None
    latest = times.latest_time.ToNanoseconds() if times.HasField("latest_time") else None
    if earliest is not None and latest is not None:
        if earliest > latest:
            raise InvalidArgument("EarliestTime in StartTimeFilter should not be larger than LatestTime.")
        return [Between(_system(name), earliest, latest, negated=False)]
    if earliest is not None:
        return [_compare(name, ">=", earliest)]
    return [] if latest is None else [_compare(name, "<=", latest)]


async def _page(backend: Backend, namespace: Namespace, criteria: Criteria, size: int, token: bytes) -> dict[str, Any]:
    """The fields that every list answers with."""
    after = _position(token)
    size = size if 0 < size <= MAX_PAGE_SIZE else MAX_PAGE_SIZE
    page = await backend.database.scan(
        lambda connection: storage.list_records(connection, namespace.id, criteria, size, after)
    )
    items = [_item(record, namespace) for record in page.records]
    return {"executions": items, "next_page_token": _token(page)}


def _position(token: bytes) -> Position | None:
    if not token:
        return None
    try:
        return Position(*_TOKEN.unpack(token))
    except struct.error:
        raise InvalidArgument("Invalid NextPageToken.") from None


# -- answers --------------------------------------------------------------------------------------------------------


def _token(page: Page) -> bytes:
    end = page.end
    return b"" if end is None else _TOKEN.pack(end.close_order, end.start_time, end.run_key)


def _item(record: VisibilityRecord, namespace: Namespace) -> WorkflowExecutionInfo:
    info = WorkflowExecutionInfo(
        execution=WorkflowExecution(workflow_id=record.workflow_id, run_id=record.run_id),
        type=WorkflowType(name=record.workflow_type),
        start_time=_timestamp(record.start_time),
        execution_time=_timestamp(record.execution_time),
        status=record.status,
        task_queue=record.task_queue,
        memo=record.memo,
        search_attributes=_shown_attributes(record.search_attributes, namespace),
        root_execution=WorkflowExecution(workflow_id=record.root_workflow_id, run_id=record.root_run_id),
        history_length=record.history_length or 0,
        history_size_bytes=record.history_size_bytes or 0,
        state_transition_count=record.state_transition_count or 0,
    )
    info.memo.SetInParent()
    if record.parent_workflow_id:
        info.parent_execution.CopyFrom(
            WorkflowExecution(workflow_id=record.parent_workflow_id, run_id=record.parent_run_id)
        )
    if record.close_time is not None:
        info.close_time.CopyFrom(_timestamp(record.close_time))
        info.execution_duration.CopyFrom(_duration(record.close_time - record.execution_time))
    return info


def _shown_attributes(stored: SearchAttributes | None, namespace: Namespace) -> SearchAttributes:
    """Without custom ones that the namespace no longer has."""
    shown = SearchAttributes()
    if stored is not None:
        for name, payload in stored.indexed_fields.items():
            if name in known.PREDEFINED or name in namespace.search_attributes:
                shown.indexed_fields[name].CopyFrom(payload)
    return shown


def _timestamp(nanoseconds: int) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromNanoseconds(nanoseconds)
    return timestamp


def _duration(nanoseconds: int) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(nanoseconds)
    return duration


def _group_value(attribute: filters.Attribute, value: Any) -> Payload:
    shown = filters.status_name(value) if attribute.name == "ExecutionStatus" else value
    metadata = {"encoding": b"json/plain", "type": known.TYPE_NAMES[attribute.type].encode()}
    return Payload(metadata=metadata, data=json.dumps(shown).encode())


RPCS = {
    "ListWorkflowExecutions": list_workflow_executions,
    "ScanWorkflowExecutions": scan_workflow_executions,
    "CountWorkflowExecutions": count_workflow_executions,
    "ListOpenWorkflowExecutions": list_open_workflow_executions,
    "ListClosedWorkflowExecutions": list_closed_workflow_executions,
    "ListArchivedWorkflowExecutions": list_archived_workflow_executions,
}
