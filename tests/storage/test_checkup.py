"""What `db check` finds: nothing in a database that a server made, and each way of damage by name."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from temporalio.api.common.v1 import WorkflowExecution, WorkflowType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import SignalWorkflowExecutionRequest, StartWorkflowExecutionRequest

from tests.support.inprocess import in_process
from wfctl.devserver.storage.checkup import Checked, Problem, examine
from wfctl.devserver.storage.inspection import open_to_look


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """Three open runs, one of them signalled, and a closed one."""
    path = tmp_path / "dev.db"
    async with in_process(db_path=path) as server:
        for name in ("a", "b", "c", "closed"):
            await server.workflows.StartWorkflowExecution(
                StartWorkflowExecutionRequest(
                    namespace="default",
                    workflow_id=name,
                    request_id=name,
                    workflow_type=WorkflowType(name="T"),
                    task_queue=TaskQueue(name="queue"),
                )
            )
        await server.workflows.SignalWorkflowExecution(
            SignalWorkflowExecutionRequest(
                namespace="default", workflow_execution=WorkflowExecution(workflow_id="b"), signal_name="s"
            )
        )
        await server.terminate("closed")
    return path


def problems(path: Path) -> tuple[list[Problem], Checked]:
    checked = Checked()
    with open_to_look(path) as connection:
        return list(examine(connection, checked, lambda done, total: None)), checked


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_a_database_that_a_server_made_is_sound(path: Path) -> None:
    found, checked = problems(path)
    assert found == []
    assert checked.runs == 4
    assert checked.events == 2 + 3 + 2 + 3


FIRST_BATCH_OF_B = "position = (SELECT (run_key << 20) + 1 FROM executions WHERE workflow_id = 'b')"


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (f"DELETE FROM history WHERE {FIRST_BATCH_OF_B}", "event 1 is missing"),
        ("DELETE FROM history WHERE position = (SELECT max(position) FROM history)", "its row says"),
        ("UPDATE executions SET next_event_id = 9 WHERE workflow_id = 'b'", "ends with event 3, its row says 8"),
        (f"UPDATE history SET events = x'0aff' WHERE {FIRST_BATCH_OF_B}", "cannot be parsed"),
        ("UPDATE executions SET workflow_id = 'a' WHERE workflow_id = 'b'", "2 runs of one workflow id are open"),
        ("UPDATE executions SET status = 1 WHERE workflow_id = 'closed'", "its row says RUNNING"),
        ("UPDATE executions SET pending = 0 WHERE workflow_id = 'a'", "whether somebody waits for it"),
        ("UPDATE executions SET deadline = 5.0 WHERE workflow_id = 'a'", "its row is due at 5.0"),
        ("UPDATE executions SET unevented = x'c1' WHERE workflow_id = 'a'", "does not rebuild"),
        ("UPDATE visibility SET workflow_type = 'U' WHERE workflow_id = 'a'", "lists show workflow_type 'U'"),
        ("DELETE FROM visibility WHERE workflow_id = 'a'", "lists do not show it"),
        ("DELETE FROM executions WHERE workflow_id = 'a'", "belong to no run"),
        ("UPDATE executions SET namespace_id = 'gone' WHERE workflow_id = 'a'", "its namespace gone is not there"),
    ],
)
def test_damage_is_found_and_named(path: Path, damage: str, sentence: str) -> None:
    change(path, damage)
    found, _ = problems(path)
    assert any(sentence in problem.what for problem in found), found


def test_an_index_that_disagrees_with_its_table_is_found(path: Path) -> None:
    change(
        path,
        "PRAGMA writable_schema = ON",
        "DELETE FROM sqlite_schema WHERE name = 'executions_open'",
    )
    found, _ = problems(path)
    assert any(problem.what.startswith("SQLite: ") for problem in found), found


@pytest.mark.parametrize("look", [problems])
def test_looking_changes_nothing(path: Path, look: Callable[[Path], object]) -> None:
    before = path.read_bytes()
    look(path)
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["dev.db"]
