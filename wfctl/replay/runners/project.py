"""What every language's set-up needs: what is wanted, where the project is, how its tools are run."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wfctl.errors import UsageMistake
from wfctl.replay.messages import LoadFailure


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says about code of another language."""

    language: str
    """python, typescript, go or java."""
    targets: tuple[str, ...]
    project: str = ""
    class_path: str = ""
    command: str = ""


def project_of(wanted: Wanted, place: Path, marks: Sequence[str]) -> Path:
    """The directory that `--project` names, or the nearest one above a place that holds one of these files."""
    if wanted.project:
        directory = Path(wanted.project).resolve()
        if not directory.is_dir():
            raise UsageMistake(f"--project {wanted.project} is not a directory")
        return directory
    start = place.resolve()
    for directory in (start, *start.parents):
        if any((directory / mark).is_file() for mark in marks):
            return directory
    raise LoadFailure(
        ", ".join(wanted.targets),
        f"there is no {' or '.join(marks)} in {start} or above it",
        hint="name the project's directory with --project",
    )


def run(argv: Sequence[str], directory: Path, target: str, environment: Mapping[str, str] | None = None) -> str:
    """stdout of a tool of the user's; raises `LoadFailure` with what it said."""
    try:
        done = subprocess.run(
            argv, cwd=directory, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise LoadFailure(
            target, f"{argv[0]} is not on PATH", hint=f"install it, or add it to PATH: {argv[0]}"
        ) from error
    if done.returncode != 0:
        said = "\n".join(filter(None, [done.stdout.strip(), done.stderr.strip()]))
        raise LoadFailure(target, f"{' '.join(argv[:2])} failed:\n{_shortened(said)}")
    return done.stdout


def _shortened(text: str, most_lines: int = 20) -> str:
    lines = text.splitlines()
    return "\n".join(
        lines if len(lines) <= most_lines else [*lines[:most_lines], f"… ({len(lines) - most_lines} more lines)"]
    )
