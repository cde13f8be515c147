"""Where histories come from: files, directories and stdin. Names them; what is in them is read in the worker processes.

A `StoredHistory` is small and can be sent to another process; `text` or `proto` is set only when there is no file to
open there (stdin, a server's answer).
"""

from __future__ import annotations

import gzip
import random
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeVar

from wfctl.errors import CommandError, ExitCode, UsageMistake

SUFFIXES = (".json", ".json.gz", ".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
STDIN = "-"
MANIFEST = "wfctl-corpus.json"
"""What `wfctl replay record` writes beside its histories; it is none itself."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoredHistory:
    """One place that holds a history (a file may hold several). `origin` is how reports name it."""

    origin: str
    path: str = ""
    text: bytes = b""
    proto: bytes = b""
    database: str = ""
    run_key: int = 0
    failure: str = ""
    """It could not be fetched; this is why."""
    missing: str = ""
    """Another history leads to it, but it is nowhere; this is what is known."""
    workflow_id: str = ""
    run_id: str = ""
    workflow_type: str = ""
    found_by_search: bool = False
    """Met while walking a directory rather than named: what turns out to be no history at all is skipped."""


def from_paths(paths: Iterable[str], stdin: BinaryIO | None = None) -> Iterator[StoredHistory]:
    """Every history file under these paths, in a stable order and each once; `-` is stdin."""
    seen: set[Path] = set()
    for name in paths:
        if name == STDIN:
            yield StoredHistory("stdin", text=(stdin or sys.stdin.buffer).read())
            continue
        path = Path(name)
        if not path.exists():
            hint = f"paths are relative to {Path.cwd()}; `wfctl replay record --to {name}` collects histories there"
            raise CommandError(f"there is no file or directory '{name}'", hint=hint, exit_code=ExitCode.NOT_FOUND)
        for file in _files(path):
            real = file.resolve()
            if real not in seen:
                seen.add(real)
                yield StoredHistory(str(file), path=str(file), found_by_search=path.is_dir())


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for entry in sorted(path.iterdir()):
        if entry.name.startswith(".") or entry.name == MANIFEST:
            continue
        if entry.is_dir():
            yield from _files(entry)
        elif entry.name.endswith(SUFFIXES):
            yield entry


# Choosing among many.

STATUSES = {
    "Running": 1,
    "Completed": 2,
    "Failed": 3,
    "Canceled": 4,
    "Terminated": 5,
    "ContinuedAsNew": 6,
    "TimedOut": 7,
    "Paused": 8,
}


def status_name(text: str) -> str:
    """A workflow status as visibility spells it, however it was typed."""
    wanted = text.replace("_", "").replace("-", "").replace(" ", "").lower().replace("cancelled", "canceled")
    for name in STATUSES:
        if name.lower() == wanted:
            return name
    raise UsageMistake(f"'{text}' is not a workflow status", hint=f"one of: {', '.join(STATUSES)}")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which runs of a server or a database file to take."""

    query: str = ""
    types: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    since: datetime | None = None
    limit: int = 0
    """At most so many, the newest; 0: all."""
    per_type: int = 0
    """At least so many of each type, even if `limit` or `sample` would leave them out."""
    sample: int = 0
    """So many at random; 0: no sampling."""
    seed: int = 0


def choose(
    runs: Iterable[T], selection: Selection, type_of: Callable[[T], str], note: Callable[[str], None]
) -> Iterator[T]:
    """The runs that a selection takes, in the order in which they came (newest first)."""
    if not selection.sample and not selection.per_type:
        yield from _newest(runs, selection.limit, note)
        return
    every = list(runs)
    taken = set(_sampled(range(len(every)), selection) if selection.sample else range(selection.limit or len(every)))
    of_type: dict[str, list[int]] = {}
    for index, run in enumerate(every):
        of_type.setdefault(type_of(run), []).append(index)
    for name, indexes in of_type.items():
        missing = min(selection.per_type, len(indexes)) - sum(1 for index in indexes if index in taken)
        taken.update([index for index in indexes if index not in taken][: max(0, missing)])
        if len(indexes) < selection.per_type:
            note(f"note: only {len(indexes)} of type {name} match; --per-type {selection.per_type} was asked for")
    if len(taken) < len(every):
        note(f"note: {len(taken)} of {len(every)} matching runs are taken")
    yield from (run for index, run in enumerate(every) if index in taken)


def _newest(runs: Iterable[T], limit: int, note: Callable[[str], None]) -> Iterator[T]:
    source = iter(runs)
    yield from islice(source, limit or None)
    if limit and next(source, None) is not None:
        note(f"note: the newest {limit} are taken; more match (--limit)")


def _sampled(indexes: Sequence[int], selection: Selection) -> list[int]:
    return random.Random(selection.seed).sample(indexes, min(selection.sample, len(indexes)))


# Following chains through files.


def sibling_of(stored: StoredHistory, run_id: str) -> StoredHistory | None:
    """The file beside this one that holds the history of a run."""
    directory = Path(stored.path).parent
    pattern = re.compile(
        rb'"original_?(?:E|e)xecution_?(?:R|r)un_?(?:I|i)d"\s*:\s*"' + re.escape(run_id.encode()) + b'"'
    )
    for file in _files(directory):
        if file.resolve() != Path(stored.path).resolve() and pattern.search(_content(file)):
            return StoredHistory(str(file), path=str(file), run_id=run_id)
    return None


def _content(file: Path) -> bytes:
    try:
        data = file.read_bytes()
        return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    except (OSError, EOFError):
        return b""
