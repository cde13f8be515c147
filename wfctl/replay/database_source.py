"""Histories out of a dev server's database file, read only; the server may run, or be stopped, or be gone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from wfctl.errors import CommandError, ExitCode, UsageMistake
from wfctl.replay.sources import STATUSES, Selection, StoredHistory, choose

# The schema is the dev server's; history.position is run_key << 20 | first event id.
_POSITION_BITS = 20


@dataclass(frozen=True, slots=True)
class _Run:
    run_key: int
    workflow_id: str
    run_id: str
    workflow_type: str


@dataclass(slots=True)
class DatabaseSource:
    """One namespace in one file."""

    path: str
    namespace: str
    note: Callable[[str], None]

    def matching(self, selection: Selection) -> Iterator[StoredHistory]:
        """The runs that a selection chooses, newest first."""
        if selection.query:
            raise UsageMistake(
                "--query needs a server; a database file is filtered by --type, --status and --since",
                hint="start a server on the file: wfctl server start-dev --db-filename FILE",
            )
        where, parameters = _conditions(selection)
        runs = choose(self._runs(where, parameters), selection, lambda run: run.workflow_type, self.note)
        for run in runs:
            yield self._stored(run)

    def by_id(self, workflow_ids: Iterable[str], run_id: str = "") -> Iterator[StoredHistory]:
        """The latest run of each workflow, or the one run that is named."""
        for workflow_id in workflow_ids:
            run = self.find(workflow_id, run_id)
            if run is None:
                what = f"workflow '{workflow_id}'" + (f" with run '{run_id}'" if run_id else "")
                hint = f"it is looked for in the namespace '{self.namespace}' (-n)"
                raise CommandError(f"there is no {what} in {self.path}", hint=hint, exit_code=ExitCode.NOT_FOUND)
            yield run

    def find(self, workflow_id: str, run_id: str) -> StoredHistory | None:
        where, parameters = " AND e.workflow_id = ?", [workflow_id]
        if run_id:
            where, parameters = where + " AND e.run_id = ?", [*parameters, run_id]
        run = next(self._runs(where, parameters), None)
        return None if run is None else self._stored(run)

    def _stored(self, run: _Run) -> StoredHistory:
        return StoredHistory(
            f"db:{run.workflow_id}/{run.run_id}",
            database=self.path,
            run_key=run.run_key,
            workflow_id=run.workflow_id,
            run_id=run.run_id,
            workflow_type=run.workflow_type,
        )

    def _runs(self, where: str, parameters: list[Any]) -> Iterator[_Run]:
        with closing(open_read_only(self.path)) as connection:
            found = connection.execute("SELECT id FROM namespaces WHERE name = ?", (self.namespace,)).fetchone()
            if found is None:
                names = ", ".join(row[0] for row in connection.execute("SELECT name FROM namespaces ORDER BY name"))
                raise CommandError(
                    f"there is no namespace '{self.namespace}' in {self.path}",
                    hint=f"its namespaces: {names}",
                    exit_code=ExitCode.NOT_FOUND,
                )
            rows = connection.execute(
                "SELECT e.run_key, e.workflow_id, e.run_id, coalesce(v.workflow_type, '') FROM executions e"
                " LEFT JOIN visibility v ON v.run_key = e.run_key"
                f" WHERE e.namespace_id = ?{where} ORDER BY e.run_key DESC",
                (found[0], *parameters),
            )
            try:
                for row in rows:
                    yield _Run(*row)
            except sqlite3.Error as error:
                raise CommandError(f"{self.path} cannot be read: {error}") from error


def _conditions(selection: Selection) -> tuple[str, list[Any]]:
    where = ""
    parameters: list[Any] = []
    if selection.types:
        where += f" AND v.workflow_type IN ({', '.join('?' * len(selection.types))})"
        parameters += list(selection.types)
    if selection.statuses:
        where += f" AND v.status IN ({', '.join('?' * len(selection.statuses))})"
        parameters += [STATUSES[name] for name in selection.statuses]
    if selection.since is not None:
        where += " AND v.start_time >= ?"
        parameters.append(int(selection.since.timestamp() * 1_000_000_000))
    return where, parameters


def open_read_only(path: str) -> sqlite3.Connection:
    """A connection that cannot write. A stopped server's directory may itself be read-only: then nobody else writes."""
    if not Path(path).is_file():
        hint = "--database takes the file that a dev server was started with (--db-filename)"
        raise CommandError(f"there is no database file '{path}'", hint=hint, exit_code=ExitCode.NOT_FOUND)
    address = f"file:{quote(str(Path(path).resolve()))}?mode=ro"
    failure: sqlite3.Error | None = None
    for variant in (address, address + "&immutable=1"):
        connection = sqlite3.connect(variant, uri=True)
        try:
            connection.execute("SELECT 1 FROM executions, history, namespaces LIMIT 1").fetchone()
        except sqlite3.Error as error:
            connection.close()
            failure = failure or error
            continue
        return connection
    raise CommandError(
        f"{path} is not a wfctl database: {failure}", hint="name the file that a dev server was started with"
    )


def history_bytes(path: str, run_key: int) -> bytes:
    """One run's history, serialized."""
    with closing(open_read_only(path)) as connection:
        rows = connection.execute(
            "SELECT events FROM history WHERE position BETWEEN ? AND ? ORDER BY position",
            (run_key << _POSITION_BITS, (run_key + 1 << _POSITION_BITS) - 1),
        )
        return b"".join(row[0] for row in rows)
