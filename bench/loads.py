"""Which program drives the servers: the Go one where Go is there (it costs a fraction of the CPU), else the Python one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "bench" / "load"
BUILT = ROOT / ".make" / "bench-load"
LIMIT_SECONDS = 1800.0
# Messages of the SDK about a server that is busy are no result.
_QUIET = {"PYTHONWARNINGS": "ignore"}


@dataclass(frozen=True)
class Load:
    """A program that takes an address and flags, and prints one JSON object."""

    name: str
    command: tuple[str, ...]

    def run(self, address: str, *flags: str) -> dict[str, Any]:
        told = subprocess.run(
            [*self.command, address, *flags],
            cwd=ROOT,
            env={**os.environ, **_QUIET},
            stdout=subprocess.PIPE,
            check=True,
            timeout=LIMIT_SECONDS,
        )
        answer: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
        return answer


PYTHON = Load("Python SDK", (sys.executable, "-m", "bench.driver"))


def find(wanted: str = "auto") -> tuple[Load, str]:
    """The load to use, and a remark when it is not the one that was hoped for."""
    if wanted == "python":
        return PYTHON, ""
    built, reason = _build()
    if built:
        return Load("Go SDK", (str(BUILT),)), ""
    if wanted == "go":
        raise SystemExit(f"error: the Go load cannot be built: {reason}")
    return PYTHON, f"note: the Go load cannot be built ({reason}); the Python one costs more CPU than most servers"


def _build() -> tuple[bool, str]:
    if BUILT.exists() and BUILT.stat().st_mtime > max(file.stat().st_mtime for file in SOURCE.iterdir()):
        return True, ""
    if shutil.which("go") is None:
        return False, "go is not on PATH"
    BUILT.parent.mkdir(exist_ok=True)
    made = subprocess.run(
        ["go", "build", "-o", str(BUILT), "."],
        cwd=SOURCE,
        env={**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"},
        capture_output=True,
        text=True,
        check=False,
    )
    return made.returncode == 0, made.stderr.strip().splitlines()[-1] if made.stderr.strip() else ""


def flags(**values: object) -> Sequence[str]:
    """`at_once=50` → `--at-once 50`."""
    return [word for name, value in values.items() for word in (f"--{name.replace('_', '-')}", str(value))]
