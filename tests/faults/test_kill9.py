"""`kill -9` under load: what was acknowledged is there, once, and everything goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.killer import DEPOSITS, KILLS, LEAST_WORKFLOWS
from tests.support.server import ROOT
from wfctl.devserver.storage.failpoints import POINTS

LOAD_SECONDS = 110 + 5 * KILLS


@pytest.mark.timeout(LOAD_SECONDS + 10)
def test_nothing_acknowledged_is_lost_when_the_server_is_killed_under_load(tmp_path: Path) -> None:
    """In a process of its own, which also ends the SDK's native threads."""
    command = [sys.executable, "-m", "tests.faults.killer", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LOAD_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr[-8000:]
    report = json.loads(done.stdout.splitlines()[-1])  # the SDK logs to stdout
    print(json.dumps(report))
    assert report["kills"] >= KILLS
    assert set(POINTS) <= set(report["deaths"]), "a boundary of the commit was never met"
    acknowledged, workflows = report["acknowledged"], report["workflows"]
    assert acknowledged["start"] == acknowledged["update"] == workflows >= LEAST_WORKFLOWS
    signals = sum(count for kind, count in acknowledged.items() if kind.startswith("signal"))
    assert signals == workflows * DEPOSITS
    assert report["requests_interrupted"] > 0
    under_load = [count for count in report["open_workflows_at_kills"] if count > 0]
    assert len(under_load) >= KILLS * 3 // 4, "the kills met no load"
    assert report["checks"] >= KILLS // 10
    assert report["runs_in_the_last_check"] >= 2 * workflows
