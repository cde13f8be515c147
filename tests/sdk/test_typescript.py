"""Real TypeScript SDK workers against the server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.sdk.report import COMMON, DRIVER_SECONDS, Report, run_driver
from tests.support.server import ROOT, running_server, wfctl_executable

pytestmark = [pytest.mark.needs_node, pytest.mark.timeout(DRIVER_SECONDS + 30)]

PROJECT = ROOT / "tests" / "sdk" / "typescript"
PROPERTY = (
    "property_onboarding",
    "property_onboarding_refused",
    "property_analysis",
    "loan_approval",
    "loan_rejected_at_once",
    "property_purchase_saga",
    "portfolio_of_children",
    "dynamic_steps",
    "fallback_after_retries",
    "validation_error_is_not_retried",
    "versioned_with_patches",
    "monitored_activity",
    "graceful_shutdown",
)
NAMES = (*COMMON, "signal_with_start", *PROPERTY)


@pytest.fixture(scope="module")
def driver() -> list[str]:
    if not (PROJECT / "node_modules").is_dir():
        reason = "its packages are not installed; hint: make setup-sdk"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return ["node", str(PROJECT / "driver.js")]


@pytest.fixture(scope="module")
def report(driver: list[str], tmp_path_factory: pytest.TempPathFactory) -> Report:
    with running_server(tmp_path_factory.mktemp("server")) as server:
        return run_driver([*driver, "--address", server.address])


@pytest.mark.parametrize("scenario", NAMES)
def test_a_typescript_worker_runs(report: Report, scenario: str) -> None:
    report.check(scenario)


def test_no_scenario_is_left_out(report: Report) -> None:
    assert set(report.lines) == set(NAMES)


def test_start_local_starts_wfctl_by_path(driver: list[str], tmp_path: Path) -> None:
    names = ["order_saga_ships", "update_validated"]
    only = [word for name in names for word in ("--only", name)]
    report = run_driver([*driver, "--start-local", wfctl_executable(tmp_path), *only])
    for name in names:
        report.check(name)
    assert report.exit_code == 0, report.stderr
