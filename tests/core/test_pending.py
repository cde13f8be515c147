from __future__ import annotations

from datetime import timedelta

import msgpack
from google.protobuf.duration_pb2 import Duration
from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import CommandType

from tests.support.executions import BEGINNING, QUEUE, WORKER, complete_task, event_types, rebuilt, started_execution
from wfctl.devserver.core import packing
from wfctl.devserver.core.entities import activity
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.core.pending import STALE_ENTRIES, Deadlines


def fan_out(count: int) -> Execution:
    """A run with that many activities waiting for a worker."""
    execution = started_execution()
    commands = []
    for number in range(count):
        command = Command(command_type=CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK)
        attributes = command.schedule_activity_task_command_attributes
        attributes.activity_id, attributes.activity_type.name = str(number), "Activity"
        attributes.task_queue.name = QUEUE
        attributes.start_to_close_timeout.CopyFrom(Duration(seconds=count - number))
        commands.append(command)
    complete_task(execution, *commands)
    return execution


def test_the_earliest_deadline_is_found_among_those_that_were_replaced_and_removed() -> None:
    deadlines = Deadlines()
    deadlines.set(1, BEGINNING)
    deadlines.set(2, BEGINNING + timedelta(seconds=1))
    deadlines.set(1, BEGINNING + timedelta(seconds=2))
    assert deadlines.earliest() == (BEGINNING + timedelta(seconds=1), 2)
    deadlines.set(2, None)
    assert deadlines.earliest() == (BEGINNING + timedelta(seconds=2), 1)
    deadlines.set(1, None)
    assert deadlines.earliest() is None


def test_of_deadlines_at_one_moment_the_lowest_event_comes_first() -> None:
    deadlines = Deadlines()
    for number in (7, 3, 5):
        deadlines.set(number, BEGINNING)
    assert deadlines.earliest() == (BEGINNING, 3)


def test_a_deadline_that_moves_again_and_again_leaves_no_growing_heap() -> None:
    deadlines = Deadlines()
    for second in range(1000):
        deadlines.set(1, BEGINNING + timedelta(seconds=second))
    assert len(deadlines._heap) <= STALE_ENTRIES + 3
    assert deadlines.earliest() == (BEGINNING + timedelta(seconds=999), 1)


def test_attempts_are_packed_in_the_order_of_their_events_whoever_starts_first() -> None:
    execution = fan_out(3)
    first, _, third = execution.activities.values()
    for one in (third, first):
        activity.start(execution, one, execution.new_id(), WORKER)
    numbers = [msgpack.unpackb(packed, strict_map_key=False)[0] for packed in execution.activities.packed()]
    assert numbers == [first.scheduled_event_id, third.scheduled_event_id]
    assert rebuilt(execution).unevented() == execution.unevented()
    activity.complete(execution, third, None, WORKER)
    assert len(execution.activities.packed()) == 1


def test_the_activity_that_runs_out_first_is_found_whatever_its_place() -> None:
    execution = fan_out(50)
    for one in execution.activities.values():
        activity.start(execution, one, execution.new_id(), WORKER)
    assert execution.next_deadline() == BEGINNING + timedelta(seconds=1)
    execution.tick(BEGINNING + timedelta(seconds=1))
    last = list(execution.activities.values())[-1]
    assert (last.id, last.attempt) == ("49", 2)


def test_two_thousand_timers_that_are_due_at_once_fire_in_the_order_of_their_start() -> None:
    execution = started_execution()
    commands = []
    for number in range(2000):
        command = Command(command_type=CommandType.COMMAND_TYPE_START_TIMER)
        command.start_timer_command_attributes.timer_id = str(number)
        command.start_timer_command_attributes.start_to_fire_timeout.seconds = 1
        commands.append(command)
    complete_task(execution, *commands)
    execution.tick(BEGINNING + timedelta(seconds=1))
    fired = [
        event.timer_fired_event_attributes.timer_id
        for event in execution.history.events()
        if event.HasField("timer_fired_event_attributes")
    ]
    assert fired == [str(number) for number in range(2000)]
    assert event_types(execution).count("WORKFLOW_TASK_SCHEDULED") == 2


def test_a_joined_map_is_the_map_packed_whole() -> None:
    items = [{"a": 1}, {"b": b"2"}]
    joined = packing.joined({"x": 1}, "items", [msgpack.packb(item) for item in items], {"y": [None], "z": {}})
    assert joined == msgpack.packb({"x": 1, "items": items, "y": [None], "z": {}})
