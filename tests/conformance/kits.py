"""The conformance kits: recordings of the real server, kept beside the checkout in `shared` (or at WFCTL_SHARED)."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.support.server import ROOT

SHARED = Path(os.environ.get("WFCTL_SHARED") or ROOT.parent / "shared")
COMPATIBILITY = ROOT / "docs" / "compatibility.md"
KIT_SECONDS = 540

# The goldens were recorded on a server with this setting; nothing else of its configuration shows.
SERVER_OPTIONS = ("--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=50")

_ROW = re.compile(r"^\|\s*`([\w/]+)`\s*\|", re.MULTILINE)


def names(kit: str, pattern: str) -> list[str]:
    """The kit's recorded names; without the kit none, and its tests say so (`require`)."""
    goldens = SHARED / kit / "goldens"
    return sorted(path.relative_to(goldens).with_suffix("").as_posix() for path in goldens.glob(pattern))


def require(kit: str) -> Path:
    """The kit's program. The recordings are not part of this repository, so doing without them is no failure."""
    program = SHARED / kit / "kit.py"
    if not program.is_file():
        pytest.skip(f"no {kit} kit at {program}; hint: set WFCTL_SHARED")
    return program


def deliberate_differences() -> frozenset[str]:
    """Names in the first column of docs/compatibility.md's tables: where wfctl means to differ, with the reason."""
    if not COMPATIBILITY.is_file():
        return frozenset()
    return frozenset(_ROW.findall(COMPATIBILITY.read_text()))
