"""The visibility table: filters against rows, order, pages, counts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload, SearchAttributes
from temporalio.api.enums.v1 import WorkflowExecutionStatus

from wfctl.devserver.core.visibility import attributes as known
from wfctl.devserver.core.visibility.filters import Criteria, read
from wfctl.devserver.core.visibility.record import VisibilityRecord
from wfctl.devserver.storage.database import Database
from wfctl.devserver.storage.open import open_database
from wfctl.devserver.storage.visibility import Page, Position, count_groups, count_records, list_records, statements_for

SECOND = 10**9
TYPES: known.Types = {
    "Word": known.KEYWORD,
    "Number": known.INT,
    "Ratio": known.DOUBLE,
    "Flag": known.BOOL,
    "Moment": known.DATETIME,
    "Prose": known.TEXT,
    "Tags": known.KEYWORD_LIST,
    'odd "name"': known.KEYWORD,
}


def attribute(name: str, value: Any) -> Payload:
    metadata = {"encoding": b"json/plain", "type": known.TYPE_NAMES[TYPES[name]].encode()}
    return Payload(metadata=metadata, data=json.dumps(value).encode())


def record(key: int, **changes: Any) -> VisibilityRecord:
    attributes = changes.pop("attributes", {})
    made = VisibilityRecord(
        run_key=key,
        namespace_id="ns",
        workflow_id=f"w{key}",
        run_id=f"r{key}",
        workflow_type="T",
        status=WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING,
        start_time=key * SECOND,
        execution_time=key * SECOND,
        task_queue="q",
        root_workflow_id=f"w{key}",
        root_run_id=f"r{key}",
        search_attributes=SearchAttributes(
            indexed_fields={name: attribute(name, value) for name, value in attributes.items()}
        ),
    )
    return replace(made, **changes)


def closed(key: int, at: int, **changes: Any) -> VisibilityRecord:
    return record(key, status=2, close_time=at * SECOND, history_length=5, **changes)


class Table:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def show(self, *records: VisibilityRecord) -> None:
        await self.database.write([statement for record in records for statement in statements_for(record)])

    async def ids(self, query: str, size: int = 1000, after: Position | None = None) -> list[int]:
        criteria = read(query, TYPES)
        page = await self.database.read(lambda raw: list_records(raw, "ns", criteria, size, after))
        return [record.run_key for record in page.records]

    async def count(self, query: str) -> int:
        criteria = read(query, TYPES)
        return await self.database.read(lambda raw: count_records(raw, "ns", criteria))


@pytest.fixture
async def table() -> AsyncIterator[Table]:
    database = await open_database(None)
    database.start()
    yield Table(database)
    await database.close()


async def test_open_runs_come_first_by_start_then_closed_ones_by_close(table: Table) -> None:
    await table.show(closed(1, at=90), record(2), closed(3, at=80), record(4), closed(5, at=90))
    assert await table.ids("") == [4, 2, 5, 1, 3]


async def test_a_run_is_shown_once_and_as_it_is_now(table: Table) -> None:
    await table.show(record(1, attributes={"Word": "before"}))
    await table.show(closed(1, at=9, attributes={"Word": "after"}))
    assert await table.ids("Word = 'after' AND CloseTime IS NOT NULL") == [1]
    assert await table.count("Word = 'before'") == 0


def _page_of_two(criteria: Criteria, after: Position | None, raw: sqlite3.Connection) -> Page:
    return list_records(raw, "ns", criteria, 2, after)


async def test_pages_show_every_run_once(table: Table) -> None:
    await table.show(*(record(key, start_time=5 * SECOND) for key in range(1, 5)), *(closed(k, at=7) for k in (8, 9)))
    criteria = read("", TYPES)
    seen: list[int] = []
    after: Position | None = None
    for _ in range(10):
        page = await table.database.read(partial(_page_of_two, criteria, after))
        seen += [record.run_key for record in page.records]
        after = page.end
        if after is None:
            break
    assert seen == [1, 2, 3, 4, 9, 8]


async def test_another_namespace_is_not_seen(table: Table) -> None:
    await table.show(record(1), record(2, namespace_id="other"))
    assert await table.ids("") == [1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Word = 'one'", [1]),
        ("Word = 'ONE'", []),
        ("Word != 'one'", [2]),
        ("Word IN ('one', 'two')", [1, 2]),
        ("Word NOT IN ('one')", [2]),
        ("Word STARTS_WITH 'o'", [1]),
        ("Word NOT STARTS_WITH 'o'", [2]),
        ("Word STARTS_WITH '%'", []),
        ("Word BETWEEN 'a' AND 'p'", [1]),
        ("Word IS NULL", [3]),
        ("Word IS NOT NULL", [1, 2]),
        ("Number = 1", [1]),
        ("Number = 1.0", [1]),
        ("Number > -1", [1, 2]),
        ("Number NOT BETWEEN 1 AND 1", [2]),
        ("Ratio = 5e-1", [1]),
        ("Flag = true", [1]),
        ("Flag > false", [1]),
        ("Flag != true", [2]),
        ("Moment = '2024-01-01T00:00:00Z'", [1]),
        ("Moment = '2024-01-01T01:00:00+01:00'", [1]),
        ("Moment > '2024-01-01T00:00:00.5Z'", [2]),
        ("Moment BETWEEN 1704067200000000000 AND '2024-01-02T00:00:00Z'", [1]),
        ("Prose = 'HELLO'", [1, 2]),
        ("Prose = 'hell'", []),
        ("Prose = 'nothing first'", [1]),
        ("Prose = 'hello-first'", [1]),
        ("Prose != 'hello'", [3]),
        ("Tags = 'x1'", [1]),
        ("Tags = 'COMMON'", [1, 2]),
        ("Tags IN ('x1', 'x2')", [1, 2]),
        ("Tags != 'x1'", [2, 3]),
        ("Tags NOT IN ('x1', 'x2')", [3]),
        ("Tags IS NULL", [3]),
        ("`odd \"name\"` = 'x'", [1]),
        ("Word = 'one' OR Word = 'two' AND Flag = true", [1]),
        ("NOT (Word = 'one' OR Word = 'two')", []),
        ("WorkflowId = 'w2'", [2]),
        ("WorkflowId STARTS_WITH 'W'", [1, 2, 3]),
        ("ExecutionStatus = 'Running' AND Number = 2", [2]),
        ("ExecutionStatus IN ('Completed', 'Failed')", [3]),
        ("ExecutionStatus != 'Running'", [3]),
        ("ExecutionDuration > '1s' AND ExecutionDuration < '1h'", [3]),
        ("ExecutionDuration IS NULL", [1, 2]),
        ("HistoryLength = 5", [3]),
        ("ParentWorkflowId IS NULL", [1, 3]),
        ("ParentWorkflowId = 'p'", [2]),
        ("TemporalNamespaceDivision IS NULL", [1, 2, 3]),
    ],
)
async def test_a_filter_finds(table: Table, query: str, expected: list[int]) -> None:
    first = {
        "Word": "one",
        "Number": 1,
        "Ratio": 0.5,
        "Flag": True,
        "Moment": "2024-01-01T00:00:00Z",
        "Prose": "Hello, first!",
        "Tags": ["x1", "common"],
        'odd "name"': ["x"],
    }
    second = {"Word": "two", "Number": 2, "Ratio": 1.5, "Flag": False, "Moment": "2024-02-01T00:00:00Z"}
    await table.show(
        record(1, attributes=first),
        record(2, attributes={**second, "Prose": "hello second", "Tags": ["x2", "common"]}, parent_workflow_id="p"),
        closed(3, at=9),
    )
    # The executions table narrows a search by workflow id.
    await table.database.write([("INSERT INTO executions VALUES (2, 'ns', 'w2', 'r2', 1, 2, NULL, x'', x'')", ())])
    assert sorted(await table.ids(query)) == expected
    assert await table.count(query) == len(expected)


async def test_quotes_reach_no_sql(table: Table) -> None:
    await table.show(record(1, workflow_type="it's"))
    assert await table.ids("WorkflowType = 'it''s'") == [1]
    assert await table.ids("WorkflowType = 'x'' OR 1=1 --'") == []
    assert await table.ids('`odd "name"` IS NULL') == [1]


async def test_counts_by_status(table: Table) -> None:
    await table.show(record(1), record(2), closed(3, at=4))
    criteria = read("GROUP BY ExecutionStatus", TYPES)
    assert await table.database.read(lambda raw: count_groups(raw, "ns", criteria)) == [(1, 2), (2, 1)]


async def test_the_newest_page_of_many_closed_runs_comes_from_the_index(table: Table) -> None:
    await table.show(*(closed(key, at=key) for key in range(1, 5001)))
    criteria = read("", TYPES)

    def steps(raw: sqlite3.Connection) -> int:
        """How much SQLite works for a page: independent of the machine."""
        ticks = 0

        def tick() -> int:
            nonlocal ticks
            ticks += 1
            return 0

        raw.set_progress_handler(tick, 100)
        list_records(raw, "ns", criteria, 20, None)
        raw.set_progress_handler(None, 100)
        return ticks * 100

    assert await table.database.read(steps) < 5000


async def test_writing_a_record_takes_one_statement() -> None:
    assert len(statements_for(record(1, attributes={"Word": "x"}))) == 1
