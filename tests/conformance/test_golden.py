"""Histories, event for event, as the real server writes them."""

from __future__ import annotations

import json
import subprocess
import sys
from fnmatch import fnmatch
from typing import Any

import pytest

from tests.conformance import kits
from tests.support.server import running_server

pytestmark = pytest.mark.timeout(kits.KIT_SECONDS + 60)

# Nexus, schedules, batches, deployments and pausing are not served yet.
NOT_YET = ("nexus_*", "schedule_*", "batch_*", "versioning_*", "update_workflow_options_override", "activity_pause_*")
SCENARIOS = [name for name in kits.names("golden", "*.json") if not any(fnmatch(name, p) for p in NOT_YET)]

Results = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """One run of the kit for all scenarios."""
    kit = kits.require("golden")
    with running_server(tmp_path_factory.mktemp("golden"), options=kits.SERVER_OPTIONS) as server:
        command = [sys.executable, str(kit), "check", "--address", server.address, "--json", "--retries", "2"]
        done = subprocess.run(
            [*command, "--only", *SCENARIOS], capture_output=True, text=True, timeout=kits.KIT_SECONDS, check=False
        )
    report, _ = json.JSONDecoder().raw_decode(done.stdout.lstrip() or "{}")
    assert report, f"the kit ended with {done.returncode}:\n{done.stderr[-4000:]}"
    return {result["name"]: result for result in report["results"]}


@pytest.mark.skipif(not SCENARIOS, reason=f"no golden kit in {kits.SHARED}; hint: set WFCTL_SHARED")
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_history_is_what_the_real_server_writes(results: Results, scenario: str) -> None:
    result = results[scenario]
    differences = [json.dumps(difference, ensure_ascii=False) for difference in result.get("diffs", [])]
    failure = "\n".join([result.get("error", ""), *differences]).strip()
    if scenario in kits.deliberate_differences():
        assert failure, "docs/compatibility.md lists a difference that is gone"
        pytest.xfail("deliberate: see docs/compatibility.md")
    assert result["status"] == "passed", failure
