"""A whole run under random commands, words from outside and the passing of time."""

from __future__ import annotations

import os
from collections import Counter
from datetime import timedelta
from typing import Any

import msgpack
from google.protobuf.duration_pb2 import Duration
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import RetryPolicy
from temporalio.api.enums.v1 import CancelExternalWorkflowExecutionFailedCause as CANCEL_FAILED
from temporalio.api.enums.v1 import CommandType as C
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.enums.v1 import SignalExternalWorkflowExecutionFailedCause as SIGNAL_FAILED
from temporalio.api.enums.v1 import StartChildWorkflowExecutionFailedCause as START_CHILD_FAILED
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.history.v1 import (
    HistoryEvent,
    WorkflowExecutionCompletedEventAttributes,
    WorkflowExecutionTerminatedEventAttributes,
)
from temporalio.api.taskqueue.v1 import StickyExecutionAttributes, TaskQueue

from tests.support import update_messages
from tests.support.executions import (
    QUEUE,
    WORKER,
    complete_task,
    event_types,
    new_execution,
    rebuilt,
    started_execution,
    state,
    take_task,
)
from wfctl.devserver.core import activity_control, registry, reset
from wfctl.devserver.core.entities import (
    activity,
    cancellation,
    child_workflow,
    completion,
    external_workflow,
    signal,
    update,
    workflow_task,
)
from wfctl.devserver.core.entities.activity import Activity
from wfctl.devserver.core.entities.child_workflow import ChildWorkflow
from wfctl.devserver.core.errors import BadCommand
from wfctl.devserver.core.execution import Execution

CHILD_ENDS = (
    HistoryEvent(
        event_type=EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
        workflow_execution_completed_event_attributes=WorkflowExecutionCompletedEventAttributes(),
    ),
    HistoryEvent(
        event_type=EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
        workflow_execution_terminated_event_attributes=WorkflowExecutionTerminatedEventAttributes(),
    ),
)
NAMES = st.sampled_from(["a", "b", "c", "d"])
SECONDS = st.sampled_from([0.5, 1.0, 3.0, 30.0])


def schedule_activity(name: str, timeout: float, attempts: int) -> Command:
    command = Command(command_type=C.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK)
    attributes = command.schedule_activity_task_command_attributes
    attributes.activity_id, attributes.activity_type.name = name, "Activity"
    attributes.task_queue.name = QUEUE
    attributes.start_to_close_timeout.FromTimedelta(timedelta(seconds=timeout))
    attributes.retry_policy.CopyFrom(RetryPolicy(maximum_attempts=attempts))
    return command


def start_timer(name: str, seconds: float) -> Command:
    command = Command(command_type=C.COMMAND_TYPE_START_TIMER)
    command.start_timer_command_attributes.timer_id = name
    command.start_timer_command_attributes.start_to_fire_timeout.FromTimedelta(timedelta(seconds=seconds))
    return command


def cancel_timer(name: str) -> Command:
    command = Command(command_type=C.COMMAND_TYPE_CANCEL_TIMER)
    command.cancel_timer_command_attributes.timer_id = name
    return command


def cancel_activity(scheduled_event_id: int) -> Command:
    command = Command(command_type=C.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK)
    command.request_cancel_activity_task_command_attributes.scheduled_event_id = scheduled_event_id
    return command


def record_marker(name: str) -> Command:
    command = Command(command_type=C.COMMAND_TYPE_RECORD_MARKER)
    command.record_marker_command_attributes.marker_name = name
    return command


def upsert_memo(name: str) -> Command:
    command = Command(command_type=C.COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES)
    command.modify_workflow_properties_command_attributes.upserted_memo.fields[name].data = b"1"
    return command


def start_child(name: str, policy: int) -> Command:
    command = Command(command_type=C.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION)
    attributes = command.start_child_workflow_execution_command_attributes
    attributes.workflow_id, attributes.workflow_type.name = name, "Child"
    attributes.parent_close_policy = policy  # type: ignore[assignment]
    return command


def signal_external(name: str) -> Command:
    command = Command(command_type=C.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION)
    attributes = command.signal_external_workflow_execution_command_attributes
    attributes.execution.workflow_id, attributes.signal_name = name, "hello"
    return command


def cancel_external(name: str) -> Command:
    command = Command(command_type=C.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION)
    command.request_cancel_external_workflow_execution_command_attributes.workflow_id = name
    return command


def close(command_type: C.ValueType) -> Command:
    command = Command(command_type=command_type)
    getattr(command, registry.COMMANDS[command_type].field).SetInParent()
    if command_type == C.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION:
        failure = Failure(message="oh", application_failure_info=ApplicationFailureInfo())
        command.fail_workflow_execution_command_attributes.failure.CopyFrom(failure)
    return command


COMMANDS = st.lists(
    st.one_of(
        st.builds(schedule_activity, NAMES, SECONDS, st.integers(0, 3)),
        st.builds(schedule_activity, NAMES, SECONDS, st.integers(0, 3)),
        st.builds(start_timer, NAMES, SECONDS),
        st.builds(cancel_timer, NAMES),
        st.builds(cancel_activity, st.integers(1, 4)),
        st.builds(record_marker, NAMES),
        st.builds(upsert_memo, NAMES),
        st.builds(start_child, NAMES, st.integers(0, 3)),
        st.builds(signal_external, NAMES),
        st.builds(cancel_external, NAMES),
    ),
    max_size=6,
)
# One completion in eight takes its commands as they come; they are likely to be refused.
RECKLESS = st.integers(0, 7).map(lambda drawn: drawn == 7)


def acceptable(execution: Execution, commands: list[Command]) -> list[Command]:
    """Those commands that a run in this state takes, each name once."""
    pending = [one.scheduled_event_id for one in execution.activities.values() if not one.cancel_requested_event_id]
    named: set[tuple[int, str]] = set()
    kept = []
    for command in commands:
        attributes = getattr(command, registry.COMMANDS[command.command_type].field)
        if command.command_type == C.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK:
            if not pending:
                continue
            attributes.scheduled_event_id = pending.pop(attributes.scheduled_event_id % len(pending))
        elif command.command_type == C.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK:
            name = (C.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK, attributes.activity_id)
            if execution.activities.by_id(attributes.activity_id) or name in named:
                continue
            named.add(name)
        elif command.command_type in (C.COMMAND_TYPE_START_TIMER, C.COMMAND_TYPE_CANCEL_TIMER):
            name = (C.COMMAND_TYPE_START_TIMER, attributes.timer_id)
            starts = command.command_type == C.COMMAND_TYPE_START_TIMER
            if (attributes.timer_id in execution.timers) == starts or name in named:
                continue
            named.add(name)
        kept.append(command)
    return kept


CLOSING = st.sampled_from(
    [
        C.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
        C.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION,
        C.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION,
        C.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
    ]
)


def running(self: WholeRun) -> bool:
    return self.execution.is_running


def has_task(self: WholeRun) -> bool:
    return self.execution.is_running and self.execution.workflow_task.is_pending


def old_enough(self: WholeRun) -> bool:
    """Let a run see something before it ends."""
    return self.execution.transition_count >= self.closes_after


def started_activities(self: WholeRun) -> list[Activity]:
    return [one for one in self.execution.activities.values() if one.is_started]


def unstarted_children(self: WholeRun) -> list[ChildWorkflow]:
    children = self.execution.children.values() if running(self) else ()
    return [child for child in children if not child.started_event_id]


def started_children(self: WholeRun) -> list[ChildWorkflow]:
    children = self.execution.children.values() if running(self) else ()
    return [child for child in children if child.started_event_id]


class WholeRun(RuleBasedStateMachine):
    """Invariants: rebuilt == live, ids contiguous, nothing after close, at most one workflow task."""

    execution: Execution
    closes_after: int

    @initialize(
        retries=st.booleans(),
        run_timeout=st.sampled_from([0, 60]),
        closes_after=st.sampled_from([2, 15, 30, 100]),
        commands=COMMANDS,
    )
    def begin(self, retries: bool, run_timeout: int, closes_after: int, commands: list[Command]) -> None:
        self.closes_after = closes_after
        attributes: dict[str, Any] = {}
        if retries:
            attributes["retry_policy"] = RetryPolicy(initial_interval=Duration(seconds=1), backoff_coefficient=2)
        if run_timeout:
            attributes["workflow_run_timeout"] = timedelta(seconds=run_timeout)
        self.execution = started_execution(**attributes)
        activities = [schedule_activity(f"first-{number}", 3.0 * number + 1, 2) for number in range(3)]
        self.step(lambda: complete_task(self.execution, *activities, *acceptable(self.execution, commands)))

    def step(self, change: Any) -> Any:
        """As the engine does it: effects leave, and a refused command takes the run back."""
        before = rebuilt(self.execution)
        try:
            return change()
        except BadCommand:
            self.execution = before
            return None
        finally:
            self.execution.effects.clear()
            self.execution.transition_count += 1

    @precondition(lambda self: running(self) and self.execution.workflow_task.is_scheduled)
    @rule()
    def a_worker_takes_the_workflow_task(self) -> None:
        self.step(lambda: take_task(self.execution))

    @precondition(has_task)
    @rule(commands=COMMANDS, reckless=RECKLESS, sticky=st.booleans(), force=st.booleans())
    def a_worker_completes_the_workflow_task(
        self, commands: list[Command], reckless: bool, sticky: bool, force: bool
    ) -> None:
        attributes = StickyExecutionAttributes(worker_task_queue=TaskQueue(name="sticky")) if sticky else None
        if not reckless:
            commands = acceptable(self.execution, commands)
        self.step(
            lambda: complete_task(
                self.execution, *commands, sticky_attributes=attributes, force_create_new_workflow_task=force
            )
        )

    @precondition(lambda self: has_task(self) and old_enough(self))
    @rule(command_type=CLOSING)
    def a_worker_closes_the_run(self, command_type: C.ValueType) -> None:
        self.step(lambda: complete_task(self.execution, close(command_type)))

    @precondition(lambda self: running(self) and self.execution.workflow_task.is_started)
    @rule()
    def the_workflow_task_fails(self) -> None:
        def fail() -> None:
            cause = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR
            workflow_task.fail(self.execution, cause, Failure(message="no"), WORKER)
            workflow_task.schedule(self.execution)

        self.step(fail)

    @precondition(lambda self: any(one.is_scheduled for one in self.execution.activities.values()))
    @rule()
    def a_worker_takes_an_activity(self) -> None:
        one = next(one for one in self.execution.activities.values() if one.is_scheduled)
        self.step(lambda: activity.start(self.execution, one, self.execution.new_id(), WORKER))

    @precondition(lambda self: bool(started_activities(self)))
    @rule()
    def an_activity_completes(self) -> None:
        one = started_activities(self)[0]
        self.step(lambda: activity.complete(self.execution, one, None, WORKER))

    @precondition(lambda self: bool(started_activities(self)))
    @rule(non_retryable=st.booleans())
    def an_activity_fails(self, non_retryable: bool) -> None:
        one = started_activities(self)[-1]
        failure = Failure(message="oh", application_failure_info=ApplicationFailureInfo(non_retryable=non_retryable))
        self.step(lambda: activity.fail(self.execution, one, failure, WORKER))

    @precondition(lambda self: bool(started_activities(self)))
    @rule()
    def an_activity_is_alive(self) -> None:
        one = started_activities(self)[0]
        self.step(lambda: activity.heartbeat(self.execution, one, None))

    @precondition(lambda self: bool(self.execution.activities))
    @rule(which=st.integers(0, 3), again=st.booleans(), delay=st.sampled_from([0.0, 5.0]))
    def an_activity_is_paused_or_unpaused(self, which: int, again: bool, delay: float) -> None:
        one = self.activity(which)
        if one.pause is None:
            self.step(lambda: activity_control.pause(self.execution, one, "operator", "why", ""))
        else:
            pause = timedelta(seconds=delay)
            self.step(
                lambda: activity_control.unpause(
                    self.execution, one, reset_attempts=again, reset_heartbeat=again, delay=pause
                )
            )

    @precondition(lambda self: bool(self.execution.activities))
    @rule(which=st.integers(0, 3), flags=st.tuples(st.booleans(), st.booleans(), st.booleans()))
    def an_activity_is_reset(self, which: int, flags: tuple[bool, bool, bool]) -> None:
        one = self.activity(which)
        heartbeat, paused, options = flags
        self.step(
            lambda: activity_control.reset(
                self.execution,
                one,
                reset_heartbeat=heartbeat,
                keep_paused=paused,
                restore_options=options,
                delay=timedelta(),
            )
        )

    @precondition(lambda self: bool(self.execution.activities))
    @rule(which=st.integers(0, 3), seconds=st.integers(1, 60))
    def an_activitys_options_are_changed_or_restored(self, which: int, seconds: int) -> None:
        one = self.activity(which)
        if one.changed is not None:
            self.step(lambda: activity_control.restore_options(self.execution, one))
            return
        wanted = ActivityOptions(start_to_close_timeout=Duration(seconds=seconds))
        self.step(lambda: activity_control.update_options(self.execution, one, wanted, ["start_to_close_timeout"]))

    def activity(self, which: int) -> Activity:
        pending = list(self.execution.activities.values())
        return pending[which % len(pending)]

    @precondition(lambda self: bool(unstarted_children(self)))
    @rule(works=st.booleans())
    def a_child_is_started_or_not(self, works: bool) -> None:
        child = unstarted_children(self)[0]
        cause = START_CHILD_FAILED.START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_WORKFLOW_ALREADY_EXISTS
        if works:
            self.step(lambda: child_workflow.record_started(self.execution, child, "child-run"))
        else:
            self.step(lambda: child_workflow.record_start_failed(self.execution, child, cause))

    @precondition(lambda self: bool(started_children(self)))
    @rule(end=st.sampled_from(CHILD_ENDS))
    def a_child_ends(self, end: HistoryEvent) -> None:
        child = started_children(self)[-1]
        self.step(lambda: child_workflow.record_ended(self.execution, child, "child-run", end))

    @precondition(lambda self: running(self) and bool(self.execution.external_signals))
    @rule(works=st.booleans())
    def another_run_is_signalled_or_not(self, works: bool) -> None:
        request = next(iter(self.execution.external_signals.values()))
        if works:
            self.step(lambda: external_workflow.record_signaled(self.execution, request, "default"))
        else:
            cause = SIGNAL_FAILED.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_NAMESPACE_NOT_FOUND
            self.step(lambda: external_workflow.record_signal_failed(self.execution, request, "default", cause))

    @precondition(lambda self: running(self) and bool(self.execution.external_cancels))
    @rule(works=st.booleans())
    def another_run_is_asked_to_cancel_or_not(self, works: bool) -> None:
        request = next(iter(self.execution.external_cancels.values()))
        if works:
            self.step(lambda: external_workflow.record_cancel_requested(self.execution, request, "default"))
        else:
            cause = CANCEL_FAILED.CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_NAMESPACE_NOT_FOUND
            self.step(lambda: external_workflow.record_cancel_failed(self.execution, request, "default", cause))

    @precondition(running)
    @rule(name=NAMES, request_id=st.sampled_from(["", "once"]))
    def a_signal_arrives(self, name: str, request_id: str) -> None:
        self.step(lambda: signal.signal(self.execution, name, None, None, "client", request_id))

    @precondition(running)
    @rule(name=NAMES)
    def an_update_is_asked_for(self, name: str) -> None:
        self.step(lambda: update.admit(self.execution, update_messages.request(name)))

    @precondition(lambda self: has_task(self) and bool(self.execution.updates.in_flight))
    @rule(answer=st.sampled_from([update_messages.accepts, update_messages.rejects, update_messages.responds]))
    def a_worker_answers_an_update(self, answer: Any) -> None:
        name = next(iter(self.execution.updates.in_flight))
        self.step(lambda: complete_task(self.execution, messages=[answer(name)]))

    @precondition(running)
    @rule()
    def cancel_is_requested(self) -> None:
        self.step(lambda: cancellation.request_cancel(self.execution, "", "client", "cancel"))

    @precondition(lambda self: running(self) and old_enough(self))
    @rule()
    def it_is_terminated(self) -> None:
        self.step(lambda: completion.terminate(self.execution, "enough", None, "client"))

    @precondition(lambda self: bool(self.completed_tasks()))
    @rule(which=st.integers(0, 20), excluded=st.frozensets(st.sampled_from([reset.SIGNAL, reset.UPDATE])))
    def it_is_reset(self, which: int, excluded: frozenset[int]) -> None:
        """From here on the machine is about the new run."""
        base = self.execution
        if base.is_running:
            self.step(lambda: completion.terminate(base, "why", None, completion.RESETTER))
        points = self.completed_tasks()
        fresh = new_execution(now=base.now)
        fresh.run_id = base.run_id + "'"
        wish = reset.Reset(points[which % len(points)], "why", excluded, ())
        reset.begin(fresh, base, wish, (base,), "start")
        self.execution = fresh
        self.step(lambda: None)

    def completed_tasks(self) -> list[int]:
        return [
            event.event_id
            for event in self.execution.history.events()
            if event.HasField("workflow_task_completed_event_attributes")
        ]

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        now = self.execution.now + timedelta(seconds=seconds)
        self.step(lambda: self.execution.tick(now))
        self.execution.begin(now)

    @precondition(lambda self: self.execution.next_deadline() is not None)
    @rule()
    def something_comes_due(self) -> None:
        due = self.execution.next_deadline()
        assert due is not None
        now = max(due, self.execution.now)
        self.step(lambda: self.execution.tick(now))
        self.execution.begin(now)
        following = self.execution.next_deadline()
        assert following is None or following > now

    @invariant()
    def rebuilt_equals_live(self) -> None:
        if hasattr(self, "execution"):
            assert state(rebuilt(self.execution)) == state(self.execution)

    @invariant()
    def what_the_tables_know_is_what_a_look_at_everything_tells(self) -> None:
        if not hasattr(self, "execution"):
            return
        execution = self.execution
        pending, timers = execution.activities, execution.timers
        due = [(deadline, one.scheduled_event_id) for one in pending.values() for deadline, _ in one.deadlines()]
        earliest = pending.earliest()
        assert (earliest and (earliest[0], earliest[1].scheduled_event_id)) == min(due, default=None)
        assert pending.have_waiting() == any(one.is_scheduled for one in pending.values())
        packed = {number: one.pack() for number, one in pending.items()}
        assert pending.packed() == [
            msgpack.packb((number, packed[number])) for number in sorted(packed) if packed[number] is not None
        ]
        assert {one.id: pending.by_id(one.id) for one in pending.values()} == {one.id: one for one in pending.values()}
        assert timers.earliest() == min(
            timers.values(), key=lambda timer: (timer.fires_at, timer.started_event_id), default=None
        )
        children = execution.children
        assert children.have_unstarted() == any(not child.started_event_id for child in children.values())

    @invariant()
    def event_ids_are_contiguous_and_nothing_follows_the_close(self) -> None:
        if not hasattr(self, "execution"):
            return
        events = self.execution.history.events()
        assert [event.event_id for event in events] == list(range(1, len(events) + 1))
        closing = [event.event_type in completion.STATUS_OF for event in events]
        assert not any(closing[:-1])
        assert closing[-1] == (not self.execution.is_running)

    @invariant()
    def a_running_run_is_never_forgotten(self) -> None:
        """Whatever happened, a worker will hear of it: a task is pending, or nothing is left unsaid."""
        if not hasattr(self, "execution") or not self.execution.is_running:
            return
        if self.execution.buffered or self.execution.updates.has_unsent():
            assert self.execution.workflow_task.is_pending


# What all the runs together must have seen so often, or the machine proves less than it says.
SEEN = {
    "WORKFLOW_EXECUTION_SIGNALED": 20,
    "WORKFLOW_TASK_FAILED": 10,
    "WORKFLOW_TASK_TIMED_OUT": 3,
    "ACTIVITY_TASK_SCHEDULED": 50,
    "ACTIVITY_TASK_COMPLETED": 2,
    "TIMER_STARTED": 5,
    "START_CHILD_WORKFLOW_EXECUTION_INITIATED": 5,
    "WORKFLOW_EXECUTION_TERMINATED": 2,
}


def test_whatever_happens_to_a_run_it_is_what_its_history_rebuilds_to() -> None:
    seen: Counter[str] = Counter()

    class Counting(WholeRun):
        def teardown(self) -> None:
            if hasattr(self, "execution"):
                seen.update(event_types(self.execution))

    run_state_machine_as_test(
        Counting,
        settings=settings(
            max_examples=120,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize="CI" in os.environ,
        ),
    )
    assert {name: seen[name] for name, least in SEEN.items() if seen[name] < least} == {}
