"""The documents say what is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from wfctl.cli import NOUNS
from wfctl.errors import ExitCode

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("0*.md"))
ARCHITECTURE = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_generated_documents_are_up_to_date() -> None:
    checked = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert checked.returncode == 0, checked.stderr


def test_the_readme_begins_with_the_two_commands() -> None:
    first_screen = "\n".join(README.splitlines()[:24])
    assert "$ make demo" in first_screen
    assert "$ make test" in first_screen


def test_the_readme_lists_every_noun_of_the_command_line() -> None:
    table = README.split("\n## Commands\n")[1].split("\n### ")[0]
    assert [noun for noun in NOUNS if f"| `wfctl {noun}" not in table] == []


def test_the_readme_lists_every_exit_code() -> None:
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    assert listed == {int(code) for code in ExitCode}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in DECISIONS if f"({path.name})" not in index] == []


def test_a_decision_has_its_number_in_its_title() -> None:
    titles = {path.name: path.read_text(encoding="utf-8").split("\n")[0] for path in DECISIONS}
    assert [name for name, title in titles.items() if not title.startswith(f"# {int(name[:4])}. ")] == []


def test_the_index_of_the_architecture_names_files_that_are_there() -> None:
    _, index = ARCHITECTURE.split("## Where is …?")
    rows = [line.split("|")[2:7] for line in index.split("\n## ")[0].splitlines() if line.startswith("| ")][2:]
    server = ROOT / "wfctl" / "devserver"
    folders = (server / "rpc", server, server / "core", server / "storage", ROOT / "wfctl" / "commands")
    missing = []
    for cells in rows:
        for folder, cell in zip(folders, cells, strict=True):
            beside = folder
            for name in re.findall(r"`([a-z_/]+)`", cell):
                found = [base / f"{name}.py" for base in (folder, beside)] + [folder / name]
                if not any(path.exists() for path in found):
                    missing.append(f"{folder.name}/{name}")
                if "/" in name:  # what follows without a folder is in the same one
                    beside = (folder / name).parent
    assert missing == []


def test_every_file_of_rpcs_is_in_the_index_of_the_architecture() -> None:
    from wfctl.devserver.rpc import TABLES

    index = ARCHITECTURE.split("## Where is …?")[1].split("\n## ")[0]
    modules = {next(iter(table.values())).__module__.rpartition(".")[2] for table in TABLES}
    assert [module for module in sorted(modules) if f"`{module}`" not in index] == []


def test_files_that_the_architecture_names_are_there() -> None:
    everywhere = [str(path.relative_to(ROOT)) for path in ROOT.glob("wfctl/**/*.py")]
    named = re.findall(r"`([a-z_/]+\.py)`", ARCHITECTURE)
    assert [name for name in named if not any(path.endswith(f"/{name}") for path in everywhere)] == []


def test_the_diagrams_draw_the_tables_of_core() -> None:
    diagrams = (ROOT / "docs" / "states.md").read_text(encoding="utf-8")
    assert "## Workflow task" in diagrams
    assert "scheduled --> started" in diagrams
