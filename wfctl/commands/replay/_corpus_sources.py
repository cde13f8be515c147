"""Where `record` and `refresh` take runs from, and what they do with payloads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wfctl.commands._session import Session
from wfctl.errors import CommandError, UsageMistake

if TYPE_CHECKING:
    from temporalio.api.history.v1 import HistoryEvent

    from wfctl.replay.corpus.collecting import Judge, Rewrite
    from wfctl.replay.sources import Selection, StoredHistory

PAYLOADS = ("stored", "decoded", "redacted", "encoded")


def origin(opened: Session, wanted: dict[str, Any]) -> str:
    """Where the runs come from, in words."""
    if wanted.get("histories"):
        return ", ".join(wanted["histories"])
    if wanted.get("database"):
        return f"{wanted['database']} (namespace {opened.namespace})"
    return f"{opened.connection.address} (namespace {opened.namespace})"


def runs(opened: Session, wanted: dict[str, Any]) -> Iterator[StoredHistory]:
    """Runs to choose from. A server or file is asked for each outcome by itself, so that rare ones are found."""
    from wfctl.replay.database_source import DatabaseSource
    from wfctl.replay.server_source import ServerSource
    from wfctl.replay.sources import STATUSES, from_paths, status_name

    if wanted.get("histories"):
        yield from from_paths(wanted["histories"])
        return
    source: ServerSource | DatabaseSource
    if wanted.get("database"):
        source = DatabaseSource(wanted["database"], opened.namespace, lambda _: None)
    else:
        source = ServerSource(_service(opened, wanted["payloads"]), opened.namespace, lambda _: None)
    statuses = [status_name(name) for name in wanted.get("status") or ()] or [
        name for name in STATUSES if name != "Paused"
    ]
    for status in statuses:
        yield from source.matching(_selection(opened, wanted, status))


def _selection(opened: Session, wanted: dict[str, Any], status: str) -> Selection:
    from wfctl.commands.replay._sources import moment
    from wfctl.replay.sources import Selection

    return Selection(
        query=wanted.get("query") or "",
        types=tuple(wanted.get("type") or ()),
        statuses=(status,),
        since=moment(wanted["since"], opened.now) if wanted.get("since") else None,
        limit=wanted["limit"],
    )


def _service(opened: Session, payloads: str) -> Any:
    """With `stored`, payloads must come as the server holds them, whatever codec is configured."""
    if payloads in ("decoded", "redacted") or opened.connection.codec is None:
        return opened.workflow_service
    from wfctl.client import Client

    return Client(replace(opened.connection, codec=None), identity=opened.flags.get("identity")).workflow_service


def rewriting(opened: Session, wanted: dict[str, Any]) -> Rewrite:
    """What to do with the events of a history before they are written."""
    how = wanted["payloads"]
    if how == "stored":
        return list
    if how == "encoded":
        return _through(_codec(opened, wanted, "encode"))
    decode = _codec_or_none(opened, wanted, "decode")
    decoded: Rewrite = _through(decode) if decode is not None else list
    if how == "decoded":
        if decode is None and opened.connection.codec is None:
            raise UsageMistake("--payloads decoded needs a codec", hint="--codec-endpoint, or a TARGET that has one")
        return decoded
    from wfctl.replay.corpus.redaction import Redactor
    from wfctl.replay.lint.literals import literals

    known = literals(wanted.get("targets") or (), wanted.get("path") or ())
    redactor = Redactor(known)
    encode = _codec_or_none(opened, wanted, "encode")
    encoded: Rewrite = _through(encode) if encode is not None else list  # so that the same code still reads it
    return lambda events: encoded(redactor.redact(decoded(events)))


Codec = Callable[[Sequence[Any]], Sequence[Any]]


def _through(codec: Codec) -> Rewrite:
    from wfctl.client.codec import payloads_in

    def rewrite(events: Sequence[HistoryEvent]) -> list[HistoryEvent]:
        changed = list(events)
        for event in changed:
            if event.WhichOneof("attributes") == "marker_recorded_event_attributes":
                continue  # the SDK's own markers are never encoded
            payloads = payloads_in(event)
            for payload, converted in zip(payloads, codec(payloads) if payloads else (), strict=True):
                payload.CopyFrom(converted)
        return changed

    return rewrite


def _codec(opened: Session, wanted: dict[str, Any], operation: str) -> Codec:
    codec = _codec_or_none(opened, wanted, operation)
    if codec is not None:
        return codec
    if opened.connection.codec is None:
        raise UsageMistake("--payloads encoded needs a codec", hint="--codec-endpoint, or a TARGET that has one")
    from wfctl.client.codec import RemoteCodec

    remote = RemoteCodec(opened.connection.codec, opened.namespace)
    return remote.encode


def _codec_or_none(opened: Session, wanted: dict[str, Any], operation: str) -> Codec | None:
    """The codec of the target's own data converter."""
    if not wanted.get("targets"):
        return None
    from wfctl.replay import loader
    from wfctl.replay.messages import LoadFailure

    try:
        target = loader.load(wanted["targets"], wanted.get("path") or ())
    except LoadFailure as failure:
        raise CommandError(failure.sentence, hint=failure.hint or None) from failure
    codec = getattr(target.options.get("data_converter"), "payload_codec", None)
    if codec is None:
        return None
    return lambda payloads: asyncio.run(getattr(codec, operation)(payloads))


def judging(wanted: dict[str, Any]) -> Judge | None:
    """A check with the code that was named, for histories whose payloads were rewritten."""
    if not wanted.get("targets") or wanted["payloads"] not in ("redacted", "encoded"):
        return None
    from wfctl.replay.checker import Checker, CheckOptions
    from wfctl.replay.messages import WorkerOptions
    from wfctl.replay.sources import StoredHistory

    def judge(histories: list[tuple[str, bytes]]) -> dict[str, str]:
        options = CheckOptions(WorkerOptions(tuple(wanted["targets"]), tuple(wanted.get("path") or ())))
        stored = (StoredHistory(name, proto=wire) for name, wire in histories)
        results = Checker(options).results(stored)
        return {one.history: f"it fails: {one.detail}" for one in results if not one.verdict.passes}

    return judge
