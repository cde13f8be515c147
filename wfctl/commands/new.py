"""`wfctl new TEMPLATE [DIR]`: a project that runs, to start from.

The templates are ordinary projects: `templates/` in a source checkout, `wfctl/_templates` in an installed package.
Each has a `template.toml` (its summary and the commands to run next), which is not copied; in the text of all other
files `{{ name }}` stands for the project's name.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from wfctl.errors import CommandError, ExitCode, UsageMistake

MANIFEST = "template.toml"
NAME_TOKEN = "{{ name }}"
_LEFT_BEHIND = {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".venv", "node_modules", ".wfctl"}


@dataclass(frozen=True, slots=True)
class Template:
    name: str
    path: Path
    summary: str
    next_steps: tuple[str, ...]

    def files(self) -> Iterator[Path]:
        """What a project gets, relative to the template; never what a run of the template left there."""
        for path in sorted(self.path.rglob("*")):
            relative = path.relative_to(self.path)
            if path.is_file() and relative.name != MANIFEST and not _LEFT_BEHIND & set(relative.parts):
                yield relative


def templates_directory() -> Path:
    """Beside the modules in an installed package; at the top of the repository in a source checkout."""
    package = Path(__file__).resolve().parents[1]
    for candidate in (package / "_templates", package.parent / "templates"):
        if candidate.is_dir():
            return candidate
    raise CommandError(
        f"the templates are missing from this installation: {package / '_templates'}", hint="install wfctl again"
    )


def load_templates() -> dict[str, Template]:
    """Every template by name."""
    found = {}
    for manifest in sorted(templates_directory().glob(f"*/{MANIFEST}")):
        facts = tomllib.loads(manifest.read_text(encoding="utf-8"))
        name = manifest.parent.name
        found[name] = Template(name, manifest.parent, facts["summary"], tuple(facts["next_steps"]))
    return found


def find_template(name: str) -> Template:
    templates = load_templates()
    if name in templates:
        return templates[name]
    raise UsageMistake(f"there is no template {name!r}", hint=f"one of: {', '.join(templates)}")


def create_project(template: Template, directory: Path) -> list[Path]:
    """Copy the template into a directory that is new or empty; returns the files written."""
    _require_room(directory)
    name = _project_name(directory)
    written = []
    for relative in template.files():
        target = directory / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        content = (template.path / relative).read_bytes()
        target.write_bytes(content.replace(NAME_TOKEN.encode(), name.encode()))
        written.append(target)
    return written


def _require_room(directory: Path) -> None:
    if directory.exists() and not directory.is_dir():
        raise CommandError(f"{directory} is a file", hint="name another directory", exit_code=ExitCode.ALREADY_EXISTS)
    if directory.is_dir() and any(directory.iterdir()):
        raise CommandError(
            f"{directory} is not empty, and nothing in it was touched",
            hint="name a new or empty directory: wfctl new TEMPLATE DIR",
            exit_code=ExitCode.ALREADY_EXISTS,
        )


def _project_name(directory: Path) -> str:
    """A name that a package index accepts, made from the directory's."""
    return re.sub(r"[^a-z0-9]+", "-", directory.resolve().name.lower()).strip("-") or "project"


def new(
    template: Annotated[str | None, typer.Argument(help="Which template; without one, they are listed.")] = None,
    directory: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help="A new or empty directory; named after the template if absent."),
    ] = None,
) -> None:
    """Make a project from a template."""
    if template is None:
        for known in load_templates().values():
            typer.echo(f"{known.name:<16}{known.summary}")
        return
    chosen = find_template(template)
    target = directory if directory is not None else Path(chosen.name)
    create_project(chosen, target)
    typer.echo(target)
    typer.echo(f"made {target} from template {chosen.name}: {chosen.summary}\n\nnext:", err=True)
    for step in (f"cd {target}", *chosen.next_steps):
        typer.echo(f"  {step}", err=True)


app = new
"""The name under which the command tree looks for it."""
