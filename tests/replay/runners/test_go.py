"""`wfctl replay check --lang go` on a real module, with the module's own SDK."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.replay.runners import projects

pytestmark = [pytest.mark.needs_go, pytest.mark.timeout(600)]

FINE: tuple[Any, ...] = ("compatible",)
AUDIT_GONE = ("nondeterminism", "patch-removed-too-early", 11)
FITS = {
    "shipped": FINE,
    "declined": FINE,
    "approved": FINE,
    "waiting": FINE,
    "subscription": FINE,
    "audited": AUDIT_GONE,
}


def told(rule: str, **events: int) -> dict[str, tuple[Any, ...]]:
    return FITS | {name: ("nondeterminism", rule, event) for name, event in events.items()}


EXPECTED: dict[str, dict[str, tuple[Any, ...]]] = {
    "compatible": FITS,
    "patched": FITS | {"audited": FINE},
    "activity-added": told("activity-added", shipped=11, declined=11, approved=11, waiting=11) | {"audited": FINE},
    "activity-renamed": told("activity-renamed", shipped=5, declined=5, approved=5, waiting=5, audited=5),
    "timer-added": told("timer-added", shipped=5, declined=5, approved=5, waiting=5, audited=5),
    "timer-removed": told("timer-removed", shipped=11, declined=11, approved=11, waiting=11),
    "child-id-changed": told("child-id-changed", shipped=22, approved=27),
    # Where an open run has no such activity to come any more, nothing tells that it is not a new one.
    "reordered": told("activity-reordered", shipped=5, declined=5, approved=5, audited=5)
    | {"waiting": ("nondeterminism", "activity-added", 5)},
    "signal-removed": told("signal-handler-changed", approved=21),
    "continue-removed": told("continue-as-new-changed", subscription=16),
    "ends-otherwise": told("workflow-outcome-changed", shipped=31, approved=36),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    projects.require("go")
    return projects.copied("go", tmp_path_factory.mktemp("project"))


@pytest.mark.parametrize("version", EXPECTED)
def test_each_version_gets_its_verdicts(project: Path, version: str) -> None:
    done = projects.check(project, "go", f"./versions/{version}")
    assert done.told == EXPECTED[version], done.stderr
    assert done.code == (0 if version == "patched" else 10)


def test_the_diff_holds_both_commands(project: Path) -> None:
    done = projects.check(project, "go", "./versions/activity-renamed:Order")
    (finding,) = done.result("shipped")["findings"]
    assert (finding["recorded"]["name"], finding["produced"]["name"]) == ("Reserve", "ReserveStock")
    assert finding["location"]["file"] == "versions/activity-renamed/orders.go"
    assert '"ReserveStock"' in finding["location"]["text"]
    assert done.told["subscription"] == ("unregistered", "unregistered", 1)


def test_a_panic_is_shown_with_its_line(project: Path) -> None:
    done = projects.check(project, "go", "wfctl.test/orders/versions/raises:Register")
    assert done.told["shipped"] == ("workflow_error", "workflow-raised", None)
    location = done.result("shipped")["location"]
    assert (location["file"], location["text"]) == ("versions/raises/orders.go", "order.Item = lost.Item")


def test_a_version_that_is_gone_is_a_patch_removed_too_early(project: Path) -> None:
    done = projects.check(project, "go", "./versions/support-removed")
    assert done.told["audited"] == ("nondeterminism", "patch-removed-too-early", 11)
    assert done.result("audited")["location"]["file"] == "versions/support-removed/orders.go"
    assert done.told["shipped"] == ("nondeterminism", "nondeterminism", None)


def test_an_input_that_the_code_cannot_take_is_a_decode_error(project: Path) -> None:
    done = projects.check(project, "go", "./versions/undecodable")
    assert (done.code, done.told["shipped"]) == (13, ("decode_error", "payload-undecodable", 1))


def test_a_name_that_is_not_registered_is_unregistered(project: Path) -> None:
    done = projects.check(project, "go", "./versions/unregistered:Register")
    assert (done.code, done.told["shipped"]) == (12, ("unregistered", "unregistered", 1))
    assert "it has: Purchase, Receipt, Subscription" in done.result("shipped")["detail"]


def test_code_that_ends_the_process_does_not_end_the_check(project: Path) -> None:
    done = projects.check(project, "go", "./versions/exits", "--jobs", "2")
    assert done.told["shipped"] == ("workflow_error", "process-exited", None)
    assert "exit code 3" in done.result("shipped")["detail"]
    assert "its last words: going" in done.result("shipped")["detail"]
    assert done.told["subscription"] == FINE


def test_a_workflow_that_spins_is_a_deadlock(project: Path) -> None:
    done = projects.check(project, "go", "./versions/spins")
    assert done.told["shipped"] == ("timeout", "deadlock", None)
    assert done.result("shipped")["location"]["file"] == "versions/spins/orders.go"
    assert done.told["subscription"] == FINE


def test_workflows_of_package_main_are_replayed_and_main_does_not_run(project: Path) -> None:
    done = projects.check(project, "go", "./versions/in-main", "--skip-unregistered")
    assert done.told == FITS | {"subscription": ("skipped",)}


def test_code_that_does_not_compile_is_shown_as_theirs(project: Path) -> None:
    done = projects.check(project, "go", "./versions/broken")
    assert done.code == 17
    assert "versions/broken/orders.go:6:9: undefined: nothing" in done.stderr


def test_nothing_is_left_in_the_module(project: Path) -> None:
    before = projects.files(project)
    projects.check(project, "go", "./versions/base")
    projects.check(project, "go", "./versions/broken")
    assert projects.files(project) == before
