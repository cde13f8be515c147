"""From many runs to a directory of few: read, sort by path, choose, take out what is private, write, check, remember."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from temporalio.api.history.v1 import History, HistoryEvent

from wfctl import __version__
from wfctl.errors import CommandError
from wfctl.replay import reading
from wfctl.replay.corpus.manifest import Entry, Manifest
from wfctl.replay.corpus.selecting import Candidate, Pool
from wfctl.replay.corpus.shape import Shape, shape_of
from wfctl.replay.sources import StoredHistory
from wfctl.view.protojson import to_json

COMPRESSED_FROM = 2000
"""Histories of so many events are written as .json.gz."""

Events = list[HistoryEvent]
Rewrite = Callable[[Sequence[HistoryEvent]], Events]
Judge = Callable[[list[tuple[str, bytes]]], dict[str, str]]
"""Named serialized histories → why each of those that do not replay does not."""


@dataclass(slots=True)
class Plan:
    """How to record."""

    directory: Path
    origin: str
    now: str
    per_type: int = 20
    payloads: str = "stored"
    selection: dict[str, Any] = field(default_factory=dict)
    rewrite: Rewrite = list
    judge: Judge | None = None
    """Checks that histories still replay after their payloads were rewritten."""


@dataclass(slots=True)
class Recorded:
    """What was done."""

    manifest: Manifest
    added: list[str] = field(default_factory=list)
    renewed: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    pruned: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Run:
    """A candidate's history as it was read: small enough to keep, for there is one for each path."""

    workflow_id: str
    run_id: str
    wire: bytes


def record(
    stored: Iterable[StoredHistory], plan: Plan, before: Manifest | None = None, *, prune: bool = False
) -> Recorded:
    """Make a corpus, or bring the one that `before` tells of up to date."""
    recorded = Recorded(Manifest(plan.origin, plan.now, plan.payloads, plan.selection, wfctl=__version__))
    pool = _read(stored, recorded)
    if not pool.seen and before is None:
        raise CommandError("there is no history to record", hint=_first(recorded.refused))
    kept, left = pool.chosen(plan.per_type)
    recorded.manifest.seen = pool.seen
    recorded.manifest.not_covered = [_left(one) for one in left]
    plan.directory.mkdir(parents=True, exist_ok=True)
    _keep(kept, plan, before, recorded)
    _carry_over(plan, before, recorded, prune=prune)
    recorded.manifest.write(plan.directory)
    return recorded


def _read(stored: Iterable[StoredHistory], recorded: Recorded) -> Pool[Run]:
    pool: Pool[Run] = Pool()
    for one in stored:
        if one.failure:
            recorded.refused.append(f"{one.origin}: {one.failure}")
            continue
        for history in reading.read(one):
            if isinstance(history, reading.BadHistory):
                if not (history.no_history and one.found_by_search):
                    recorded.refused.append(f"{one.origin}: {history.reason}")
                continue
            wire = History(events=history.events).SerializeToString()
            pool.add(shape_of(history.events), Run(history.workflow_id, history.run_id, wire))
    return pool


def _first(reasons: Sequence[str]) -> str | None:
    return reasons[0] if reasons else None


def _left(one: Candidate[Run]) -> dict[str, Any]:
    return {
        "workflow_type": one.shape.workflow_type,
        "outcome": one.shape.outcome,
        "path": one.shape.key,
        "runs": one.stands_for,
        "why": "there are more paths of this type than --per-type",
    }


def _keep(kept: Sequence[Candidate[Run]], plan: Plan, before: Manifest | None, recorded: Recorded) -> None:
    rewritten = {one.shape.key: _rewritten(one, plan) for one in kept}
    spoilt = _spoilt(kept, rewritten, plan)
    known = before.by_path if before is not None else {}
    for one in kept:
        key = one.shape.key
        if key in spoilt:
            recorded.manifest.not_covered.append({**_left(one), "why": f"without its payloads {spoilt[key]}"})
            continue
        old = known.get(key)
        if old is not None and old.run_id == one.run.run_id and (plan.directory / old.file).is_file():
            old.last_seen, old.stands_for = plan.now, one.stands_for
            recorded.manifest.histories.append(old)
            continue
        name = _file_name(one.shape)
        _write(plan.directory / name, rewritten[key])
        if old is not None and old.file != name:
            (plan.directory / old.file).unlink(missing_ok=True)
        recorded.manifest.histories.append(_entry(one, name, plan.now))
        (recorded.renewed if old is not None else recorded.added).append(name)


def _rewritten(one: Candidate[Run], plan: Plan) -> Events:
    return plan.rewrite(History.FromString(one.run.wire).events)


def _spoilt(kept: Sequence[Candidate[Run]], rewritten: dict[str, Events], plan: Plan) -> dict[str, str]:
    """Paths that replay as they were and no longer do: what was taken out decided something."""
    if plan.judge is None:
        return {}
    after = plan.judge([(key, History(events=events).SerializeToString()) for key, events in rewritten.items()])
    suspects = [(one.shape.key, one.run.wire) for one in kept if one.shape.key in after]
    already = plan.judge(suspects) if suspects else {}
    return {key: reason for key, reason in after.items() if key not in already}


def _carry_over(plan: Plan, before: Manifest | None, recorded: Recorded, *, prune: bool) -> None:
    """What was recorded before and is not on the server any more still stands for its path, unless it is pruned."""
    paths = {entry.path for entry in recorded.manifest.histories}
    for entry in before.histories if before is not None else ():
        if entry.path in paths:
            continue
        file = plan.directory / entry.file
        if prune:
            file.unlink(missing_ok=True)
            recorded.pruned.append(entry.file)
        elif file.is_file():
            recorded.manifest.histories.append(entry)
            recorded.unseen.append(entry.file)


def _entry(one: Candidate[Run], name: str, now: str) -> Entry:
    shape = one.shape
    return Entry(
        name, one.run.workflow_id, one.run.run_id, shape.workflow_type, shape.outcome, shape.key, shape.events,
        one.stands_for, list(shape.patches), list(shape.signals), list(shape.updates), list(shape.retried), shape.sdk,
        shape.started, recorded=now, last_seen=now,
    )  # fmt: skip


def _file_name(shape: Shape) -> str:
    """The same for the same path, so that a refreshed corpus is a small change."""
    suffix = ".json.gz" if shape.events >= COMPRESSED_FROM else ".json"
    return f"{_slug(shape.workflow_type)}/{_slug(shape.outcome).lower()}-{shape.key[:8]}{suffix}"


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "workflow"


def _write(file: Path, events: Events) -> None:
    text = json.dumps(to_json(History(events=events), shorthand=False), indent=1, ensure_ascii=False) + "\n"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        data = text.encode()
        file.write_bytes(gzip.compress(data, mtime=0) if file.suffix == ".gz" else data)
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}") from error
