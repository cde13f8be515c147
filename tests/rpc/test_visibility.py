"""Lists and counts over the wire."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from temporalio.api.common.v1 import Payload, SearchAttributes
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.filter.v1 import StartTimeFilter, StatusFilter, WorkflowExecutionFilter, WorkflowTypeFilter
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    ListArchivedWorkflowExecutionsRequest,
    ListClosedWorkflowExecutionsRequest,
    ListOpenWorkflowExecutionsRequest,
    ListWorkflowExecutionsRequest,
    ScanWorkflowExecutionsRequest,
)

from tests.support.inprocess import InProcess, in_process, refused
from wfctl.devserver.core.visibility.attributes import INT, KEYWORD

INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT


def attribute(value: Any) -> Payload:
    return Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(value).encode())


@pytest.fixture
async def world() -> AsyncIterator[InProcess]:
    """Workflows a, b and c; b is terminated."""
    async with in_process(search_attributes={"Word": KEYWORD, "Number": INT}) as running:
        for number, workflow_id in enumerate("abc"):
            fields = {"Word": attribute(workflow_id), "Number": attribute(number)}
            await running.start(workflow_id, attributes=SearchAttributes(indexed_fields=fields))
        await running.terminate("b")
        yield running


def ids(response: Any) -> str:
    return "".join(item.execution.workflow_id for item in response.executions)


async def listed(world: InProcess, query: str = "", **fields: Any) -> Any:
    request = ListWorkflowExecutionsRequest(namespace="default", query=query, **fields)
    return await world.workflows.ListWorkflowExecutions(request)


async def test_what_was_answered_is_listed_at_once(world: InProcess) -> None:
    assert ids(await listed(world)) == "cab"
    assert ids(await listed(world, "Word = 'b' OR Number > 1")) == "cb"
    await world.terminate("c")
    assert ids(await listed(world, "ExecutionStatus = 'Terminated'")) == "cb"


async def test_an_item_shows_its_run(world: InProcess) -> None:
    (item,) = (await listed(world, "WorkflowId = 'b'")).executions
    assert item.type.name == "T"
    assert item.status == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED
    assert item.task_queue == "queue"
    assert item.root_execution == item.execution
    assert item.history_length == 3
    assert item.HasField("close_time")
    assert item.search_attributes.indexed_fields["Number"].metadata["type"] == b"Int"


async def test_pages_follow_one_another(world: InProcess) -> None:
    first = await listed(world, page_size=2)
    second = await listed(world, page_size=2, next_page_token=first.next_page_token)
    assert (ids(first), ids(second)) == ("ca", "b")
    assert second.next_page_token == b""
    with refused(INVALID_ARGUMENT, "Invalid NextPageToken"):
        await listed(world, next_page_token=b"nonsense")


async def test_counts(world: InProcess) -> None:
    async def count(query: str) -> Any:
        return await world.workflows.CountWorkflowExecutions(
            CountWorkflowExecutionsRequest(namespace="default", query=query)
        )

    assert (await count("Number >= 1")).count == 2
    grouped = await count("GROUP BY ExecutionStatus")
    assert grouped.count == 3
    assert {group.group_values[0].data: group.count for group in grouped.groups} == {
        b'"Running"': 2,
        b'"Terminated"': 1,
    }
    with refused(INVALID_ARGUMENT, "invalid query: operation is not supported: 'GROUP BY' clause"):
        await count("GROUP BY Word")


async def test_the_older_calls(world: InProcess) -> None:
    calls = world.workflows
    opened = await calls.ListOpenWorkflowExecutions(ListOpenWorkflowExecutionsRequest(namespace="default"))
    closed = await calls.ListClosedWorkflowExecutions(ListClosedWorkflowExecutionsRequest(namespace="default"))
    assert (ids(opened), ids(closed)) == ("ca", "b")
    by_id = ListOpenWorkflowExecutionsRequest(
        namespace="default", execution_filter=WorkflowExecutionFilter(workflow_id="a")
    )
    assert ids(await calls.ListOpenWorkflowExecutions(by_id)) == "a"
    by_type = ListClosedWorkflowExecutionsRequest(namespace="default", type_filter=WorkflowTypeFilter(name="other"))
    assert ids(await calls.ListClosedWorkflowExecutions(by_type)) == ""
    late = StartTimeFilter()
    late.earliest_time.FromSeconds(4_000_000_000)
    in_future = ListOpenWorkflowExecutionsRequest(namespace="default", start_time_filter=late)
    assert ids(await calls.ListOpenWorkflowExecutions(in_future)) == ""
    with refused(INVALID_ARGUMENT, "StatusFilter must be specified"):
        await calls.ListClosedWorkflowExecutions(
            ListClosedWorkflowExecutionsRequest(namespace="default", status_filter=StatusFilter())
        )


async def test_scan_lists_and_the_archive_is_not_there(world: InProcess) -> None:
    scan = ScanWorkflowExecutionsRequest(namespace="default", query="Number < 2")
    assert ids(await world.workflows.ScanWorkflowExecutions(scan)) == "ab"
    with refused(INVALID_ARGUMENT, "not configured for visibility archival"):
        await world.workflows.ListArchivedWorkflowExecutions(ListArchivedWorkflowExecutionsRequest(namespace="default"))


async def test_a_bad_query_is_refused(world: InProcess) -> None:
    with refused(INVALID_ARGUMENT, "invalid query: malformed SQL query: syntax error at position"):
        await listed(world, "Number = ")
    with refused(grpc.StatusCode.NOT_FOUND, "Namespace nope is not found."):
        await world.workflows.ListWorkflowExecutions(ListWorkflowExecutionsRequest(namespace="nope"))
