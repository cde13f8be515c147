"""Where history and the commands that a runner saw part; and what the text of the source decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from wfctl.replay import commands
from wfctl.replay.model import Command, Location
from wfctl.replay.runners.parting import has_word, parting


@pytest.fixture
def source(tmp_path: Path) -> str:
    file = tmp_path / "flow.go"
    file.write_text(
        'func Receipt(ctx workflow.Context) error {\n\tworkflow.ExecuteActivity(ctx, "Charge")\n'
        "\tworkflow.ExecuteChildWorkflow(ctx, Ship, order)\n}\n"
    )
    return str(file)


def activity(name: str, file: str = "", line: int = 0) -> Command:
    return Command(commands.ACTIVITY, name, "", line, location=Location(file, line) if file else None)


def timer(duration: str, file: str = "") -> Command:
    return Command(commands.TIMER, duration, "", location=Location(file, 9) if file else None)


def child(name: str, identity: str = "") -> Command:
    return Command(commands.CHILD, name, identity)


def rule(recorded: list[Command], produced: list[Command]) -> str:
    found = parting(recorded, produced)
    assert found is not None
    return found.rule


def test_lists_that_agree_have_no_parting() -> None:
    assert parting([activity("A"), timer("1s")], [activity("A"), timer("1s")]) is None


def test_a_name_that_the_source_still_calls_was_not_removed(source: str) -> None:
    assert rule([activity("Charge")], [activity("New", source, 3)]) == "activity-added"
    assert rule([activity("Gone")], [activity("New", source, 3)]) == "activity-renamed"
    assert rule([activity("Gone"), timer("1s")], [timer("1s", source)]) == "activity-removed"
    assert rule([activity("Charge"), activity("B")], [activity("B", source, 3)]) == "activity-reordered"


def test_a_definition_is_no_call(source: str) -> None:
    made = [activity("A", source, 2)]
    assert rule([activity("A"), child("Receipt", "1")], made) == "child-removed"
    assert rule([activity("A"), child("Ship", "1")], made) == ""


def test_a_child_is_told_by_its_id_and_its_type() -> None:
    assert rule([child("Ship", "a")], [child("Ship", "b")]) == "child-id-changed"
    assert rule([child("Ship", "a")], [child("Send", "a")]) == "child-renamed"


def test_a_timer_that_passed_for_its_neighbour_is_told_by_its_duration() -> None:
    found = parting([timer("3600s"), activity("A")], [timer("10ms"), timer("1h0m0s"), activity("A")])
    assert found is not None
    assert (found.rule, found.produced) == ("timer-added", timer("10ms"))
    assert rule([timer("0.05s"), timer("3600s"), activity("A")], [timer("3600.0s"), activity("A")]) == "timer-removed"


def test_a_command_at_the_end_of_history_is_new() -> None:
    end = Command(commands.COMPLETE, "", "", 9)
    assert rule([activity("A"), end], [activity("A"), activity("B")]) == "activity-added"


def test_the_place_is_that_of_the_command_or_of_the_last_one(source: str) -> None:
    found = parting([activity("A"), activity("Gone")], [activity("A", source, 2)])
    assert found is not None
    assert (found.rule, found.location) == ("activity-removed", Location(source, 2))


def test_a_word_is_a_whole_word(source: str) -> None:
    assert has_word(source, "Charge")
    assert not has_word(source, "Char")
