"""Histories over the wire: pages of whole batches, both ways, and waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from temporalio.api.enums.v1 import HistoryEventFilterType
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflowservice.v1 import (
    DeleteWorkflowExecutionRequest,
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryReverseRequest,
    RespondWorkflowTaskFailedRequest,
)

from tests.support.inprocess import InProcess, in_process, refused
from tests.support.steps import named, poll, signal, step, until

CLOSE = HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[InProcess]:
    async with in_process(db_path=tmp_path / "dev.db") as running:
        yield running


async def page(world: InProcess, workflow_id: str = "w", *, metadata: Any = (), **fields: Any) -> Any:
    request = GetWorkflowExecutionHistoryRequest(namespace="default", execution=named(workflow_id), **fields)
    return await world.workflows.GetWorkflowExecutionHistory(request, timeout=10, metadata=metadata)


async def page_back(world: InProcess, **fields: Any) -> Any:
    request = GetWorkflowExecutionHistoryReverseRequest(namespace="default", execution=named("w"), **fields)
    return await world.workflows.GetWorkflowExecutionHistoryReverse(request)


def ids(response: Any) -> list[int]:
    return [event.event_id for event in response.history.events]


async def ran(world: InProcess) -> None:
    """Batches: 1-2, 3, 4, 5-6, 7, 8."""
    await world.start("w")
    await step(world)
    await signal(world, "w")
    await step(world)


async def pages(one: Any, world: InProcess, size: int) -> list[list[int]]:
    found, token = [], b""
    while True:
        response = await one(world, maximum_page_size=size, next_page_token=token)
        found.append(ids(response))
        token = response.next_page_token
        if not token:
            return found


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (1, [[1, 2], [3], [4], [5, 6], [7], [8], []]),
        (4, [[1, 2, 3, 4, 5, 6], [7, 8]]),
        (6, [[1, 2, 3, 4, 5, 6, 7, 8], []]),
        (7, [[1, 2, 3, 4, 5, 6, 7, 8]]),
    ],
)
async def test_a_page_holds_as_many_batches_as_events_were_asked_for(
    world: InProcess, size: int, expected: list[list[int]]
) -> None:
    await ran(world)
    assert await pages(page, world, size) == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [(1, [[8], [7], [6, 5], [4], [3], [2, 1]]), (4, [[8, 7, 6, 5, 4], [3, 2, 1]]), (100, [[8, 7, 6, 5, 4, 3, 2, 1]])],
)
async def test_pages_go_backwards_too(world: InProcess, size: int, expected: list[list[int]]) -> None:
    await ran(world)
    assert await pages(page_back, world, size) == expected


async def test_pages_of_a_closed_run_do_not_load_it(world: InProcess) -> None:
    await ran(world)
    await world.terminate("w")
    runs = world.server.backend.runs
    await until(lambda: not len(runs.cache))
    assert await pages(page, world, 2)
    assert await pages(page_back, world, 2)
    assert ids(await page(world, wait_new_event=True, history_event_filter_type=CLOSE)) == [9]
    assert len(runs.cache) == 0


async def test_a_token_of_another_run_is_refused(world: InProcess) -> None:
    await ran(world)
    token = (await page(world, maximum_page_size=1)).next_page_token
    execution = named("w", "3b1f8d3e-55c0-4d5c-8f10-4f1f6f0a4f3d")
    request = GetWorkflowExecutionHistoryRequest(namespace="default", execution=execution, next_page_token=token)
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "RunId in the request does not match the NextPageToken."):
        await world.workflows.GetWorkflowExecutionHistory(request)


async def test_the_close_event_is_empty_while_the_run_is_open(world: InProcess) -> None:
    await ran(world)
    response = await page(world, history_event_filter_type=CLOSE)
    assert (ids(response), response.next_page_token) == ([], b"")


async def test_a_wait_ends_with_the_next_event(world: InProcess) -> None:
    await ran(world)
    first = await page(world, wait_new_event=True)
    assert first.next_page_token
    waiting = asyncio.ensure_future(page(world, wait_new_event=True, next_page_token=first.next_page_token))
    await until(lambda: any(run.waiters for run in world.server.backend.runs.cache))
    await signal(world, "w")
    assert ids(await waiting) == [9, 10]


async def test_a_wait_for_a_run_that_is_deleted_ends(world: InProcess) -> None:
    await ran(world)
    waiting = asyncio.ensure_future(page(world, wait_new_event=True, history_event_filter_type=CLOSE))
    await until(lambda: any(run.waiters for run in world.server.backend.runs.cache))
    await world.workflows.DeleteWorkflowExecution(
        DeleteWorkflowExecutionRequest(namespace="default", workflow_execution=named("w"))
    )
    with refused(grpc.StatusCode.NOT_FOUND, "workflow not found for ID: w"):
        await waiting


async def test_a_task_that_is_not_written_yet_is_shown_to_workers_only(world: InProcess) -> None:
    await world.start("w")
    task = await poll(world)
    await world.workflows.RespondWorkflowTaskFailed(
        RespondWorkflowTaskFailedRequest(namespace="default", task_token=task.task_token, failure=Failure(message="b"))
    )
    assert ids(await page(world)) == [1, 2, 3, 4, 5]
    await poll(world)
    assert ids(await page(world)) == [1, 2, 3, 4, 5, 6]
    assert ids(await page(world, metadata=(("client-name", "temporal-cli"), ("client-version", "1.0.0")))) == [
        1,
        2,
        3,
        4,
    ]
    assert ids(await page_back(world)) == [4, 3, 2, 1]


async def test_a_long_history_is_read_page_by_page(world: InProcess) -> None:
    await world.start("w")
    for number in range(300):
        await signal(world, "w", f"s{number}")
    first = await page(world)
    assert len(first.history.events) == 257
    assert ids(await page(world, next_page_token=first.next_page_token)) == list(range(258, 303))
