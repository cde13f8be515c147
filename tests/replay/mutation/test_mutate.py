"""Changing code in memory, and what the histories catch of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.replay.building import Finished, Project, event, one_activity
from wfctl.replay.mutation import sites

FLOW = """\
from datetime import timedelta

from temporalio import activity, workflow

SHORT = timedelta(seconds=5)


@activity.defn
async def charge(order: str) -> str: ...


@workflow.defn
class Flow:
    def __init__(self) -> None:
        self.paused = False
        self.asked = 0

    @workflow.run
    async def run(self, order: str) -> str:
        if order == "slow":
            await workflow.sleep(5)
        receipt = await workflow.execute_activity(charge, order, start_to_close_timeout=SHORT)
        await workflow.execute_activity("audit", order, start_to_close_timeout=SHORT)
        if workflow.patched("notify"):
            await self._notify(order)
        await workflow.wait_condition(lambda: not self.paused)
        return receipt

    async def _notify(self, order: str) -> None:
        await workflow.execute_local_activity("notify", order, start_to_close_timeout=SHORT)

    @workflow.signal
    def pause(self) -> None:
        if not self.paused:
            self.paused = True

    @workflow.query
    def status(self) -> int:
        if self.paused:
            return 1
        return 0


async def main() -> None:
    if True:
        await charge("x")
"""


@pytest.fixture
def flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    (tmp_path / "flow.py").write_text(FLOW)
    monkeypatch.chdir(tmp_path)
    return [(one.kind, one.location.line) for one in sites.mutations(["flow.py"])]


def test_commands_are_dropped_doubled_renamed_and_swapped(flow: list[tuple[str, int]]) -> None:
    assert {kind for kind, line in flow if line == 22} == {
        "drop-command", "duplicate-command", "rename-command", "swap-commands",
    }  # fmt: skip


def test_sleeps_waits_patches_and_branches_have_changes_of_their_own(flow: list[tuple[str, int]]) -> None:
    assert ("change-branch", 20) in flow
    assert ("drop-sleep", 21) in flow
    assert {("invert-patch", 24), ("remove-patch", 24)} < set(flow)
    assert ("drop-wait", 26) in flow
    assert ("change-branch", 34) in flow


def test_helpers_are_changed_too_and_calls_of_them_count_as_commands(flow: list[tuple[str, int]]) -> None:
    assert ("drop-command", 25) in flow
    assert ("rename-command", 30) in flow


def test_what_replays_do_not_run_is_left_alone(flow: list[tuple[str, int]]) -> None:
    assert not [line for _, line in flow if line > 35]


def test_each_change_is_one_change_and_the_tree_is_as_it_was_afterwards(flow: list[tuple[str, int]]) -> None:
    found = sites.mutations(["flow.py"])
    assert len({one.code for one in found}) == len(found)
    assert [(one.kind, one.location.line) for one in sites.mutations(["flow.py"])] == flow


# The command.

TIMED = """\
from datetime import timedelta

from temporalio import workflow


@workflow.defn
class Greeting:
    @workflow.run
    async def run(self, name: str) -> str:
        if name == "slow":
            await workflow.sleep(5)
        return await workflow.execute_activity("greet", name, start_to_close_timeout=timedelta(seconds=5))
"""


def flagged(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As a worker of today records: activity types are compared."""
    events[3]["workflowTaskCompletedEventAttributes"]["sdkMetadata"] = {
        "coreUsedFlags": [1, 2, 3],
        "langUsedFlags": [1],
        "sdkName": "temporal-python",
        "sdkVersion": "1.35.0",
    }
    return events


def mutate(project: Project, *args: str) -> Finished:
    return project.run("replay", "mutate", "greeting", "-H", "histories", "-o", "json", *args)


@pytest.fixture
def timed(project: Project) -> Project:
    project.write("greeting.py", TIMED)
    project.history(events=flagged(one_activity()))
    return project


def test_what_is_caught_and_what_slips_through_is_told_with_its_line(timed: Project) -> None:
    done = mutate(timed)
    assert done.code == 0, done.err
    fates = {(one["kind"], one["location"]["line"]): (one["fate"], one["why"]) for one in done.document["mutations"]}
    assert fates[("drop-command", 12)][0] == "caught"
    assert fates[("rename-command", 12)][0] == "caught"
    assert fates[("change-branch", 10)][0] == "caught"
    assert fates[("drop-sleep", 11)] == ("slipped", "the line is never replayed")
    (of_type,) = done.document["workflows"]
    assert (of_type["type"], of_type["slipped"]) == ("Greeting", 1)
    assert (timed.root / "greeting.py").read_text() == TIMED


def test_another_history_closes_the_hole(timed: Project) -> None:
    before = mutate(timed).document["summary"]["score"]
    slow = flagged(one_activity(workflow_id="slow", run_id="slow"))
    slow[0]["workflowExecutionStartedEventAttributes"]["input"]["payloads"][0]["data"] = "InNsb3ci"
    timer = [
        event(5, "TimerStarted", timerId="1", startToFireTimeout="5s", workflowTaskCompletedEventId="4"),
        event(6, "TimerFired", timerId="1", startedEventId="5"),
    ]
    timed.history("slow.json", [*slow[:4], *timer])
    done = mutate(timed)
    assert done.document["summary"]["slipped"] == 0
    assert done.document["summary"]["score"] == 100.0 > before


def test_a_score_can_be_demanded(timed: Project) -> None:
    assert mutate(timed, "--min-score", "10").code == 0
    assert mutate(timed, "--min-score", "100").code == 1


def test_a_history_that_the_code_does_not_replay_is_left_out(timed: Project) -> None:
    other = one_activity(workflow_id="other", run_id="other")
    timer = [
        event(5, "TimerStarted", timerId="1", startToFireTimeout="5s", workflowTaskCompletedEventId="4"),
        event(6, "TimerFired", timerId="1", startedEventId="5"),
    ]
    timed.history("other.json", [*other[:4], *timer, event(7, "WorkflowTaskScheduled")])
    done = mutate(timed)
    assert done.document["summary"]["left_out"] == ["histories/other.json"]
    assert "does not replay on the unchanged code" in done.err


def test_a_change_that_makes_the_code_spin_or_leave_is_caught_and_ends_nothing(timed: Project) -> None:
    spinning = TIMED.replace(
        '        if name == "slow":\n            await workflow.sleep(5)\n',
        "        if len(name) > 100:\n            while True:\n                pass\n"
        "        if len(name) > 200:\n            import os; os._exit(3)\n            return ''\n",
    )
    timed.write("greeting.py", spinning)
    done = mutate(timed)
    assert done.code == 0, done.err
    text = json.dumps(done.document)
    assert done.document["summary"]["score"] == 100.0, text


def test_changes_are_sampled_by_seed(timed: Project) -> None:
    one, same = (mutate(timed, "--changes", "2", "--seed", "7").document["mutations"] for _ in range(2))
    assert len(one) == 2
    assert one == same


def test_nothing_to_replay_is_a_failure(timed: Project) -> None:
    timed.write("nothing/notes.json", "[]")
    done = timed.run("replay", "mutate", "greeting", "-H", "nothing")
    assert (done.code, "nothing was replayed" in done.err, "hint: " in done.err) == (18, True, True)


def test_text_lists_what_slips_and_a_table_by_type(timed: Project) -> None:
    done = timed.run("replay", "mutate", "greeting", "-H", "histories")
    assert "slipped greeting.py:11 drop-sleep: without `await workflow.sleep(5)`" in done.out
    assert "the line is never replayed" in done.out
    assert "Greeting" in done.out


def test_the_demo_scores_what_the_docs_say(project: Project) -> None:
    template = Path(__file__).parents[3] / "templates" / "order-saga"
    done = project.run("replay", "mutate", str(template), "-H", str(template / "histories"), "-o", "json")
    summary = done.document["summary"]
    assert (summary["mutations"], summary["caught"]) == (18, 17)
    (slipped,) = [one for one in done.document["mutations"] if one["fate"] == "slipped"]
    assert (slipped["kind"], slipped["location"]["line"]) == ("drop-command", 46)
