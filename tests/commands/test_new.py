"""`wfctl new`: what it writes, what it refuses, and that each template's own tests pass."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import wfctl_executable
from wfctl.commands.new import create_project, find_template, load_templates
from wfctl.errors import CommandError, ExitCode, UsageMistake


def test_every_template_says_what_it_is_and_what_to_do_next() -> None:
    templates = load_templates()
    assert {"hello", "order-saga"} <= set(templates)
    for template in templates.values():
        assert template.summary
        assert template.next_steps


def test_a_project_is_named_after_its_directory(tmp_path: Path) -> None:
    create_project(find_template("hello"), tmp_path / "My Shop")
    assert 'name = "my-shop"' in (tmp_path / "My Shop" / "pyproject.toml").read_text()
    assert "# my-shop" in (tmp_path / "My Shop" / "README.md").read_text()


@pytest.mark.parametrize("name", sorted(load_templates()))
def test_a_project_has_all_files_but_the_manifest(name: str, tmp_path: Path) -> None:
    written = create_project(find_template(name), tmp_path / "project")
    names = {path.name for path in written}
    assert {"README.md", "workflows.py", "activities.py", "worker.py", "starter.py"} <= names
    assert "template.toml" not in names
    assert not any(b"{{" in path.read_bytes() for path in written)


def test_an_empty_directory_is_filled(tmp_path: Path) -> None:
    assert create_project(find_template("hello"), tmp_path)


def test_a_directory_with_something_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(CommandError) as refused:
        create_project(find_template("hello"), tmp_path)
    assert refused.value.hint is not None
    assert refused.value.exit_code == ExitCode.ALREADY_EXISTS
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_an_unknown_template_names_those_that_exist() -> None:
    with pytest.raises(UsageMistake) as refused:
        find_template("no-such")
    assert refused.value.hint is not None
    assert "order-saga" in refused.value.hint


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", sorted(load_templates()))
def test_the_tests_of_a_new_project_pass(name: str, tmp_path: Path) -> None:
    create_project(find_template(name), tmp_path / "project")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path / "project",
        env={**os.environ, "TEMPORAL_DEV_SERVER": str(wfctl_executable(tmp_path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-2000:]
