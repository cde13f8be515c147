"""What a person has set for themselves and wants to find again: saved filters, columns, the theme."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Settings:
    """Kept in a file of its own; one that cannot be read or written is as good as none."""

    path: Path | None = None
    filters: dict[str, str] = field(default_factory=dict)
    columns: list[str] = field(default_factory=list)
    theme: str = ""

    def save(self) -> bool:
        if self.path is None:
            return True
        kept = {"filters": self.filters, "columns": self.columns, "theme": self.theme}
        new = self.path.with_name(self.path.name + ".new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            new.replace(self.path)
        except OSError:
            return False
        return True


def load_settings(path: Path) -> Settings:
    try:
        kept: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        kept = {}
    if not isinstance(kept, dict):
        kept = {}
    filters, columns, theme = kept.get("filters"), kept.get("columns"), kept.get("theme")
    return Settings(
        path,
        {str(name): str(query) for name, query in filters.items()} if isinstance(filters, dict) else {},
        [str(name) for name in columns] if isinstance(columns, list) else [],
        theme if isinstance(theme, str) else "",
    )


def settings_path(environ: Mapping[str, str]) -> Path:
    home = Path(environ.get("HOME") or os.path.expanduser("~"))
    return Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "wfctl" / "tui.json"
