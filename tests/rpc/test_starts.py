"""Starting workflows: whose id it is, repeated requests, the first task at once, the first signal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import Callback, Link, RetryPolicy, WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import EventType, WorkflowIdConflictPolicy, WorkflowIdReusePolicy
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflow.v1 import OnConflictOptions
from temporalio.api.workflowservice.v1 import (
    RequestCancelWorkflowExecutionRequest,
    SignalWithStartWorkflowExecutionRequest,
    SignalWorkflowExecutionRequest,
    TerminateWorkflowExecutionRequest,
)

from tests.support.acting import COMPLETE, CONTINUE, Actor, attributes, until
from tests.support.inprocess import InProcess, in_process, refused

Conflict = WorkflowIdConflictPolicy
Reuse = WorkflowIdReusePolicy
USE_EXISTING = Conflict.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
TERMINATE_EXISTING = Conflict.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING
OPTIONS_UPDATED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED
INVALID = grpc.StatusCode.INVALID_ARGUMENT
LINK = Link(workflow_event=Link.WorkflowEvent(namespace="n", workflow_id="w", run_id="r"))


@pytest.fixture
async def world() -> AsyncIterator[InProcess]:
    async with in_process() as running:
        yield running


@pytest.fixture
def actor(world: InProcess) -> Actor:
    return Actor(world.workflows)


def signal_with_start(workflow_id: str, **fields: Any) -> SignalWithStartWorkflowExecutionRequest:
    return SignalWithStartWorkflowExecutionRequest(
        namespace="default",
        workflow_id=workflow_id,
        workflow_type=WorkflowType(name="T"),
        task_queue=TaskQueue(name="queue"),
        signal_name="hello",
        **fields,
    )


def seconds(number: float) -> Duration:
    duration = Duration()
    duration.FromMilliseconds(int(number * 1000))
    return duration


# -- whose id it is -------------------------------------------------------------------------------------------------


async def test_a_repeated_request_gets_the_same_answer_even_after_the_close(actor: Actor) -> None:
    first = await actor.start("w", request_id="same")
    assert await actor.start("w", request_id="same") == first
    await actor.step(COMPLETE)
    again = await actor.start("w", request_id="same")
    assert (again.run_id, again.started, again.link) == (first.run_id, True, first.link)


async def test_the_deprecated_reuse_policy_ends_a_running_workflow(actor: Actor) -> None:
    first = await actor.start("w")
    policy = Reuse.WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING
    second = await actor.start("w", workflow_id_reuse_policy=policy)
    assert second.run_id != first.run_id
    ended = attributes((await actor.history("w", first.run_id))[-1])
    assert (ended.identity, ended.reason) == ("history-service", "TerminateIfRunning WorkflowIdReusePolicy")
    assert second.run_id in ended.details.payloads[0].data.decode()


async def test_a_used_workflow_keeps_the_request_that_was_attached_to_it(actor: Actor) -> None:
    first = await actor.start("w")
    options = OnConflictOptions(attach_request_id=True, attach_links=True)
    fields: dict[str, Any] = {"workflow_id_conflict_policy": USE_EXISTING, "on_conflict_options": options}
    used = await actor.start("w", request_id="second", links=[LINK], **fields)
    assert (used.run_id, used.started) == (first.run_id, False)
    assert used.link.workflow_event.request_id_ref.event_type == OPTIONS_UPDATED
    event = await actor.wait_for_event("w", "WORKFLOW_EXECUTION_OPTIONS_UPDATED")
    assert (attributes(event).attached_request_id, list(event.links), event.worker_may_ignore) == (
        "second",
        [LINK],
        True,
    )
    # Once is enough, whatever the repeated request says about conflicts.
    assert (await actor.start("w", request_id="second")).link == used.link
    assert (await actor.event_types("w")).count("WORKFLOW_EXECUTION_OPTIONS_UPDATED") == 1


async def test_a_request_attached_while_a_task_is_in_work_waits_for_its_event(actor: Actor) -> None:
    await actor.start("w")
    task = await actor.poll()
    options = OnConflictOptions(attach_request_id=True)
    await actor.start("w", request_id="2", workflow_id_conflict_policy=USE_EXISTING, on_conflict_options=options)
    waiting = (await actor.describe("w")).workflow_extended_info.request_id_infos["2"]
    assert (waiting.buffered, waiting.event_type) == (True, OPTIONS_UPDATED)
    await actor.complete(task)
    kept = (await actor.describe("w")).workflow_extended_info.request_id_infos["2"]
    assert (kept.buffered, kept.event_id) == (False, 5)


async def test_terminating_the_existing_workflow_fails_its_task_and_keeps_its_signals(actor: Actor) -> None:
    first = await actor.start("w")
    await actor.poll()
    await actor.workflows.SignalWorkflowExecution(
        SignalWorkflowExecutionRequest(
            namespace="default", workflow_execution=WorkflowExecution(workflow_id="w"), signal_name="s"
        )
    )
    await actor.start("w", workflow_id_conflict_policy=TERMINATE_EXISTING)
    assert (await actor.event_types("w", first.run_id))[-3:] == [
        "WORKFLOW_TASK_FAILED",
        "WORKFLOW_EXECUTION_SIGNALED",
        "WORKFLOW_EXECUTION_TERMINATED",
    ]


# -- the first task at once -----------------------------------------------------------------------------------------


async def test_an_eager_start_hands_out_the_first_task_and_again_when_repeated(actor: Actor) -> None:
    started = await actor.start("w", request_id="same", request_eager_execution=True)
    assert len(started.eager_workflow_task.history.events) == 3
    repeated = await actor.start("w", request_id="same", request_eager_execution=True)
    await actor.complete(repeated.eager_workflow_task, COMPLETE)
    assert attributes((await actor.history("w"))[0]).eager_execution_accepted
    late = await actor.start("w", request_id="same", request_eager_execution=True)
    assert not late.HasField("eager_workflow_task")


@pytest.mark.parametrize("wait", [{"workflow_start_delay": seconds(60)}, {"cron_schedule": "@hourly"}])
async def test_a_start_that_waits_is_not_eager(actor: Actor, wait: dict[str, Any]) -> None:
    started = await actor.start("w", request_eager_execution=True, **wait)
    assert not started.HasField("eager_workflow_task")
    assert not attributes((await actor.history("w"))[0]).eager_execution_accepted


# -- with a first signal --------------------------------------------------------------------------------------------


async def test_a_first_signal_comes_before_the_first_task(actor: Actor) -> None:
    started = await actor.workflows.SignalWithStartWorkflowExecution(signal_with_start("w", links=[LINK]))
    assert started.started
    assert started.signal_link.workflow_event.request_id_ref.request_id
    names = ["WORKFLOW_EXECUTION_STARTED", "WORKFLOW_EXECUTION_SIGNALED", "WORKFLOW_TASK_SCHEDULED"]
    assert await actor.event_types("w") == names
    assert [list(event.links) for event in await actor.history("w")][:2] == [[LINK], [LINK]]


async def test_a_repeated_signal_with_start_signals_once(actor: Actor) -> None:
    first = await actor.workflows.SignalWithStartWorkflowExecution(signal_with_start("w", request_id="same"))
    again = await actor.workflows.SignalWithStartWorkflowExecution(signal_with_start("w", request_id="same"))
    assert (again.run_id, again.started) == (first.run_id, False)
    assert (await actor.event_types("w")).count("WORKFLOW_EXECUTION_SIGNALED") == 1


async def test_a_signal_with_start_ends_a_start_delay_and_a_plain_signal_does_not(actor: Actor) -> None:
    for workflow_id in ("plain", "with-start"):
        await actor.start(workflow_id, workflow_start_delay=seconds(60))
    await actor.workflows.SignalWorkflowExecution(
        SignalWorkflowExecutionRequest(
            namespace="default", workflow_execution=WorkflowExecution(workflow_id="plain"), signal_name="s"
        )
    )
    await actor.workflows.SignalWithStartWorkflowExecution(signal_with_start("with-start"))
    assert (await actor.event_types("plain"))[-1] == "WORKFLOW_EXECUTION_SIGNALED"
    assert (await actor.event_types("with-start"))[-1] == "WORKFLOW_TASK_SCHEDULED"


async def test_a_signal_that_a_closed_run_had_is_acknowledged_again(actor: Actor) -> None:
    await actor.start("w")
    request = SignalWorkflowExecutionRequest(
        namespace="default", workflow_execution=WorkflowExecution(workflow_id="w"), signal_name="s", request_id="same"
    )
    await actor.workflows.SignalWorkflowExecution(request)
    await actor.step(COMPLETE)
    assert (await actor.workflows.SignalWorkflowExecution(request)).link.workflow_event.run_id
    request.request_id = "another"
    with refused(grpc.StatusCode.NOT_FOUND, "workflow execution already completed"):
        await actor.workflows.SignalWorkflowExecution(request)


# -- across a chain of runs -----------------------------------------------------------------------------------------


async def test_a_first_runs_id_reaches_the_chains_present_run(actor: Actor) -> None:
    first = await actor.start("w")
    await actor.step(CONTINUE)

    async def continued() -> bool:
        return await actor.run_id("w") != first.run_id

    await until(continued)
    target: dict[str, Any] = {
        "namespace": "default",
        "workflow_execution": WorkflowExecution(workflow_id="w", run_id=first.run_id),
        "first_execution_run_id": first.run_id,
    }
    await actor.workflows.RequestCancelWorkflowExecution(RequestCancelWorkflowExecutionRequest(**target))
    await actor.workflows.TerminateWorkflowExecution(TerminateWorkflowExecutionRequest(**target))
    events = await actor.history("w")
    assert attributes(events[0]).first_execution_run_id == first.run_id
    ended = attributes(events[-1])
    assert (ended.reason, ended.identity) == ("terminated by user via frontend", "frontend-service")


# -- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"workflow_execution_timeout": seconds(-1)}, "An invalid WorkflowExecutionTimeoutSeconds is set on request."),
        ({"workflow_task_timeout": seconds(-1)}, "An invalid WorkflowTaskTimeoutSeconds is set on request."),
        ({"workflow_start_delay": seconds(-1)}, "An invalid WorkflowStartDelaySeconds is set on request."),
        ({"cron_schedule": "0 0 30 2 *"}, "invalid CronSchedule, no time can be found to satisfy the schedule"),
        (
            {"cron_schedule": "@hourly", "workflow_start_delay": seconds(0)},
            "CronSchedule and WorkflowStartDelay may not",
        ),
        ({"retry_policy": RetryPolicy(initial_interval=Duration(seconds=10**8))}, "negative duration"),
        ({"links": [LINK] * 11}, "cannot attach more than 10 links per request, got 11"),
        ({"links": [Link(batch_job=Link.BatchJob())]}, "batch job link must not have an empty job ID"),
        ({"completion_callbacks": [Callback(nexus=Callback.Nexus(url="http://x"))]}, "does not match any configured"),
    ],
)
async def test_a_bad_start_is_refused_and_starts_nothing(actor: Actor, fields: dict[str, Any], message: str) -> None:
    with refused(INVALID, message):
        await actor.start("w", **fields)
    with refused(grpc.StatusCode.NOT_FOUND, "workflow not found for ID: w"):
        await actor.describe("w")


async def test_limits_count_bytes_and_not_letters(actor: Actor) -> None:
    with refused(INVALID, "WorkflowId exceeds maximum allowed length (1002/1000)"):
        await actor.start("é" * 501)
