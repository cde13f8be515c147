"""What must be true of a database, and a walk over all of it that says where it is not.

- SQLite's own structures are whole.
- Event ids of a run count from 1 without a gap, and end where its row says.
- A workflow id has at most one open run.
- A history, applied from its first event, and the unevented half laid over it, give the state that is stored.
- The row that lists show agrees with that state.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.history.v1 import HistoryEvent

from wfctl.devserver.core.errors import NamespaceNotFound
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.core.history import History, parse, split
from wfctl.devserver.core.namespace import Namespace
from wfctl.devserver.core.visibility.record import VisibilityRecord
from wfctl.devserver.settings import Settings
from wfctl.devserver.storage import executions, histories, namespaces, visibility

RUNNING = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
EVERYTHING = 1 << 20  # batches of one history, at most
PROGRESS_EVERY = 100
# Lists keep the count that the run closed with; what is done to a closed run (a reset of it) counts on.
COMPARED = tuple(name for name in VisibilityRecord.__slots__ if name != "state_transition_count")

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it must be; `workflow_id` and `run_id` are empty when it is no single run's."""

    what: str
    workflow_id: str = ""
    run_id: str = ""


@dataclass(slots=True)
class Checked:
    """How much was looked at, so that a clean answer means something."""

    runs: int = 0
    events: int = 0
    problems: int = 0


@dataclass(frozen=True, slots=True)
class _Row:
    run_key: int
    namespace_id: str
    workflow_id: str
    run_id: str
    status: int
    next_event_id: int
    deadline: float | None
    pending: bool
    unevented: bytes

    def problem(self, what: str) -> Problem:
        return Problem(what, self.workflow_id, self.run_id)


def examine(connection: sqlite3.Connection, checked: Checked, progress: Progress) -> Iterator[Problem]:
    """Every problem of the database, counted in `checked`."""
    for problem in _examine(connection, checked, progress):
        checked.problems += 1
        yield problem


def _examine(connection: sqlite3.Connection, checked: Checked, progress: Progress) -> Iterator[Problem]:
    yield from _structure(connection)
    try:
        known = {namespace.id: namespace for namespace in namespaces.load_all(connection)}
        yield from _relations(connection)
        yield from _runs(connection, known, checked, progress)
    except sqlite3.DatabaseError as error:
        yield Problem(f"the file cannot be read further: {error}")


def _structure(connection: sqlite3.Connection) -> Iterator[Problem]:
    try:
        for (verdict,) in connection.execute("PRAGMA integrity_check(20)"):
            if verdict != "ok":
                yield Problem(f"SQLite: {verdict}")
    except sqlite3.DatabaseError as error:
        yield Problem(f"SQLite: {error}")


def _relations(connection: sqlite3.Connection) -> Iterator[Problem]:
    """What is true between rows."""
    twice = connection.execute(
        "SELECT workflow_id, count(*) FROM executions WHERE status = 1 GROUP BY namespace_id, workflow_id"
        " HAVING count(*) > 1"
    )
    for workflow_id, count in twice:
        yield Problem(f"{count} runs of one workflow id are open", workflow_id)
    for run_id, workflow_id in connection.execute(
        "SELECT run_id, workflow_id FROM executions GROUP BY namespace_id, workflow_id, run_id HAVING count(*) > 1"
    ):
        yield Problem("this run is there twice", workflow_id, run_id)
    (orphans,) = connection.execute(
        f"SELECT count(*) FROM history WHERE (position >> {executions.POSITION_BITS})"
        " NOT IN (SELECT run_key FROM executions)"
    ).fetchone()
    if orphans:
        yield Problem(f"{orphans} batches of events belong to no run")
    for workflow_id, run_id in connection.execute(
        "SELECT workflow_id, run_id FROM visibility WHERE run_key NOT IN (SELECT run_key FROM executions)"
    ):
        yield Problem("lists show a run that is not there", workflow_id, run_id)


def _runs(
    connection: sqlite3.Connection, known: Mapping[str, Namespace], checked: Checked, progress: Progress
) -> Iterator[Problem]:
    (total,) = connection.execute("SELECT count(*) FROM executions").fetchone()
    rows = connection.execute(
        "SELECT run_key, namespace_id, workflow_id, run_id, status, next_event_id, deadline, pending, unevented"
        " FROM executions ORDER BY run_key"
    )
    for values in rows:
        if checked.runs % PROGRESS_EVERY == 0:
            progress(checked.runs, total)
        checked.runs += 1
        yield from _run(connection, _Row(*values), known, checked)
    progress(checked.runs, total)


def _run(
    connection: sqlite3.Connection, row: _Row, known: Mapping[str, Namespace], checked: Checked
) -> Iterator[Problem]:
    namespace = known.get(row.namespace_id)
    if namespace is None:
        yield row.problem(f"its namespace {row.namespace_id} is not there")
        return
    batches = histories.batches(connection, row.run_key, 1, EVERYTHING)
    try:
        events = [(batch.first_event_id, parse(batch.events)) for batch in batches]
    except DecodeError as error:
        yield row.problem(f"its history cannot be parsed: {error}")
        return
    checked.events += sum(len(batch) for _, batch in events)
    gap = _gap(events, row.next_event_id)
    if gap is not None:
        yield row.problem(gap)
        return
    try:
        execution = _rebuild(row, namespace, known, b"".join(batch.events for batch in batches))
    except Exception as error:  # whatever an applier or a decoder makes of bytes that are not what they were
        yield row.problem(f"its history does not rebuild: {type(error).__name__}: {error}")
        return
    yield from map(row.problem, _differences(row, execution))
    yield from map(row.problem, _differences_in_lists(connection, row, execution))


def _gap(batches: list[tuple[int, list[HistoryEvent]]], next_event_id: int) -> str | None:
    """Where the event ids stop counting up by one."""
    expected = 1
    for first_event_id, events in batches:
        if first_event_id != expected:
            return f"event {expected} is missing: a batch begins with {first_event_id}"
        for event in events:
            if event.event_id != expected:
                return f"event {expected} is missing: {event.event_id} stands in its place"
            expected += 1
    if expected != next_event_id:
        return f"its history ends with event {expected - 1}, its row says {next_event_id - 1}"
    return None


def _rebuild(row: _Row, namespace: Namespace, known: Mapping[str, Namespace], fragment: bytes) -> Execution:
    def find_namespace(name: str) -> Namespace:
        for found in known.values():
            if found.name == name:
                return found
        raise NamespaceNotFound(name)

    execution = Execution(
        row.namespace_id, namespace.name, row.workflow_id, row.run_id, Settings(), lambda: "", find_namespace
    )
    execution.history = History(split(fragment))
    execution.replay(parse(fragment))
    execution.restore(row.unevented)
    return execution


def _differences(row: _Row, execution: Execution) -> Iterator[str]:
    """Between the row and what its history rebuilds to."""
    if execution.status != row.status:
        yield f"its row says {_status(row.status)}, its history {_status(execution.status)}"
    deadline = execution.next_deadline()
    stamp = None if deadline is None else deadline.timestamp()
    if stamp != row.deadline:
        yield f"its row is due at {row.deadline}, its state at {stamp}"
    # Of a closed run that has told its relatives what they wait for, the row alone knows that it has.
    has_spoken = not execution.is_running and not row.pending
    if execution.has_pending_work != bool(row.pending) and not has_spoken:
        yield "its row and its state disagree about whether somebody waits for it"
    if execution.unevented() != row.unevented:
        yield "what no event tells is not the same after it was read and packed again"


def _differences_in_lists(connection: sqlite3.Connection, row: _Row, execution: Execution) -> Iterator[str]:
    shown = visibility.record_of(connection, row.run_key)
    if shown is None:
        yield "lists do not show it"
        return
    expected = execution.visibility_record(row.run_key)
    for name in COMPARED:
        mine, theirs = _plain(getattr(expected, name)), _plain(getattr(shown, name))
        if mine != theirs:
            yield f"lists show {name} {theirs!r}, its history says {mine!r}"


def _plain(value: Any) -> Any:
    """No memo and an empty memo are one."""
    return None if hasattr(value, "ByteSize") and not value.ByteSize() else value


def _status(number: int) -> str:
    try:
        name = WorkflowExecutionStatus.Name(number)  # type: ignore[arg-type]
    except ValueError:
        return f"status {number}"
    return name.removeprefix("WORKFLOW_EXECUTION_STATUS_")
