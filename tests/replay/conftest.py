"""A project of its own for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.replay.building import GREETING, Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty directory."""
    return Project(tmp_path)


@pytest.fixture
def greeting(project: Project) -> Project:
    """The greeting workflow in greeting.py, and one history that it replays."""
    project.write("greeting.py", GREETING)
    project.history()
    return project
