"""Answers to single requests: codes, messages, details and fields, as the real server gives them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import kits
from tests.support.server import running_server

pytestmark = pytest.mark.timeout(kits.KIT_SECONDS + 60)

GROUPS = (
    "start",
    "signal",
    "query",
    "update",
    "wft",
    "activity",
    "history",
    "lifecycle",
    "describe",
    "taskqueue",
    "namespace",
    "system",
)
CASES = [case for group in GROUPS for case in kits.names("contract", f"{group}/*.json")]

Results = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """One run of the kit for all cases."""
    kit = kits.require("contract")
    directory = tmp_path_factory.mktemp("contract")
    report: Path = directory / "report.json"
    only = [word for group in GROUPS for word in ("--only", f"{group}/*")]
    with running_server(directory, options=kits.SERVER_OPTIONS) as server:
        command = [sys.executable, str(kit), "check", "--address", server.address, "--report", str(report), *only]
        done = subprocess.run(
            [*command, "--retries", "2"], capture_output=True, text=True, timeout=kits.KIT_SECONDS, check=False
        )
    assert report.is_file(), f"the kit ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    read: Results = json.loads(report.read_text())
    return read


@pytest.mark.skipif(not CASES, reason=f"no contract kit in {kits.SHARED}; hint: set WFCTL_SHARED")
@pytest.mark.parametrize("case", CASES)
def test_an_answer_is_what_the_real_server_gives(results: Results, case: str) -> None:
    result = results[case]
    differences = [
        f"{d['path']}\n  expected {json.dumps(d['expected'], ensure_ascii=False)}"
        f"\n  actual   {json.dumps(d['actual'], ensure_ascii=False)}"
        for d in result["diffs"]
    ]
    failure = "\n".join([result["error"] or "", *differences]).strip()
    if case in kits.deliberate_differences():
        assert failure, "docs/compatibility.md lists a difference that is gone"
        pytest.xfail("deliberate: see docs/compatibility.md")
    assert not failure, failure
