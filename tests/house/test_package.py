"""The package as it is installed."""

from __future__ import annotations

import tomllib
from pathlib import Path

import wfctl

ROOT = Path(__file__).resolve().parents[2]


def test_the_version_is_said_once_and_the_same() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == wfctl.__version__
