"""`workflow trace`: the tree of a workflow and its children, followed until it ends."""

from __future__ import annotations

from typing import Any

from temporalio.api.common.v1 import WorkflowType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionResponse,
    GetWorkflowExecutionHistoryResponse,
)

from tests.commands import samples
from tests.commands.conftest import Run
from tests.commands.fake_server import FakeServer


def parent() -> list[HistoryEvent]:
    ship = WorkflowType(name="Ship")
    child = samples.execution("order-1/ship", "child-run")
    return [
        *samples.completed_order()[:1],
        samples.event(5, "START_CHILD_WORKFLOW_EXECUTION_INITIATED", 1, workflow_type=ship, workflow_id="order-1/ship"),
        samples.event(6, "CHILD_WORKFLOW_EXECUTION_STARTED", 2, initiated_event_id=5, workflow_execution=child),
        samples.event(7, "CHILD_WORKFLOW_EXECUTION_FAILED", 3, initiated_event_id=5, failure=samples.card_declined()),
        samples.event(8, "WORKFLOW_EXECUTION_COMPLETED", 4),
    ]


def child() -> list[HistoryEvent]:
    return [
        samples.event(1, "WORKFLOW_EXECUTION_STARTED", 2, workflow_type=WorkflowType(name="Ship"), attempt=1),
        samples.event(2, "WORKFLOW_EXECUTION_FAILED", 3, failure=samples.card_declined()),
    ]


def histories(server: FakeServer) -> None:
    """The parent comes in two polls; the child's history is asked for by its own run."""

    def answer(request: Any) -> GetWorkflowExecutionHistoryResponse:
        if request.execution.workflow_id == "order-1/ship":
            return samples.history(child())
        first = not request.next_page_token
        return samples.history(parent()[:3], b"more") if first else samples.history(parent()[3:])

    server.answers["GetWorkflowExecutionHistory"] = answer
    server.answers["DescribeWorkflowExecution"] = DescribeWorkflowExecutionResponse(
        workflow_execution_info=samples.info()
    )


def test_trace_draws_the_tree_once_where_nobody_watches(wfctl: Run, server: FakeServer) -> None:
    histories(server)
    done = wfctl("workflow", "trace", "-w", "order-1")
    assert done.code == 0
    progress = done.out.partition("Progress:\n")[2]
    assert progress.splitlines()[:4] == [
        "  ✓ Order (4s)",
        f"      id order-1 run {samples.RUN_ID}",
        "    ! Ship (1s)",
        "        id order-1/ship run child-run",
    ]
    assert "\x1b" not in done.out


def test_depth_keeps_children_closed(wfctl: Run, server: FakeServer) -> None:
    histories(server)
    assert wfctl("workflow", "trace", "-w", "order-1", "--depth", "0").code == 0
    asked = {request.execution.workflow_id for name, request in server.requests if "History" in name}
    assert asked == {"order-1"}


def test_a_failed_workflow_is_exit_code_1(wfctl: Run, server: FakeServer) -> None:
    histories(server)
    server.answers["GetWorkflowExecutionHistory"] = samples.history(samples.failed_order())
    done = wfctl("workflow", "trace", "-w", "order-1")
    assert (done.code, done.err) == (1, "error: workflow 'order-1' did not complete: it is failed\n")
    assert "! charge (3.48s, 2 attempts)" in done.out
