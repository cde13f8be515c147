"""The oracle kits, where they lie beside the repository: recorded answers and histories of the real server.

`WFCTL_SHARED` names another place for them. A case that differs on purpose is listed in docs/compatibility.md with its reason;
one that is listed and passes fails here too, so that the list stays true.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import ROOT, running_server

SHARED = Path(os.environ.get("WFCTL_SHARED", ROOT.parent / "shared"))
KIT_LIMIT_SECONDS = 1200

# What is not built yet, by the names that the kits give it.
LATER_SCENARIOS = ("nexus_*", "schedule_*", "batch_*", "versioning_*", "activity_pause_*")
GROUPS = (
    "start", "signal", "query", "update", "wft", "activity",
    "history", "lifecycle", "describe", "taskqueue", "namespace", "system",
)  # fmt: skip
SERVER_OPTIONS = ("--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=50")

pytestmark = [
    pytest.mark.skipif(not (SHARED / "golden" / "kit.py").is_file(), reason="the oracle kits are not here"),
    pytest.mark.timeout(KIT_LIMIT_SECONDS + 60),
]


def listed_differences() -> set[str]:
    """The names in the first column of docs/compatibility.md's table of cases."""
    return set(re.findall(r"^\| `([^`]+)` \|", (ROOT / "docs" / "compatibility.md").read_text(), re.MULTILINE))


def run_kit(kit: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(SHARED / kit / "kit.py"), "check", *arguments],
        capture_output=True,
        text=True,
        timeout=KIT_LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr[-4000:]
    return done.stdout


def judge(failed: dict[str, Any], ran: set[str]) -> None:
    """What differs must be listed, and what is listed must differ."""
    listed = listed_differences()
    unexpected = {name: why for name, why in failed.items() if name not in listed}
    assert not unexpected, json.dumps(unexpected, indent=1)[:6000]
    assert not (listed & ran) - failed.keys(), "listed in docs/compatibility.md, but they agree"


def test_histories_are_those_of_the_real_server(tmp_path: Path) -> None:
    recorded = sorted(path.stem for path in (SHARED / "golden" / "goldens").glob("*.json"))
    names = [name for name in recorded if not any(fnmatch(name, later) for later in LATER_SCENARIOS)]
    with running_server(tmp_path, options=SERVER_OPTIONS) as server:
        told = run_kit("golden", "--json", "--retries", "1", "--address", server.address, "--only", *names)
    results = json.loads(told[: told.rindex("}") + 1])["results"]
    assert {result["name"] for result in results} == set(names)
    failed = {result["name"]: result.get("diffs") for result in results if result["status"] != "passed"}
    judge(failed, set(names))


def test_answers_are_those_of_the_real_server(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    groups = [word for group in GROUPS for word in ("--only", f"{group}/")]
    with running_server(tmp_path) as server:
        run_kit("contract", "--report", str(report), "--address", server.address, *groups)
    results: dict[str, Any] = json.loads(report.read_text())
    failed = {name: result for name, result in results.items() if result["error"] or result["diffs"]}
    judge(failed, set(results))
