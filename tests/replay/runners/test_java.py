"""`wfctl replay check --lang java` on a real Maven project, with the project's own SDK."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.replay.runners import projects

pytestmark = [pytest.mark.needs_java, pytest.mark.timeout(600)]

FINE: tuple[Any, ...] = ("compatible",)
SKIPPED: tuple[Any, ...] = ("skipped",)
AUDIT_GONE = ("nondeterminism", "patch-removed-too-early", 11)
FITS = {"shipped": FINE, "declined": FINE, "approved": FINE, "waiting": FINE, "audited": AUDIT_GONE}


def told(rule: str, **events: int) -> dict[str, tuple[Any, ...]]:
    return FITS | {name: ("nondeterminism", rule, event) for name, event in events.items()}


EXPECTED: dict[str, dict[str, tuple[Any, ...]]] = {
    "compatible": FITS,
    "activityrenamed": told("activity-renamed", shipped=5, declined=5, approved=5, waiting=5, audited=5),
    "timeradded": told("timer-added", shipped=5, declined=5, approved=5, waiting=5, audited=5),
    "timerremoved": told("timer-removed", shipped=11, declined=11, approved=11, waiting=11),
    "reordered": told("activity-reordered", shipped=5, declined=5, approved=5, audited=5)
    | {"waiting": ("nondeterminism", "activity-added", 5)},
    "childremoved": told("child-removed", shipped=22, approved=27),
    "childidchanged": told("child-id-changed", shipped=22, approved=27),
    "endsotherwise": told("workflow-outcome-changed", shipped=31, approved=36),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    projects.require("java")
    return projects.copied("java", tmp_path_factory.mktemp("project"))


def check(project: Path, target: str, *flags: str) -> projects.Checked:
    """With the class path of the original, which is compiled: Maven takes longer than all the rest."""
    compiled = projects.HERE / "java" / "target"
    class_path = f"{compiled / 'classes'}:{(compiled / 'classpath').read_text().strip()}"
    flags = flags if "--jobs" in flags else (*flags, "--jobs", "1")  # a second JVM costs more than it saves
    return projects.check(project, "java", target, "--classpath", class_path, *flags)


@pytest.mark.parametrize("version", EXPECTED)
def test_each_version_gets_its_verdicts(project: Path, version: str) -> None:
    done = check(project, f"test.orders.{version}.OrderWorkflowImpl", "--type", "Order")
    assert done.told == EXPECTED[version] | {"subscription": SKIPPED}, done.stderr
    assert done.code == 10


def test_a_package_brings_all_its_workflows(project: Path) -> None:
    done = check(project, "test.orders.patched")
    assert (done.code, done.told) == (0, FITS | {"audited": FINE, "subscription": FINE}), done.stderr


def test_a_run_that_no_longer_continues_is_named(project: Path) -> None:
    done = check(project, "test.orders.continueremoved", "--skip-unregistered")
    assert done.told["subscription"] == ("nondeterminism", "continue-as-new-changed", 16)


def test_the_diff_holds_both_commands(project: Path) -> None:
    done = check(project, "test.orders.activityrenamed", "--type", "Order")
    (finding,) = done.result("shipped")["findings"]
    assert (finding["recorded"]["name"], finding["produced"]["name"]) == ("Reserve", "ReserveStock")
    assert finding["location"]["text"] == "activities.reserveStock(order.item);"


def test_an_exception_is_shown_with_its_line(project: Path) -> None:
    done = check(project, "test.orders.raises", "--type", "Order")
    assert done.told["shipped"] == ("workflow_error", "workflow-raised", None)
    location = done.result("shipped")["location"]
    assert location["file"] == "src/main/java/test/orders/raises/OrderWorkflowImpl.java"
    assert location["text"] == 'throw new IllegalStateException("no such item");'


def test_a_version_that_is_gone_is_a_patch_removed_too_early(project: Path) -> None:
    done = check(project, "test.orders.supportremoved", "--type", "Order")
    assert done.told["audited"] == ("nondeterminism", "patch-removed-too-early", 11)


def test_an_input_that_the_code_cannot_take_is_a_decode_error(project: Path) -> None:
    done = check(project, "test.orders.undecodable", "--type", "Order")
    assert (done.code, done.told["shipped"]) == (13, ("decode_error", "payload-undecodable", 1))


def test_a_method_registers_workflows_and_what_it_lacks_is_unregistered(project: Path) -> None:
    assert check(project, "test.orders.base.Workers#register").told == FITS | {"subscription": FINE}
    done = check(project, "test.orders.base.ReceiptWorkflowImpl")
    assert (done.code, done.told["shipped"]) == (12, ("unregistered", "unregistered", 1))


def test_code_that_ends_the_process_does_not_end_the_check(project: Path) -> None:
    done = check(project, "test.orders.exits", "--type", "Order", "--jobs", "2")
    assert done.told["shipped"] == ("workflow_error", "process-exited", None)
    assert "exit code 3" in done.result("shipped")["detail"]
    assert done.told["audited"] == AUDIT_GONE


def test_a_workflow_that_spins_times_out(project: Path) -> None:
    done = check(project, "test.orders.spins", "--type", "Order", "--timeout", "6", "--jobs", "2")
    assert done.told["shipped"][0] == "timeout"
    assert done.told["audited"] == AUDIT_GONE


def test_a_class_that_is_not_there_is_shown_as_theirs(project: Path) -> None:
    done = check(project, "test.orders.Nothing")
    assert done.code == 17
    assert "no class or package 'test.orders.Nothing'" in done.stderr


def test_maven_compiles_the_project_and_names_its_class_path(project: Path) -> None:
    done = projects.check(project, "java", "test.orders.base")
    assert done.told == FITS | {"subscription": FINE}, done.stderr
