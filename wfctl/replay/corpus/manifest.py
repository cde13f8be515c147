"""What is known of a corpus: where it is from, when, which path each history stands for, and what it does not cover."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from wfctl.errors import CommandError
from wfctl.replay.sources import MANIFEST

VERSION = 1


@dataclass(slots=True)
class Entry:
    """One history file of the corpus."""

    file: str
    workflow_id: str
    run_id: str
    workflow_type: str
    outcome: str
    path: str
    events: int
    stands_for: int = 1
    patches: list[str] = field(default_factory=list)
    signals: list[str] = field(default_factory=list)
    updates: list[str] = field(default_factory=list)
    retried: list[str] = field(default_factory=list)
    sdk: str = ""
    started: str = ""
    recorded: str = ""
    last_seen: str = ""


@dataclass(slots=True)
class Manifest:
    origin: str
    recorded: str
    payloads: str
    selection: dict[str, Any] = field(default_factory=dict)
    seen: int = 0
    wfctl: str = ""
    histories: list[Entry] = field(default_factory=list)
    not_covered: list[dict[str, Any]] = field(default_factory=list)
    version: int = VERSION

    @property
    def by_path(self) -> dict[str, Entry]:
        return {entry.path: entry for entry in self.histories}

    def write(self, directory: Path) -> None:
        self.histories.sort(key=lambda one: one.file)
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"
        (directory / MANIFEST).write_text(text, encoding="utf-8")


def read(directory: Path) -> Manifest | None:
    """The manifest of a corpus; None when the directory has none."""
    file = directory / MANIFEST
    if not file.is_file():
        return None
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
        if value.get("version") != VERSION:
            raise CommandError(f"{file} is of version {value.get('version')}; this wfctl writes version {VERSION}")
        return _manifest(value)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise CommandError(f"{file} cannot be read: {error}") from error


def _manifest(value: Mapping[str, Any]) -> Manifest:
    known = {name: value[name] for name in Manifest.__dataclass_fields__ if name in value}
    known["histories"] = [
        Entry(**{name: item for name, item in one.items() if name in Entry.__dataclass_fields__})
        for one in value.get("histories", [])
    ]
    return Manifest(**known)
