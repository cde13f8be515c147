"""What a run hands to the run that follows it: by retry, cron and continue-as-new."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import Header, Memo, Payload, Payloads, RetryPolicy, WorkflowExecution
from temporalio.api.enums.v1 import ContinueAsNewInitiator, RetryState
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.history.v1 import WorkflowExecutionStartedEventAttributes

from tests.support.acting import attributes, command
from tests.support.executions import BEGINNING, complete_task, started_execution
from wfctl.devserver.core.effects import LastWords, NewRun
from wfctl.devserver.core.execution import Execution

RETRY = ContinueAsNewInitiator.CONTINUE_AS_NEW_INITIATOR_RETRY
CRON = ContinueAsNewInitiator.CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE
WORKFLOW = ContinueAsNewInitiator.CONTINUE_AS_NEW_INITIATOR_WORKFLOW
BUSINESS = Failure(message="no", application_failure_info=ApplicationFailureInfo(type="E"))
MEMO = Memo(fields={"m": Payload(data=b"1")})


def payloads(text: str) -> Payloads:
    return Payloads(payloads=[Payload(data=text.encode())])


def policy(**fields: Any) -> RetryPolicy:
    return RetryPolicy(initial_interval=Duration(seconds=3), backoff_coefficient=2.0, **fields)


def follower(execution: Execution) -> WorkflowExecutionStartedEventAttributes | None:
    return next((effect.attributes for effect in execution.effects if isinstance(effect, NewRun)), None)


def fail(execution: Execution, failure: Failure = BUSINESS) -> None:
    complete_task(execution, command("FAIL_WORKFLOW_EXECUTION", failure=failure))


def closing(execution: Execution) -> Any:
    return attributes(execution.history.event(execution.next_event_id - 1))


def test_a_retry_hands_on_the_start_and_counts() -> None:
    execution = started_execution(
        retry_policy=policy(), memo=MEMO, input=payloads("in"), header=Header(fields={"h": Payload(data=b"2")})
    )
    change = command("MODIFY_WORKFLOW_PROPERTIES", upserted_memo=Memo(fields={"n": Payload(data=b"3")}))
    complete_task(execution, change, command("FAIL_WORKFLOW_EXECUTION", failure=BUSINESS))
    new = follower(execution)
    assert new is not None
    assert closing(execution).retry_state == RetryState.RETRY_STATE_IN_PROGRESS
    assert closing(execution).new_execution_run_id == new.original_execution_run_id
    assert (new.initiator, new.attempt, new.first_workflow_task_backoff.seconds) == (RETRY, 2, 3)
    assert (new.continued_execution_run_id, new.first_execution_run_id) == ("run", "run")
    assert (new.continued_failure, new.input) == (BUSINESS, payloads("in"))
    # What the failed attempt changed about itself is forgotten: the next one begins where it began.
    assert new.memo == MEMO


def test_a_retry_forgets_the_last_result_and_a_cron_run_keeps_it() -> None:
    last = payloads("last")
    retried = started_execution(retry_policy=policy(), cron_schedule="@hourly", last_completion_result=last)
    fail(retried)
    new = follower(retried)
    assert new is not None
    assert (new.initiator, new.HasField("last_completion_result")) == (RETRY, False)
    given_up = started_execution(
        retry_policy=policy(maximum_attempts=1), cron_schedule="@hourly", last_completion_result=last
    )
    fail(given_up)
    new = follower(given_up)
    assert new is not None
    assert (new.initiator, new.attempt, new.last_completion_result, new.continued_failure) == (CRON, 1, last, BUSINESS)


def test_a_cron_run_that_completes_hands_on_its_result() -> None:
    execution = started_execution(cron_schedule="0 * * * *", continued_failure=BUSINESS)
    complete_task(execution, command("COMPLETE_WORKFLOW_EXECUTION", result=payloads("done")))
    new = follower(execution)
    assert new is not None
    assert (new.initiator, new.last_completion_result) == (CRON, payloads("done"))
    assert new.first_workflow_task_backoff.seconds == 3600
    assert not new.HasField("continued_failure")


def test_a_cancelled_cron_workflow_is_over() -> None:
    execution = started_execution(cron_schedule="@hourly")
    complete_task(execution, command("CANCEL_WORKFLOW_EXECUTION"))
    assert follower(execution) is None


def test_continue_as_new_hands_on_only_what_the_command_names() -> None:
    execution = started_execution(
        retry_policy=policy(),
        memo=MEMO,
        input=payloads("in"),
        cron_schedule="@hourly",
        workflow_run_timeout=Duration(seconds=50),
    )
    complete_task(execution, command("CONTINUE_AS_NEW_WORKFLOW_EXECUTION", input=payloads("new")))
    new = follower(execution)
    assert new is not None
    assert (new.initiator, new.attempt, new.input) == (WORKFLOW, 1, payloads("new"))
    assert (new.HasField("memo"), new.HasField("retry_policy"), new.cron_schedule) == (False, False, "")
    assert new.workflow_run_timeout.seconds == 50


def test_a_short_run_is_followed_after_the_rest_of_a_second() -> None:
    execution = started_execution()
    execution.begin(BEGINNING + timedelta(milliseconds=300))
    complete_task(execution, command("CONTINUE_AS_NEW_WORKFLOW_EXECUTION"))
    new = follower(execution)
    assert new is not None
    assert new.first_workflow_task_backoff.ToMilliseconds() == 700


def test_a_run_never_outlives_its_chain() -> None:
    execution = started_execution(workflow_execution_timeout=Duration(seconds=100))
    timeout = Duration(seconds=500)
    complete_task(
        execution,
        command("CONTINUE_AS_NEW_WORKFLOW_EXECUTION", workflow_run_timeout=timeout, workflow_task_timeout=timeout),
    )
    new = follower(execution)
    assert new is not None
    assert (new.workflow_run_timeout.seconds, new.workflow_task_timeout.seconds) == (100, 100)


def test_only_the_end_of_a_chain_is_told_to_the_parent() -> None:
    parent = WorkflowExecution(workflow_id="parent", run_id="parent-run")
    goes_on = started_execution(retry_policy=policy(), parent_workflow_execution=parent)
    fail(goes_on)
    assert not any(isinstance(effect, LastWords) for effect in goes_on.effects)
    assert not goes_on.has_pending_work
    ends = started_execution(parent_workflow_execution=parent)
    fail(ends)
    assert any(isinstance(effect, LastWords) for effect in ends.effects)
    assert ends.has_pending_work
