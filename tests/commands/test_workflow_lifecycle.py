"""`workflow cancel`, `terminate`, `delete`, `pause`, `reset` and `update-options`."""

from __future__ import annotations

import json

import pytest
from temporalio.api.enums.v1 import ResetReapplyExcludeType, ResetReapplyType
from temporalio.api.workflow.v1 import ResetPointInfo, ResetPoints, WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    DeleteWorkflowExecutionResponse,
    DescribeNamespaceResponse,
    DescribeWorkflowExecutionResponse,
    PauseWorkflowExecutionResponse,
    RequestCancelWorkflowExecutionResponse,
    ResetWorkflowExecutionResponse,
    StartBatchOperationResponse,
    TerminateWorkflowExecutionResponse,
    UnpauseWorkflowExecutionResponse,
    UpdateWorkflowExecutionOptionsResponse,
)

from tests.commands import samples
from tests.commands.conftest import Run
from tests.commands.fake_server import FakeServer

ORDER = ("-w", "order-1")


@pytest.fixture(autouse=True)
def _agrees(server: FakeServer) -> None:
    server.answers |= {
        "RequestCancelWorkflowExecution": RequestCancelWorkflowExecutionResponse(),
        "TerminateWorkflowExecution": TerminateWorkflowExecutionResponse(),
        "DeleteWorkflowExecution": DeleteWorkflowExecutionResponse(),
        "PauseWorkflowExecution": PauseWorkflowExecutionResponse(),
        "UnpauseWorkflowExecution": UnpauseWorkflowExecutionResponse(),
        "ResetWorkflowExecution": ResetWorkflowExecutionResponse(run_id="new-run"),
        "UpdateWorkflowExecutionOptions": UpdateWorkflowExecutionOptionsResponse(),
        "StartBatchOperation": StartBatchOperationResponse(),
        "DescribeNamespace": DescribeNamespaceResponse(),
    }


def test_cancel_and_terminate_name_the_workflow(wfctl: Run, server: FakeServer) -> None:
    assert wfctl("workflow", "cancel", *ORDER).out == "Canceled workflow\n"
    assert server.sent("RequestCancelWorkflowExecution").workflow_execution.workflow_id == "order-1"
    assert wfctl("workflow", "terminate", *ORDER).out == "Workflow terminated\n"
    assert server.sent("TerminateWorkflowExecution").reason == "Requested from CLI by tester"
    wfctl("workflow", "terminate", *ORDER, "--reason", "wrong")
    assert server.sent("TerminateWorkflowExecution").reason == "wrong"


@pytest.mark.parametrize(
    ("command", "operation"),
    [("cancel", "cancellation_operation"), ("terminate", "termination_operation"), ("delete", "deletion_operation")],
)
def test_a_query_makes_a_batch_of_it(wfctl: Run, server: FakeServer, command: str, operation: str) -> None:
    assert wfctl("workflow", command, "-q", "x", "-y").code == 0
    assert server.sent("StartBatchOperation").WhichOneof("operation") == operation


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((), "either --workflow-id or --query is needed"),
        ((*ORDER, "-q", "x"), "--query cannot be used with --workflow-id"),
        ((*ORDER, "--reason", "x"), "--reason cannot be used with --workflow-id"),
        ((*ORDER, "-y"), "--yes cannot be used with --workflow-id"),
        ((*ORDER, "--rps", "1"), "--rps cannot be used with --workflow-id"),
        (("-q", "x", "-r", "run"), "--run-id cannot be used with --query"),
    ],
)
def test_one_workflow_and_a_batch_do_not_mix(wfctl: Run, server: FakeServer, flags: tuple[str], message: str) -> None:
    done = wfctl("workflow", "cancel", *flags)
    assert (done.code, done.err.splitlines()[0]) == (2, f"error: {message}")
    assert server.requests == []


def test_delete_warns_in_a_global_namespace(wfctl: Run, server: FakeServer) -> None:
    assert wfctl("workflow", "delete", *ORDER, "-y").err == ""
    server.answers["DescribeNamespace"] = DescribeNamespaceResponse(is_global_namespace=True)
    done = wfctl("workflow", "delete", *ORDER, "-y")
    assert done.out == "Delete workflow succeeded\n"
    assert done.err.startswith("warning: the namespace is global")


def test_pause_and_unpause(wfctl: Run, server: FakeServer) -> None:
    assert wfctl("workflow", "pause", *ORDER, "--reason", "lunch").out == "Workflow paused\n"
    assert server.sent("PauseWorkflowExecution").reason == "lunch"
    assert wfctl("workflow", "unpause", *ORDER).out == "Workflow unpaused\n"


# Reset.


def reset(wfctl: Run, *flags: str) -> tuple[int, str, str]:
    done = wfctl("workflow", "reset", "--reason", "why", *flags)
    return done.code, done.out, done.err


def test_reset_to_an_event(wfctl: Run, server: FakeServer) -> None:
    code, out, _ = reset(wfctl, *ORDER, "-e", "4", "-r", "run")
    assert (code, out) == (0, "Resetting workflow order-1 to event ID 4\nNew run ID: new-run\n")
    sent = server.sent("ResetWorkflowExecution")
    assert (sent.workflow_task_finish_event_id, sent.workflow_execution.run_id) == (4, "run")
    assert (sent.reason, sent.reset_reapply_type) == ("tester: why", ResetReapplyType.RESET_REAPPLY_TYPE_ALL_ELIGIBLE)


def test_reset_as_json_prints_the_new_run_only(wfctl: Run) -> None:
    assert json.loads(reset(wfctl, *ORDER, "-e", "4", "-o", "json")[1]) == {"runId": "new-run"}


def test_reset_types_find_their_event(wfctl: Run, server: FakeServer) -> None:
    two_tasks = [
        *samples.failed_order()[:4],
        samples.event(5, "WORKFLOW_TASK_SCHEDULED", 2),
        samples.event(6, "WORKFLOW_TASK_STARTED", 2, scheduled_event_id=5),
        samples.event(7, "WORKFLOW_TASK_COMPLETED", 2, scheduled_event_id=5, started_event_id=6),
    ]
    server.answers["GetWorkflowExecutionHistory"] = samples.answer_history(two_tasks)
    server.answers["GetWorkflowExecutionHistoryReverse"] = samples.history_reverse(two_tasks)
    for type, event_id in (("FirstWorkflowTask", 4), ("LastWorkflowTask", 7)):
        reset(wfctl, *ORDER, "-t", type)
        assert server.sent("ResetWorkflowExecution").workflow_task_finish_event_id == event_id


def test_reset_to_a_task_that_never_completed_takes_the_event_after_its_scheduling(
    wfctl: Run, server: FakeServer
) -> None:
    server.answers["GetWorkflowExecutionHistoryReverse"] = samples.history_reverse(samples.failed_order()[:2])
    reset(wfctl, *ORDER, "-t", "LastWorkflowTask")
    assert server.sent("ResetWorkflowExecution").workflow_task_finish_event_id == 3


def test_reset_to_the_run_before_this_one(wfctl: Run, server: FakeServer) -> None:
    first = samples.event(1, "WORKFLOW_EXECUTION_STARTED", 0, continued_execution_run_id="run-before")
    server.answers["GetWorkflowExecutionHistory"] = samples.history([first])
    server.answers["GetWorkflowExecutionHistoryReverse"] = samples.history_reverse(samples.completed_order()[:4])
    reset(wfctl, *ORDER, "-t", "LastContinuedAsNew")
    sent = server.sent("ResetWorkflowExecution")
    assert (sent.workflow_execution.run_id, sent.workflow_task_finish_event_id) == ("run-before", 4)


def test_reset_by_build_id(wfctl: Run, server: FakeServer) -> None:
    points = ResetPoints(points=[ResetPointInfo(build_id="v1", run_id="run-1", first_workflow_task_completed_id=9)])
    server.answers["DescribeWorkflowExecution"] = DescribeWorkflowExecutionResponse(
        workflow_execution_info=WorkflowExecutionInfo(auto_reset_points=points)
    )
    reset(wfctl, *ORDER, "-t", "BuildId", "--build-id", "v1")
    sent = server.sent("ResetWorkflowExecution")
    assert (sent.workflow_execution.run_id, sent.workflow_task_finish_event_id) == ("run-1", 9)
    code, _, err = reset(wfctl, *ORDER, "-t", "BuildId", "--build-id", "v2")
    assert (code, err.splitlines()[0]) == (1, "error: no reset point of build 'v2'")


def test_reset_excludes_what_is_not_to_be_applied_again(wfctl: Run, server: FakeServer) -> None:
    reset(wfctl, *ORDER, "-e", "4", "--reapply-exclude", "signal", "--reapply-exclude", "Update")
    kinds = ResetReapplyExcludeType
    assert list(server.sent("ResetWorkflowExecution").reset_reapply_exclude_types) == [
        kinds.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL,
        kinds.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE,
    ]
    reset(wfctl, *ORDER, "-e", "4", "--reapply-exclude", "All")
    assert len(server.sent("ResetWorkflowExecution").reset_reapply_exclude_types) == len(kinds.values()) - 1


def test_a_batch_reset_takes_a_type(wfctl: Run, server: FakeServer) -> None:
    assert reset(wfctl, "-q", "x", "-y", "-t", "LastWorkflowTask")[0] == 0
    operation = server.sent("StartBatchOperation").reset_operation
    assert operation.options.WhichOneof("target") == "last_workflow_task"
    assert reset(wfctl, "-q", "x", "-y")[0] == 2
    assert reset(wfctl, "-q", "x", "-y", "-t", "LastContinuedAsNew")[0] == 2


def test_reset_with_workflow_update_options_changes_the_version_too(wfctl: Run, server: FakeServer) -> None:
    flags = ("with-workflow-update-options", *ORDER, "-e", "4", "--versioning-override-behavior", "auto_upgrade")
    assert reset(wfctl, *flags)[0] == 0
    operation = server.sent("ResetWorkflowExecution").post_reset_operations[0]
    assert operation.update_workflow_options.workflow_execution_options.versioning_override.auto_upgrade


@pytest.mark.parametrize("flags", [(), ORDER, (*ORDER, "-q", "x", "-e", "4")])
def test_reset_needs_one_point(wfctl: Run, server: FakeServer, flags: tuple[str, ...]) -> None:
    assert reset(wfctl, *flags)[0] == 2
    assert server.requests == []


# Options.


def test_update_options_pins_a_workflow_to_a_version(wfctl: Run, server: FakeServer) -> None:
    pin = ("--versioning-override-behavior", "pinned")
    version = ("--versioning-override-deployment-name", "d", "--versioning-override-build-id", "b")
    assert wfctl("workflow", "update-options", *ORDER, *pin).code == 2
    assert wfctl("workflow", "update-options", *ORDER, *pin, *version).code == 0
    sent = server.sent("UpdateWorkflowExecutionOptions")
    assert sent.workflow_execution_options.versioning_override.pinned.version.build_id == "b"
    assert list(sent.update_mask.paths) == ["versioning_override"]
    assert wfctl("workflow", "update-options", *ORDER, "--versioning-override-behavior", "unspecified").code == 0
    assert not server.sent("UpdateWorkflowExecutionOptions").workflow_execution_options.HasField("versioning_override")
