"""Which histories were asked for: by path, server, id or database file, in any mix; for every command that replays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

from wfctl.commands._session import Session
from wfctl.errors import UsageMistake

if TYPE_CHECKING:
    from wfctl.replay.chain import Chain
    from wfctl.replay.database_source import DatabaseSource
    from wfctl.replay.server_source import ServerSource
    from wfctl.replay.sources import Selection, StoredHistory

_DEFAULT_LIMIT = 500


def histories_of(opened: Session, wanted: dict[str, Any]) -> tuple[Iterator[StoredHistory], Chain]:
    """The histories, and what finds the runs that they lead to."""
    from wfctl.replay.chain import Chain
    from wfctl.replay.database_source import DatabaseSource
    from wfctl.replay.server_source import ServerSource
    from wfctl.replay.sources import from_paths

    parts: list[Iterator[StoredHistory]] = []
    if wanted.get("histories"):
        parts.append(from_paths(wanted["histories"]))
    ids, query, database = wanted.get("workflow_id", ()), wanted.get("query", ""), wanted.get("database", "")
    if wanted.get("run_id") and len(ids) != 1:
        raise UsageMistake("--run-id belongs to one --workflow-id", hint="name the workflow: --workflow-id ID")
    wants_list = bool(query) or (not ids and any(wanted.get(key) for key in ("status", "since", "sample", "per_type")))
    if not (parts or ids or wants_list or database):
        wants_list = bool(wanted.get("type"))
    server: ServerSource | None = None
    file: DatabaseSource | None = None
    source: ServerSource | DatabaseSource
    if database:
        source = file = DatabaseSource(database, opened.namespace, opened.out.note)
        wants_list = wants_list or not ids
    elif ids or wants_list:
        source = server = ServerSource(opened.workflow_service, opened.namespace, opened.out.note)
    elif not parts:
        hint = "--histories PATH names files and directories, --query and --workflow-id ask a server, --database a file"
        raise UsageMistake("no histories were named", hint=hint)
    if database or ids or wants_list:
        if ids:
            parts.append(source.by_id(ids, wanted.get("run_id", "")))
        if wants_list:
            parts.append(source.matching(_selection(opened, wanted)))
    return chain(*parts), Chain(server, file)


def _selection(opened: Session, wanted: dict[str, Any]) -> Selection:
    from wfctl.replay.sources import Selection, status_name

    return Selection(
        query=wanted.get("query", ""),
        types=tuple(wanted.get("type", ())),
        statuses=tuple(status_name(name) for name in wanted.get("status", ())),
        since=moment(wanted["since"], opened.now) if wanted.get("since") else None,
        limit=wanted.get("limit", 0 if wanted.get("sample") else _DEFAULT_LIMIT),
        per_type=wanted.get("per_type", 0),
        sample=wanted.get("sample", 0),
        seed=wanted.get("seed", 0),
    )


def moment(text: str, now: datetime) -> datetime:
    """`7d`, `12h`: so long ago; anything else is a time."""
    from wfctl.view.durations import parse_duration

    try:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except ValueError:
        pass
    try:
        ago: timedelta = parse_duration(text)
    except Exception as error:
        raise UsageMistake(f"--since '{text}' is neither a duration nor a time", hint="7d, or 2026-01-31") from error
    return now - ago
