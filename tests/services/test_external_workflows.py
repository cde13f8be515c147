"""Signals and cancel requests from one run to another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import (
    CancelExternalWorkflowExecutionFailedCause,
    SignalExternalWorkflowExecutionFailedCause,
)

from tests.support.acting import COMPLETE, Actor, attributes, command, start_child
from tests.support.inprocess import InProcess, in_process
from wfctl.devserver.core import effects
from wfctl.devserver.settings import Settings

SIGNAL_NOT_FOUND = (
    SignalExternalWorkflowExecutionFailedCause
).SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND
SIGNAL_LIMIT = (
    SignalExternalWorkflowExecutionFailedCause
).SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_SIGNAL_COUNT_LIMIT_EXCEEDED
CANCEL_NOT_FOUND = (
    CancelExternalWorkflowExecutionFailedCause
).CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND


@pytest.fixture
async def world() -> AsyncIterator[InProcess]:
    async with in_process(settings=Settings(max_signals_per_execution=2)) as running:
        yield running


@pytest.fixture
def actor(world: InProcess) -> Actor:
    return Actor(world.workflows)


def signal(workflow_id: str, run_id: str = "", **fields: Any) -> Any:
    execution = WorkflowExecution(workflow_id=workflow_id, run_id=run_id)
    return command("SIGNAL_EXTERNAL_WORKFLOW_EXECUTION", execution=execution, signal_name="hello", **fields)


def cancel(workflow_id: str, run_id: str = "", **fields: Any) -> Any:
    return command(
        "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION", workflow_id=workflow_id, run_id=run_id, reason="enough", **fields
    )


async def test_a_signal_arrives_and_its_sender_is_told(actor: Actor) -> None:
    await actor.start("target", "elsewhere")
    sender = await actor.start("sender")
    await actor.step(signal("target", control="c"))
    told = attributes(await actor.wait_for_event("sender", "EXTERNAL_WORKFLOW_EXECUTION_SIGNALED"))
    assert (told.initiated_event_id, told.namespace, told.control) == (5, "default", "c")
    received = attributes(await actor.wait_for_event("target", "WORKFLOW_EXECUTION_SIGNALED"))
    assert received.external_workflow_execution == WorkflowExecution(workflow_id="sender", run_id=sender.run_id)
    assert received.identity == "history-service"


async def test_a_cancel_request_arrives_and_its_sender_is_told(actor: Actor) -> None:
    await actor.start("target", "elsewhere")
    await actor.start("sender")
    await actor.step(cancel("target"))
    await actor.wait_for_event("sender", "EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED")
    asked = attributes(await actor.wait_for_event("target", "WORKFLOW_EXECUTION_CANCEL_REQUESTED"))
    assert (asked.cause, asked.external_initiated_event_id) == ("enough", 5)


@pytest.mark.parametrize("workflow_id", ["nobody", "sender", "closed"])
async def test_a_signal_to_nobody_to_oneself_or_to_a_closed_workflow_fails(actor: Actor, workflow_id: str) -> None:
    await actor.start("closed")
    await actor.step(COMPLETE)
    await actor.start("sender")
    await actor.step(signal(workflow_id))
    failed = attributes(await actor.wait_for_event("sender", "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED"))
    assert failed.cause == SIGNAL_NOT_FOUND


async def test_a_cancel_request_to_a_closed_workflow_counts_as_told(actor: Actor) -> None:
    await actor.start("closed")
    await actor.step(COMPLETE)
    await actor.start("sender")
    await actor.step(cancel("closed"))
    await actor.wait_for_event("sender", "EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED")
    assert "WORKFLOW_EXECUTION_CANCEL_REQUESTED" not in await actor.event_types("closed")


@pytest.mark.parametrize("workflow_id", ["nobody", "sender"])
async def test_a_cancel_request_to_nobody_or_to_oneself_fails(actor: Actor, workflow_id: str) -> None:
    await actor.start("sender")
    await actor.step(cancel(workflow_id))
    failed = attributes(await actor.wait_for_event("sender", "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED"))
    assert failed.cause == CANCEL_NOT_FOUND


async def test_what_is_meant_for_a_child_reaches_no_stranger(actor: Actor) -> None:
    await actor.start("stranger", "elsewhere")
    await actor.start("sender")
    await actor.step(signal("stranger", child_workflow_only=True), cancel("stranger", child_workflow_only=True))
    await actor.wait_for_event("sender", "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED")
    await actor.wait_for_event("sender", "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED")
    assert await actor.event_types("stranger") == ["WORKFLOW_EXECUTION_STARTED", "WORKFLOW_TASK_SCHEDULED"]


async def test_what_is_meant_for_a_child_reaches_the_child(actor: Actor) -> None:
    await actor.start("sender")
    await actor.step(start_child("child"))
    await actor.wait_for_event("sender", "CHILD_WORKFLOW_EXECUTION_STARTED")
    await actor.step(signal("child", child_workflow_only=True))
    await actor.wait_for_event("child", "WORKFLOW_EXECUTION_SIGNALED")


async def test_a_target_that_takes_no_more_signals_fails_the_signal(actor: Actor) -> None:
    await actor.start("target", "elsewhere")
    await actor.start("sender")
    await actor.step(signal("target"), signal("target"), signal("target"))
    failed = attributes(await actor.wait_for_event("sender", "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED"))
    assert (failed.cause, failed.initiated_event_id) == (SIGNAL_LIMIT, 7)


async def test_what_the_closing_task_asked_for_never_happens(actor: Actor) -> None:
    await actor.start("target", "elsewhere")
    await actor.start("sender")
    await actor.step(signal("target"), cancel("target"), COMPLETE)
    await actor.start("other")
    await actor.step(signal("target"))
    await actor.wait_for_event("other", "EXTERNAL_WORKFLOW_EXECUTION_SIGNALED")
    received = await actor.event_types("target")
    assert received.count("WORKFLOW_EXECUTION_SIGNALED") == 1
    assert "WORKFLOW_EXECUTION_CANCEL_REQUESTED" not in received


async def test_requests_that_were_lost_are_delivered_at_the_next_boot(tmp_path: Path) -> None:
    path = tmp_path / "dev.db"
    async with in_process(db_path=path) as world:
        del world.server.backend.runs.handlers[effects.SignalExternal]
        del world.server.backend.runs.handlers[effects.CancelExternal]
        actor = Actor(world.workflows)
        await actor.start("target", "elsewhere")
        await actor.start("sender")
        await actor.step(signal("target"), cancel("target"))
    for _ in range(2):
        async with in_process(db_path=path) as world:
            actor = Actor(world.workflows)
            await actor.wait_for_event("sender", "EXTERNAL_WORKFLOW_EXECUTION_SIGNALED")
            await actor.wait_for_event("sender", "EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED")
            received = await actor.event_types("target")
            assert received.count("WORKFLOW_EXECUTION_SIGNALED") == 1
            assert received.count("WORKFLOW_EXECUTION_CANCEL_REQUESTED") == 1
