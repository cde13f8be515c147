"""Five incidents: from the list to the answer within three keys."""

from __future__ import annotations

from typing import Any

from temporalio.api.common.v1 import Payload, Payloads, WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import ResetReapplyExcludeType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    ResetWorkflowExecutionRequest,
    SignalWorkflowExecutionRequest,
    StartWorkflowExecutionRequest,
)

from tests.support.acting import Actor, until
from tests.support.commands import seconds, start_timer
from tests.support.inprocess import InProcess, in_process
from tests.tui.drills.conftest import drill, drill_worker


async def start(server: InProcess, workflow_id: str, type: str = "Order", queue: str = "orders") -> None:
    order = Payload(metadata={"encoding": b"json/plain"}, data=f'"{workflow_id}"'.encode())
    await server.workflows.StartWorkflowExecution(
        StartWorkflowExecutionRequest(
            namespace="default",
            workflow_id=workflow_id,
            workflow_type=WorkflowType(name=type),
            task_queue=TaskQueue(name=queue),
            input=Payloads(payloads=[order]),
            request_id=workflow_id,
        )
    )


async def until_described(actor: Actor, workflow_id: str, is_so: Any) -> None:
    async def look() -> bool:
        return bool(is_so(await actor.describe(workflow_id)))

    await until(look)


async def test_stuck_on_a_missing_worker(bystanders: tuple[str, ...]) -> None:
    async with in_process() as server:
        for name in bystanders:
            await start(server, name)
        await start(server, "order-1042", queue="orders-v2")
        async with drill(server, "order-1042") as somebody:
            await somebody.press("enter", "no worker polls task queue 'orders-v2'")
            somebody.picture("missing-worker")


async def test_nondeterminism_loop(bystanders: tuple[str, ...]) -> None:
    async with in_process() as server:
        actor = Actor(server.workflows)
        for name in bystanders:
            await start(server, name, queue="reports")
        await start(server, "order-1043")
        async with drill_worker(server, version="before"):
            await actor.wait_for_event("order-1043", "ACTIVITY_TASK_COMPLETED")
            await until_described(actor, "order-1043", lambda found: not found.HasField("pending_workflow_task"))
        async with drill_worker(server, version="after"):
            await server.workflows.SignalWorkflowExecution(
                SignalWorkflowExecutionRequest(
                    namespace="default",
                    workflow_execution=WorkflowExecution(workflow_id="order-1043"),
                    signal_name="nudge",
                )
            )
            await actor.wait_for_event("order-1043", "WORKFLOW_TASK_FAILED")
            async with drill(server, "order-1043") as somebody:
                await somebody.press("enter", "Nondeterminism")
                await somebody.press("w", "charge")
                somebody.picture("nondeterminism")


async def test_poison_activity(bystanders: tuple[str, ...]) -> None:
    async with in_process() as server:
        actor = Actor(server.workflows)
        for name in bystanders:
            await start(server, name, queue="reports")
        await start(server, "invoice-77", type="Invoice")
        async with drill_worker(server):
            await until_described(
                actor,
                "invoice-77",
                lambda found: found.pending_activities and found.pending_activities[0].attempt > 3,
            )
            async with drill(server, "invoice-77") as somebody:
                await somebody.press("enter", "cannot convert 'EUR?' of invoice-77")
                await somebody.press("4", "Last failure")
                somebody.picture("poison-activity")


async def test_lost_signal_after_reset(bystanders: tuple[str, ...]) -> None:
    """It was approved, then reset without its signals, and waits for an approval that came long ago."""
    async with in_process() as server:
        actor = Actor(server.workflows)
        for name in bystanders:
            await start(server, name, queue="reports")
        await start(server, "approval-5", type="Approval")
        await actor.step(start_timer("1", seconds(86400)), queue="orders")
        await server.workflows.SignalWorkflowExecution(
            SignalWorkflowExecutionRequest(
                namespace="default",
                workflow_execution=WorkflowExecution(workflow_id="approval-5"),
                signal_name="approve",
                identity="ada",
            )
        )
        await actor.step(queue="orders")
        await server.workflows.ResetWorkflowExecution(
            ResetWorkflowExecutionRequest(
                namespace="default",
                workflow_execution=WorkflowExecution(workflow_id="approval-5"),
                workflow_task_finish_event_id=4,
                reset_reapply_exclude_types=[ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL],
                request_id="reset",
                reason="timer was wrong",
            )
        )
        await actor.step(start_timer("1", seconds(86400)), queue="orders")
        async with drill(server, "approval-5") as somebody:
            await somebody.press("enter", "approval-5")
            await somebody.press("D", "With nothing given")
            await somebody.press("enter", "Never sent again: signal approve")
            somebody.picture("lost-signal")


async def test_saga_half_compensated(bystanders: tuple[str, ...]) -> None:
    async with in_process() as server:
        actor = Actor(server.workflows)
        for name in bystanders:
            await start(server, name, queue="reports")
        await start(server, "shipment-9", type="Shipment")
        async with drill_worker(server):
            await actor.wait_for_event("shipment-9", "WORKFLOW_EXECUTION_FAILED")
        async with drill(server, "shipment-9") as somebody:
            await somebody.press("enter", "warehouse 7 does not know the reservation")
            await somebody.press("2", "release")
            await somebody.sees("refund")
            somebody.picture("saga-half-compensated")
