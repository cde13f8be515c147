"""What a corpus covers, and how old it is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.replay.building import Finished, Project, event, one_activity

FLOW = """\
from datetime import timedelta

from temporalio import workflow

SHORT = timedelta(seconds=5)


@workflow.defn
class Greeting:
    @workflow.run
    async def run(self, name: str) -> str:
        if workflow.patched("politer"):
            await workflow.execute_local_activity("bow", name, start_to_close_timeout=SHORT)
        if name == "slow":
            await workflow.sleep(5)
            name = name.upper()
        return await workflow.execute_activity(
            "greet",
            name,
            start_to_close_timeout=SHORT,
        )

    @workflow.query
    def status(self) -> str:
        return "greeting"


@workflow.defn
class Forgotten:
    @workflow.run
    async def run(self) -> None:
        await workflow.sleep(1)
"""


def status(project: Project, *args: str) -> Finished:
    return project.run("replay", "status", "greeting", "-H", "histories", *args)


@pytest.fixture
def covered(project: Project) -> Project:
    project.write("greeting.py", FLOW)
    project.history()
    return project


def of(done: Finished, name: str) -> Any:
    return next(one for one in done.document["types"] if one["type"] == name)


def test_lines_of_workflow_code_that_no_history_runs_are_named(covered: Project) -> None:
    done = status(covered, "-o", "json")
    assert done.code == 0, done.err
    greeting = of(done, "Greeting")
    ranges = [(one["from"], one["to"]) for one in greeting["never_replayed"]]
    assert ranges == [(13, 13), (15, 16)]
    assert (greeting["statements"], greeting["statements_replayed"]) == (6, 3)


def test_the_side_of_a_patch_that_no_history_takes_is_named(covered: Project) -> None:
    (patch,) = of(status(covered, "-o", "json"), "Greeting")["patches"]
    assert (patch["id"], patch["lacking"]) == ("politer", ["patched"])


def test_kinds_of_commands_that_no_history_has_are_named(covered: Project) -> None:
    greeting = of(status(covered, "-o", "json"), "Greeting")
    assert greeting["command_kinds_lacking"] == ["LOCAL_ACTIVITY_MARKER", "START_TIMER"]
    assert "SCHEDULE_ACTIVITY_TASK" in greeting["command_kinds"]


def test_types_without_histories_and_histories_without_types_are_named(covered: Project) -> None:
    covered.history("other.json", one_activity(workflow_type="Vanished", workflow_id="v", run_id="v"))
    done = status(covered, "-o", "json")
    assert of(done, "Forgotten")["histories"] == 0
    assert done.document["unknown_types"] == ["Vanished"]


def test_a_history_that_fails_is_named(covered: Project) -> None:
    timer = [
        event(5, "TimerStarted", timerId="1", startToFireTimeout="5s", workflowTaskCompletedEventId="4"),
        event(6, "TimerFired", timerId="1", startedEventId="5"),
    ]
    covered.history("slept.json", [*one_activity()[:4], *timer, event(7, "WorkflowTaskScheduled")])
    (failing,) = status(covered, "-o", "json").document["failing"]
    assert failing["history"] == "histories/slept.json"
    assert failing["detail"].startswith("nondeterminism")


def test_text_has_a_card_for_each_type(covered: Project) -> None:
    done = status(covered)
    assert "3 of 6 statements are replayed (50 %)" in done.out
    assert "greeting.py:15-16" in done.out
    assert "politer (greeting.py:12): no history patched" in done.out
    assert "none" in done.out


def test_age_and_coverage_can_be_demanded(covered: Project) -> None:
    assert status(covered, "--min-coverage", "40", "--max-age", "100000").code == 1
    (covered.root / "greeting.py").write_text(FLOW[: FLOW.index("@workflow.defn\nclass Forgotten")])
    assert status(covered, "--min-coverage", "40", "--max-age", "100000").code == 0
    old = status(covered, "--max-age", "1")
    assert old.code == 1
    assert "its newest history is" in old.err
