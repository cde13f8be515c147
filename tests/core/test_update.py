"""Updates: from the request to the outcome, and everything that may come between."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.api.command.v1 import (
    Command,
    CompleteWorkflowExecutionCommandAttributes,
    ContinueAsNewWorkflowExecutionCommandAttributes,
)
from temporalio.api.enums.v1 import CommandType as C
from temporalio.api.enums.v1 import SuggestContinueAsNewReason, UpdateAdmittedEventOrigin, WorkflowTaskFailedCause
from temporalio.api.history.v1 import WorkflowExecutionUpdateAdmittedEventAttributes
from temporalio.api.protocol.v1 import Message as ProtocolMessage
from temporalio.api.taskqueue.v1 import StickyExecutionAttributes, TaskQueue
from temporalio.api.update.v1 import Acceptance, Rejection, Response

from tests.support.executions import (
    BEGINNING,
    WORKER,
    complete_task,
    event_types,
    rebuilt,
    started_execution,
    state,
    take_task,
)
from tests.support.update_messages import accepts, at, message, rejects, request, responds
from wfctl.devserver.core.effects import UpdateEnded
from wfctl.devserver.core.entities import completion, signal, update, workflow_task
from wfctl.devserver.core.entities.update import State
from wfctl.devserver.core.errors import (
    BadCommand,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    WorkflowNotReady,
)
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.settings import Settings

FIRST_TASK = ["WORKFLOW_EXECUTION_STARTED", "WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED"]
COMPLETE = Command(
    command_type=C.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
    complete_workflow_execution_command_attributes=CompleteWorkflowExecutionCommandAttributes(),
)
CONTINUE = Command(
    command_type=C.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
    continue_as_new_workflow_execution_command_attributes=ContinueAsNewWorkflowExecutionCommandAttributes(),
)


def idle_execution(settings: Settings | None = None) -> Execution:
    """A run that waits for something to happen."""
    execution = started_execution(settings)
    complete_task(execution)
    execution.effects.clear()
    return execution


def with_update(settings: Settings | None = None) -> Execution:
    execution = idle_execution(settings)
    update.admit(execution, request())
    return execution


def ended(execution: Execution) -> list[UpdateEnded]:
    return [effect for effect in execution.effects if isinstance(effect, UpdateEnded)]


def later(execution: Execution, seconds: float) -> None:
    execution.tick(execution.now + timedelta(seconds=seconds))


# -- asking ---------------------------------------------------------------------------------------------------------


def test_a_request_leaves_no_event_but_a_task_for_a_worker() -> None:
    execution = with_update()
    assert execution.updates.state("u") is State.Admitted
    assert execution.workflow_task.kind is workflow_task.Kind.SPECULATIVE
    assert event_types(execution) == [*FIRST_TASK, "WORKFLOW_TASK_COMPLETED"]


def test_a_request_rides_on_the_task_that_waits_already() -> None:
    execution = started_execution()
    update.admit(execution, request())
    assert execution.workflow_task.kind is workflow_task.Kind.NORMAL
    (sent,) = take_task(execution)
    assert (sent.id, sent.protocol_instance_id, sent.event_id) == ("u/request", "u", 2)


def test_asking_twice_is_asking_once() -> None:
    execution = with_update()
    update.admit(execution, request(name="other"))
    (sent,) = take_task(execution)
    asked = request()
    assert sent.body.Unpack(asked)
    assert asked.input.name == "up"


def test_requests_are_sent_in_the_order_in_which_they_came() -> None:
    execution = idle_execution()
    for name in ("c", "a", "b"):
        update.admit(execution, request(name))
    assert [sent.protocol_instance_id for sent in take_task(execution)] == ["c", "a", "b"]


def test_only_so_many_updates_are_in_flight() -> None:
    execution = idle_execution()
    for number in range(10):
        update.admit(execution, request(str(number)))
    with pytest.raises(ResourceExhausted, match=r"concurrent in-flight updates has been reached \(10\)"):
        update.admit(execution, request("eleventh"))


def test_updates_in_flight_are_only_so_large() -> None:
    execution = idle_execution(replace(Settings(), max_in_flight_update_bytes=50))
    update.admit(execution, request("a"))
    with pytest.raises(ResourceExhausted, match="total payload size"):
        update.admit(execution, request("b" * 30))


def test_a_run_has_only_so_many_updates_and_is_told_in_time() -> None:
    settings = replace(Settings(), max_total_updates=2, total_updates_suggest_continue_as_new=1)
    execution = idle_execution(settings)
    update.admit(execution, request("a"))
    complete_task(execution, messages=[accepts("a"), responds("a")])
    update.admit(execution, request("b"))
    take_task(execution)
    reason = SuggestContinueAsNewReason.SUGGEST_CONTINUE_AS_NEW_REASON_TOO_MANY_UPDATES
    assert execution.workflow_task.suggest_reasons == (reason,)
    with pytest.raises(FailedPrecondition, match="total number of distinct updates"):
        update.admit(execution, request("c"))


def test_a_closed_run_takes_no_update() -> None:
    execution = idle_execution()
    completion.terminate(execution, "", None, "")
    with pytest.raises(NotFound, match="already completed"):
        update.check_admissible(execution)


def test_a_run_whose_task_keeps_failing_takes_no_update() -> None:
    execution = started_execution()
    for _ in range(2):
        take_task(execution)
        workflow_task.fail(execution, _CAUSE, None, WORKER)
        workflow_task.schedule(execution)
    with pytest.raises(WorkflowNotReady):
        update.check_admissible(execution)


_CAUSE = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR


# -- answering ------------------------------------------------------------------------------------------------------


def test_an_accepted_and_completed_update_is_in_history() -> None:
    execution = with_update()
    complete_task(execution, at("accept-u"), at("respond-u"), messages=[accepts(), responds()])
    assert event_types(execution)[4:] == [
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_STARTED",
        "WORKFLOW_TASK_COMPLETED",
        "WORKFLOW_EXECUTION_UPDATE_ACCEPTED",
        "WORKFLOW_EXECUTION_UPDATE_COMPLETED",
    ]
    outcome = update.outcome(execution, "u")
    assert outcome is not None
    assert outcome.success.payloads[0].data == b"1"


def test_the_accepted_event_keeps_the_request() -> None:
    execution = with_update()
    complete_task(execution, messages=[accepts(sequencing_event_id=5)])
    accepted = execution.history.event(8).workflow_execution_update_accepted_event_attributes
    assert accepted.accepted_request == request()
    assert accepted.accepted_request_sequencing_event_id == 5


def test_a_message_takes_effect_where_its_command_stands() -> None:
    execution = with_update()
    marker = Command(command_type=C.COMMAND_TYPE_RECORD_MARKER)
    marker.record_marker_command_attributes.marker_name = "m"
    complete_task(execution, at("accept-u"), marker, at("respond-u"), messages=[responds(), accepts()])
    assert event_types(execution)[7:] == [
        "WORKFLOW_EXECUTION_UPDATE_ACCEPTED",
        "MARKER_RECORDED",
        "WORKFLOW_EXECUTION_UPDATE_COMPLETED",
    ]


def test_messages_without_commands_come_last() -> None:
    execution = with_update()
    marker = Command(command_type=C.COMMAND_TYPE_RECORD_MARKER)
    marker.record_marker_command_attributes.marker_name = "m"
    complete_task(execution, marker, messages=[accepts()])
    assert event_types(execution)[7:] == ["MARKER_RECORDED", "WORKFLOW_EXECUTION_UPDATE_ACCEPTED"]


def test_a_rejection_on_a_speculative_task_leaves_nothing_but_word_for_those_who_wait() -> None:
    execution = with_update()
    completed = complete_task(execution, messages=[rejects(reason="never")])
    assert event_types(execution) == [*FIRST_TASK, "WORKFLOW_TASK_COMPLETED"]
    assert completed.left_no_trace
    (word,) = ended(execution)
    assert word.failure is not None
    assert word.failure.message == "never"
    assert not execution.updates.is_known("u")


def test_an_update_that_the_worker_ignores_is_rejected() -> None:
    execution = with_update()
    complete_task(execution)
    (word,) = ended(execution)
    assert word.failure == update.UNPROCESSED


def test_a_heartbeat_leaves_the_update_with_the_worker() -> None:
    execution = with_update()
    complete_task(execution, force_create_new_workflow_task=True)
    assert execution.updates.state("u") is State.Sent
    assert ended(execution) == []
    workflow_task.start(execution, "id", WORKER)
    assert update.send(execution, resend=False) == []


def test_an_update_that_came_during_a_task_gets_the_next_one() -> None:
    execution = started_execution()
    take_task(execution)
    update.admit(execution, request())
    completed = complete_task(execution, return_new_workflow_task=True)
    assert completed.new_task
    assert execution.workflow_task.kind is workflow_task.Kind.SPECULATIVE
    complete_task(execution, messages=[rejects()])
    assert event_types(execution) == [*FIRST_TASK, "WORKFLOW_TASK_COMPLETED"]


def test_an_update_that_came_during_a_task_gets_a_normal_one_if_nobody_takes_it_at_once() -> None:
    execution = started_execution()
    take_task(execution)
    update.admit(execution, request())
    complete_task(execution)
    assert execution.workflow_task.kind is workflow_task.Kind.NORMAL
    assert event_types(execution)[-1] == "WORKFLOW_TASK_SCHEDULED"


def test_an_acceptance_of_a_lost_update_brings_its_request_along() -> None:
    execution = started_execution()
    body = Acceptance(
        accepted_request_message_id="lost/request",
        accepted_request_sequencing_event_id=1,
        accepted_request=request("lost"),
    )
    complete_task(execution, messages=[message(body, "lost", "a"), responds("lost")])
    assert execution.updates.state("lost") is State.Completed


REFUSED: dict[str, tuple[list[Command], list[ProtocolMessage], str]] = {
    "a command without a message": ([at("none")], [], "absent message ID none"),
    "a command without an id": ([at("")], [], "MessageID is not set"),
    "a response before the acceptance": ([], [responds()], "Response message while in state Sent"),
    "an acceptance after the acceptance": (
        [],
        [accepts(), message(Acceptance(), "u", "again")],
        "Acceptance message while in state ProvisionallyAccepted",
    ),
    "an unknown update": ([], [rejects("other")], "update other wasn't found on the server"),
    "an empty acceptance": ([], [message(Acceptance(), "u", "a")], "sequencing_event_id is not set"),
    "a request from a worker": ([], [message(request(), "u", "a")], "Request not supported"),
    "another protocol": ([], [message(ProtocolMessage(), "u", "a")], "unsupported protocol type temporal.api.protocol"),
    "a response without outcome": (
        [],
        [accepts(), message(Response(meta=request().meta), "u", "r")],
        "outcome is not set",
    ),
    "a response about another update": (
        [],
        [accepts(), message(Response(meta=request("x").meta, outcome={"success": {}}), "u", "r")],  # type: ignore[arg-type]
        "meta.update_id != u",
    ),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_wrong_answer_fails_the_workflow_task(why: str) -> None:
    commands, messages, text = REFUSED[why]
    execution = with_update()
    with pytest.raises(BadCommand) as refused:
        complete_task(execution, *commands, messages=messages)
    assert text in refused.value.message
    assert refused.value.cause == update.BAD_MESSAGE


def test_a_message_without_a_body_is_an_invalid_request() -> None:
    with pytest.raises(InvalidArgument, match="nil message body"):
        complete_task(with_update(), messages=[ProtocolMessage(id="x", protocol_instance_id="u")])


def test_a_message_that_is_too_large_ends_the_run() -> None:
    execution = with_update(replace(Settings(), blob_size_error=100))
    with pytest.raises(BadCommand) as refused:
        complete_task(execution, messages=[rejects(reason="n" * 200)])
    assert refused.value.terminates


# -- what comes between ---------------------------------------------------------------------------------------------


def test_a_signal_makes_the_waiting_task_a_normal_one_that_stands_before_it() -> None:
    execution = with_update()
    signal.signal(execution, "s", None, None, "client")
    assert event_types(execution)[4:] == ["WORKFLOW_TASK_SCHEDULED", "WORKFLOW_EXECUTION_SIGNALED"]
    complete_task(execution, messages=[rejects()])
    assert event_types(execution)[6:] == ["WORKFLOW_TASK_STARTED", "WORKFLOW_TASK_COMPLETED"]


def test_a_signal_writes_the_task_that_a_worker_has() -> None:
    execution = with_update()
    take_task(execution)
    signal.signal(execution, "s", None, None, "client")
    assert event_types(execution)[4:] == ["WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED"]
    complete_task(execution, messages=[rejects()])
    assert event_types(execution)[6:] == [
        "WORKFLOW_TASK_COMPLETED",
        "WORKFLOW_EXECUTION_SIGNALED",
        "WORKFLOW_TASK_SCHEDULED",
    ]


def test_a_task_that_the_worker_fails_is_written_and_the_update_sent_again() -> None:
    execution = with_update()
    take_task(execution)
    workflow_task.fail(execution, _CAUSE, None, WORKER)
    workflow_task.schedule(execution)
    assert event_types(execution)[4:] == [
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_STARTED",
        "WORKFLOW_TASK_FAILED",
    ]
    assert [sent.id for sent in take_task(execution)] == ["u/request"]


def test_an_update_whose_answer_was_refused_fails_for_its_client() -> None:
    execution = with_update()
    take_task(execution)
    update.admit(execution, request("unseen"))
    update.abort_sent(execution)
    (word,) = ended(execution)
    assert word.update_id == "u"
    assert isinstance(word.error, WorkflowNotReady)
    assert execution.updates.state("unseen") is State.Admitted


def test_a_task_that_nobody_takes_gives_way_to_a_normal_one() -> None:
    execution = with_update()
    later(execution, 5)
    assert event_types(execution)[4:] == [
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_TIMED_OUT",
        "WORKFLOW_TASK_SCHEDULED",
    ]
    assert execution.workflow_task.attempt == 1
    assert [sent.id for sent in take_task(execution)] == ["u/request"]


def test_a_normal_task_waits_for_as_long_as_it_takes() -> None:
    execution = started_execution()
    assert execution.next_deadline() is None


def test_a_sticky_worker_that_does_not_come_loses_the_update() -> None:
    execution = started_execution()
    sticky = StickyExecutionAttributes(worker_task_queue=TaskQueue(name="sticky"))
    sticky.schedule_to_start_timeout.FromSeconds(2)
    complete_task(execution, sticky_attributes=sticky)
    update.admit(execution, request())
    later(execution, 2)
    assert event_types(execution)[-2:] == ["WORKFLOW_TASK_TIMED_OUT", "WORKFLOW_TASK_SCHEDULED"]
    assert execution.sticky is None


def test_an_update_during_the_first_backoff_is_served_and_does_not_end_it() -> None:
    execution = started_execution(first_workflow_task_backoff=timedelta(seconds=60))
    update.admit(execution, request())
    complete_task(execution, messages=[rejects()])
    assert event_types(execution) == ["WORKFLOW_EXECUTION_STARTED"]
    later(execution, 60)
    assert event_types(execution) == ["WORKFLOW_EXECUTION_STARTED", "WORKFLOW_TASK_SCHEDULED"]


# -- the end of the run ---------------------------------------------------------------------------------------------


def test_an_update_that_is_not_accepted_is_given_up_when_the_run_closes() -> None:
    execution = with_update()
    completion.terminate(execution, "", None, "")
    (word,) = ended(execution)
    assert isinstance(word.error, NotFound)
    assert word.error.message == "workflow update was aborted by closing workflow"


def test_an_update_that_the_next_run_could_serve_is_to_be_tried_again() -> None:
    execution = with_update()
    complete_task(execution, CONTINUE)
    (word,) = ended(execution)
    assert isinstance(word.error, ResourceExhausted)


def test_an_accepted_update_fails_when_the_run_closes() -> None:
    execution = with_update()
    complete_task(execution, at("accept-u"), COMPLETE, messages=[accepts()])
    outcome = update.outcome(execution, "u")
    assert outcome is not None
    assert outcome.failure == update.LEFT_UNFINISHED
    assert ended(execution) == []


def test_after_the_close_a_rejection_still_counts_and_an_acceptance_does_not() -> None:
    execution = with_update()
    update.admit(execution, request("v"))
    complete_task(execution, COMPLETE, messages=[rejects("u", "no"), accepts("v"), responds("v")])
    of_u, of_v = ended(execution)
    assert of_u.failure is not None
    assert of_u.failure.message == "no"
    assert isinstance(of_v.error, NotFound)
    assert event_types(execution)[-1] == "WORKFLOW_EXECUTION_COMPLETED"


def test_a_run_that_closes_a_second_time_takes_no_update() -> None:
    execution = started_execution()
    take_task(execution)
    signal.signal(execution, "s", None, None, "client")
    workflow_task.fail(execution, WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND, None, WORKER)
    workflow_task.schedule(execution)
    update.check_admissible(execution)
    take_task(execution)
    with pytest.raises(ResourceExhausted, match="workflow is closing"):
        update.check_admissible(execution)
    complete_task(execution)
    update.check_admissible(execution)


# -- rebuilding -----------------------------------------------------------------------------------------------------


def test_updates_in_every_state_survive_a_rebuild() -> None:
    execution = idle_execution()
    for name in ("completed", "accepted", "sent"):
        update.admit(execution, request(name))
    complete_task(
        execution,
        messages=[accepts("completed"), responds("completed"), accepts("accepted")],
        force_create_new_workflow_task=True,
    )
    update.admit(execution, request("admitted"))
    again = rebuilt(execution)
    assert state(again) == state(execution)
    states = [again.updates.state(name) for name in ("completed", "accepted", "sent", "admitted")]
    assert states == [State.Completed, State.Accepted, State.Sent, State.Admitted]
    assert update.outcome(again, "completed") == update.outcome(execution, "completed")


def test_an_update_from_an_admitted_event_needs_no_message_and_is_not_written_twice() -> None:
    execution = idle_execution()
    origin = UpdateAdmittedEventOrigin.UPDATE_ADMITTED_EVENT_ORIGIN_REAPPLY
    execution.record(WorkflowExecutionUpdateAdmittedEventAttributes(request=request(), origin=origin))
    workflow_task.schedule_if_none(execution)
    assert take_task(execution) == []
    complete_task(execution, messages=[accepts()])
    accepted = execution.history.event(9).workflow_execution_update_accepted_event_attributes
    assert not accepted.HasField("accepted_request")
    assert execution.updates.state("u") is State.Accepted


def test_a_rejected_update_from_an_admitted_event_stays_rejected_after_a_rebuild() -> None:
    execution = idle_execution()
    execution.record(WorkflowExecutionUpdateAdmittedEventAttributes(request=request()))
    workflow_task.schedule_if_none(execution)
    complete_task(execution, messages=[message(Rejection(), "u", "r")])
    assert not rebuilt(execution).updates.is_known("u")


def test_times_of_a_task_that_was_written_late_are_those_when_it_happened() -> None:
    execution = with_update()
    execution.begin(BEGINNING + timedelta(seconds=1))
    take_task(execution)
    execution.begin(BEGINNING + timedelta(seconds=3))
    signal.signal(execution, "s", None, None, "client")
    complete_task(execution, messages=[accepts()])
    times = [event.event_time.ToDatetime(tzinfo=BEGINNING.tzinfo) - BEGINNING for event in execution.history.events(5)]
    assert [time.total_seconds() for time in times[:4]] == [0, 1, 3, 3]
