"""Running a driver once and asking for each scenario's line."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.server import ROOT

DRIVER_SECONDS = 300

# What every SDK's driver runs; the issue calls the first nine seven workflows, as two of them end in two ways.
COMMON = (
    "order_saga_ships",
    "order_saga_compensates",
    "approval_by_signal",
    "approval_times_out",
    "child_workflows",
    "fan_out",
    "heartbeat_resume",
    "update_validated",
    "continue_as_new_chain",
    "update_with_start",
    "cancel_reaches_the_activity",
    "namespaces_isolate",
    "histories_replay",
)


@dataclass(frozen=True)
class Report:
    lines: dict[str, dict[str, Any]]
    exit_code: int
    stderr: str

    def check(self, scenario: str) -> None:
        line = self.lines.get(scenario)
        assert line is not None, (
            f"{scenario} did not run; the driver ended with {self.exit_code}:\n{self.stderr[-4000:]}"
        )
        assert line["ok"], f"{line['error']}\n{line.get('cause', '')}\n{line.get('trace', '')}"


def run_driver(command: Sequence[str | Path], directory: Path = ROOT) -> Report:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    try:
        done = subprocess.run(
            command, cwd=directory, env=environment, capture_output=True, text=True, timeout=DRIVER_SECONDS, check=False
        )
        output, stderr, code = done.stdout, done.stderr, done.returncode
    except subprocess.TimeoutExpired as late:
        # What ran so far is worth more than a bare "timed out".
        output, stderr, code = _text(late.stdout), _text(late.stderr) + "\n(the driver took too long)", -1
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return Report({line["scenario"]: line for line in lines}, code, stderr)


def _text(output: bytes | str | None) -> str:
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""
