"""What is read out of the SDKs' own messages."""

from __future__ import annotations

import pytest

from wfctl.replay import commands
from wfctl.replay.model import Command
from wfctl.replay.runners import failures
from wfctl.replay.runners.failures import Parted

MESSAGES: list[tuple[str, Parted]] = [
    (
        "[TMPRL1100] Nondeterminism error: Timer machine does not handle this event: HistoryEvent(id: 5, ActivityTaskScheduled)",
        Parted(5, produced=Command(commands.TIMER, "")),
    ),
    ("No command scheduled for event HistoryEvent(id: 7, TimerStarted)", Parted(7, nothing_produced=True)),
    (
        "Activity type of scheduled event 'a' does not match activity type of activity command 'b'",
        Parted(recorded=Command(commands.ACTIVITY, "a"), produced=Command(commands.ACTIVITY, "b")),
    ),
    (
        "nondeterministic workflow: missing replay command for TimerStarted: (TimerId:8, StartToFireTimeout:(Seconds:1))",
        Parted(recorded=Command(commands.TIMER, "", "8"), nothing_produced=True),
    ),
    (
        "nondeterministic workflow: extra replay command for ScheduleActivityTask: (ActivityId:9, ActivityType:(Name:Ship))",
        Parted(produced=Command(commands.ACTIVITY, "Ship", "9"), nothing_recorded=True),
    ),
    (
        "history event is ActivityTaskScheduled: (ActivityId:5, ActivityType:(Name:A)), replay command is StartTimer: (TimerId:5)",
        Parted(recorded=Command(commands.ACTIVITY, "A", "5"), produced=Command(commands.TIMER, "", "5")),
    ),
    (
        (
            "Failure handling event 5 of type 'EVENT_TYPE_TIMER_STARTED' during replay. Event 5 of type EVENT_TYPE_TIMER_STARTED "
            "does not match command type COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK."
        ),
        Parted(5, produced=Command(commands.ACTIVITY, "")),
    ),
    (
        (
            "Command COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK doesn't match event EVENT_TYPE_ACTIVITY_TASK_SCHEDULED with EventId=5 "
            "on check activityType with an expected value 'name: \"New\"\n' and an actual value 'name: \"Old\"\n'"
        ),
        Parted(5, produced=Command(commands.ACTIVITY, "New")),
    ),
    ("something that no SDK says today", Parted()),
]


@pytest.mark.parametrize(("message", "told"), MESSAGES)
def test_a_message_tells(message: str, told: Parted) -> None:
    assert failures.parted(message) == told


def test_the_sentence_is_taken_out_of_its_layers() -> None:
    layers = 'Details: … Failure { failure: Some(Failure { message: "[TMPRL1100] Nondeterminism error: it \\"differs\\"", source: "" }) }'
    assert failures.sentence(layers) == 'it "differs"'


def test_a_long_message_is_cut() -> None:
    assert len(failures.sentence("x" * 5000)) == 500


def test_the_version_from_before_the_first_one_is_no_patch() -> None:
    gone = 'Workflow code removed support of version {}. for "audit" changeID. The oldest supported version is 2'
    assert failures.parted(gone.format(1)).rule == "patch-removed-too-early"
    assert failures.parted(gone.format(-1)).rule == ""
