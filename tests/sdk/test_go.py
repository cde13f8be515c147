"""Real Go SDK workers against the server."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.sdk.report import COMMON, DRIVER_SECONDS, Report, run_driver
from tests.support.server import ROOT, running_server, wfctl_executable

# The first build on a machine compiles the SDK.
pytestmark = [pytest.mark.needs_go, pytest.mark.timeout(DRIVER_SECONDS + 300)]

PROJECT = ROOT / "tests" / "sdk" / "go"
BANK = (
    "loan_applications",
    "loan_serviced_across_runs",
    "pending_retries_are_visible",
    "versions_and_side_effects",
    "reset_runs_again",
    "encrypted_payloads",
    "worker_restart_resumes",
)
NAMES = (*COMMON, "signal_with_start", *BANK)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Built from modules that are already here: a test run never downloads."""
    executable = tmp_path_factory.mktemp("go") / "sdk"
    environment = {**os.environ, "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"}
    built = subprocess.run(
        ["go", "build", "-o", str(executable), "."],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode != 0:
        reason = f"it does not build; hint: make setup-sdk\n{built.stderr}"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return str(executable)


@pytest.fixture(scope="module")
def report(driver: str, tmp_path_factory: pytest.TempPathFactory) -> Report:
    with running_server(tmp_path_factory.mktemp("server")) as server:
        return run_driver([driver, "--address", server.address])


@pytest.mark.parametrize("scenario", NAMES)
def test_a_go_worker_runs(report: Report, scenario: str) -> None:
    report.check(scenario)


def test_no_scenario_is_left_out(report: Report) -> None:
    assert set(report.lines) == set(NAMES)


def test_start_local_starts_wfctl_by_path(driver: str, tmp_path: Path) -> None:
    names = ["order_saga_ships", "update_validated"]
    report = run_driver([driver, "--start-local", wfctl_executable(tmp_path), "--only", ",".join(names)])
    for name in names:
        report.check(name)
    assert report.exit_code == 0, report.stderr
