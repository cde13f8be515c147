"""`wfctl replay check --lang ts` on a real project, with the project's own SDK."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.replay.runners import projects

pytestmark = [pytest.mark.needs_node, pytest.mark.timeout(300)]

FINE: tuple[Any, ...] = ("compatible",)
PATCH_GONE = ("nondeterminism", "patch-removed-too-early", 11)
FITS = {
    "shipped": FINE,
    "declined": FINE,
    "approved": FINE,
    "waiting": FINE,
    "subscription": FINE,
    "audited": PATCH_GONE,
}


def told(rule: str, **events: int) -> dict[str, tuple[Any, ...]]:
    return FITS | {name: ("nondeterminism", rule, event) for name, event in events.items()}


EXPECTED: dict[str, dict[str, tuple[Any, ...]]] = {
    "compatible": FITS,
    "patched": FITS | {"audited": FINE},
    "child-removed": told("child-removed", shipped=22, approved=28),
    "child-id-changed": told("child-id-changed", shipped=22, approved=28),
    "continue-removed": told("continue-as-new-changed", subscription=16),
    "ends-otherwise": told("workflow-outcome-changed", shipped=31, approved=37),
    "activity-renamed": told("activity-renamed", shipped=5, declined=5, approved=5, waiting=5, audited=5),
    "timer-added": told("timer-added", shipped=5, declined=5, approved=5, waiting=5, audited=5),
    "timer-removed": told("timer-removed", shipped=11, declined=11, approved=11, waiting=11),
    "activity-added": told("activity-added", shipped=11, declined=11, approved=11, waiting=11),
    # Where an open run has no such activity to come any more, nothing tells that it is not a new one.
    "reordered": told("activity-reordered", shipped=5, declined=5, approved=5, audited=5)
    | {"waiting": ("nondeterminism", "activity-added", 5)},
    "signal-removed": told("signal-handler-changed", approved=21),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    projects.require("typescript")
    return projects.copied("typescript", tmp_path_factory.mktemp("project"))


@pytest.mark.parametrize("version", EXPECTED)
def test_each_version_gets_its_verdicts(project: Path, version: str) -> None:
    done = projects.check(project, "ts", f"versions/{version}.ts")
    assert done.told == EXPECTED[version], done.stderr
    assert done.code == (0 if version == "patched" else 10)


def test_the_diff_holds_both_commands(project: Path) -> None:
    done = projects.check(project, "typescript", "versions/activity-renamed.ts", "--type", "Order")
    (finding,) = done.result("shipped")["findings"]
    assert (finding["recorded"]["name"], finding["produced"]["name"]) == ("reserve", "reserveStock")
    assert finding["diff"][-1]["produced"]["kind"] == "SCHEDULE_ACTIVITY_TASK"
    assert "[TMPRL" not in finding["message"]
    assert finding["location"]["text"] == "await reserveStock(order.item);"
    assert done.result("subscription")["verdict"] == "skipped"


def test_an_exception_is_shown_with_its_line(project: Path) -> None:
    done = projects.check(project, "ts", "versions/raises.ts")
    assert done.told["shipped"] == ("workflow_error", "workflow-raised", None)
    location = done.result("shipped")["location"]
    assert (location["file"], location["function"]) == ("versions/raises.ts", "Order")
    assert location["text"] == "throw new TypeError('no such item');"


def test_a_workflow_has_no_process_to_end(project: Path) -> None:
    done = projects.check(project, "ts", "versions/exits.ts", "--type", "Order")
    assert (done.code, done.told["shipped"]) == (11, ("workflow_error", "workflow-raised", None))
    assert done.result("shipped")["location"]["text"] == "process.exit(3);"


def test_a_type_that_is_not_exported_is_unregistered(project: Path) -> None:
    done = projects.check(project, "ts", "versions/unregistered.ts")
    assert (done.code, done.told["shipped"]) == (12, ("unregistered", "unregistered", 1))
    skipping = projects.check(project, "ts", "versions/unregistered.ts", "--skip-unregistered")
    assert (skipping.code, skipping.told["shipped"], skipping.told["subscription"]) == (0, ("skipped",), FINE)


def test_a_workflow_that_spins_times_out_and_the_others_are_judged(project: Path) -> None:
    done = projects.check(project, "ts", "versions/spins.ts", "--timeout", "4", "--jobs", "2")
    assert {name: told[0] for name, told in done.told.items()} == dict.fromkeys(FITS, "timeout") | {
        "subscription": "compatible"
    }


def test_code_that_cannot_be_bundled_is_shown_as_theirs(project: Path) -> None:
    done = projects.check(project, "ts", "versions/broken.ts")
    assert done.code == 17
    assert "Can't resolve './does-not-exist'" in done.stderr
    assert "at versions/broken.ts:1" in done.stderr
    assert "modules by path" not in done.stderr


def test_a_module_can_make_the_options(project: Path) -> None:
    (project / "replaying.mjs").write_text(
        "export const options = () => ({ workflowsPath: new URL('./versions/compatible.ts', import.meta.url).pathname });\n"
    )
    assert projects.check(project, "ts", "replaying.mjs:options").told == FITS
    refused = projects.check(project, "ts", "replaying.mjs:others")
    assert refused.code == 17
    assert "does not export 'others'" in refused.stderr


def test_a_project_without_the_sdk_is_told_what_to_install(tmp_path: Path) -> None:
    projects.require("typescript")
    (tmp_path / "package.json").write_text("{}")
    (tmp_path / "workflows.ts").write_text("export async function Order() {}\n")
    (tmp_path / "histories").mkdir()
    done = projects.check(tmp_path, "ts", "workflows.ts")
    assert done.code == 17
    assert "@temporalio/worker is not installed" in done.stderr
