"""What a dev server was asked for, with every flag resolved; `app.serve` takes it from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from temporalio.api.enums.v1 import IndexedValueType

from wfctl.devserver.settings import Settings

LogLevel = Literal["debug", "info", "warn", "error", "never"]
LogFormat = Literal["text", "json"]
OutputFormat = Literal["text", "json", "jsonl", "none"]


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """One start of the server."""

    # None: in memory only
    db_path: Path | None = None
    durability: Literal["full", "normal"] = "full"
    sqlite_pragmas: Mapping[str, str] = field(default_factory=dict)
    ip: str = "localhost"
    # 0: a free one
    port: int = 7233
    # made at start where they are missing; "default" always is
    namespaces: tuple[str, ...] = ("default",)
    # added to each of them
    search_attributes: Mapping[str, IndexedValueType.ValueType] = field(default_factory=dict)
    # of those namespaces; None leaves it as it is, and a new one keeps everything
    retention_seconds: float | None = None
    settings: Settings = field(default_factory=Settings)
    # namespaces of the config file, whose attributes and retention are their own
    declared: tuple[DeclaredNamespace, ...] = ()
    # a JSON file that appears once the server answers
    ports_file: Path | None = None
    output: OutputFormat = "text"
    log_level: LogLevel = "warn"
    log_format: LogFormat = "text"


@dataclass(frozen=True, slots=True)
class DeclaredNamespace:
    """A namespace as the config file wants it; what it does not mention is left alone."""

    name: str
    description: str | None = None
    owner_email: str | None = None
    retention_seconds: float | None = None
    search_attributes: Mapping[str, IndexedValueType.ValueType] = field(default_factory=dict)
