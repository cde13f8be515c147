"""Where histories come from: files, directories and stdin. Names them; what is in them is read in the worker processes.

A `StoredHistory` is small and can be sent to another process; `text` or `proto` is set only when there is no file to
open there (stdin, a server's answer).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from wfctl.errors import CommandError, ExitCode

SUFFIXES = (".json", ".json.gz", ".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
STDIN = "-"


@dataclass(frozen=True, slots=True)
class StoredHistory:
    """One place that holds a history (a file may hold several). `origin` is how reports name it."""

    origin: str
    path: str = ""
    text: bytes = b""
    proto: bytes = b""
    database: str = ""
    run_key: int = 0
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
            raise CommandError(f"there is no file or directory '{name}'", exit_code=ExitCode.NOT_FOUND)
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
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _files(entry)
        elif entry.name.endswith(SUFFIXES):
            yield entry
