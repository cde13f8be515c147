"""`workflow start`, `execute`, `signal-with-start` and update-with-start: what is sent, what is printed."""

from __future__ import annotations

import json
from pathlib import Path

import grpc
import pytest
from temporalio.api.enums.v1 import (
    UpdateWorkflowExecutionLifecycleStage,
    WorkflowIdConflictPolicy,
    WorkflowIdReusePolicy,
)
from temporalio.api.update.v1 import Outcome, UpdateRef
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionResponse,
    ExecuteMultiOperationResponse,
    SignalWithStartWorkflowExecutionResponse,
    StartWorkflowExecutionResponse,
    UpdateWorkflowExecutionResponse,
)

from tests.commands import samples
from tests.commands.conftest import Run, check_golden
from tests.commands.fake_server import FakeServer, Refusal

ORDER = ("--type", "Order", "-t", "orders")


@pytest.fixture(autouse=True)
def _accepts_starts(server: FakeServer) -> None:
    server.answers["StartWorkflowExecution"] = StartWorkflowExecutionResponse(run_id=samples.RUN_ID)


@pytest.mark.parametrize("format", ["text", "json", "jsonl", "none"])
def test_start_prints_the_ids_in_each_format(wfctl: Run, format: str) -> None:
    done = wfctl("workflow", "start", *ORDER, "-w", "order-1", "-o", format)
    assert (done.code, done.err) == (0, "")
    check_golden(f"start.{format}.txt", done.out)


def test_start_sends_every_flag(wfctl: Run, server: FakeServer) -> None:
    done = wfctl(
        *("workflow", "start", *ORDER, "-w", "order-1", "-i", '{"total": 12}', "-i", "null", "-n", "shop"),
        *("--run-timeout", "1h", "--execution-timeout", "2d", "--task-timeout", "5s", "--start-delay", "90s"),
        *("--search-attribute", 'Tier="gold"', "--memo", "note={}", "--headers", "h=1"),
        *("--static-summary", "one", "--static-details", "two"),
        *("--priority-key", "2", "--fairness-key", "k", "--fairness-weight", "1.5"),
        *("--id-reuse-policy", "RejectDuplicate", "--id-conflict-policy", "terminateexisting", "--identity", "me"),
    )
    assert (done.code, done.err) == (0, "")
    sent = server.sent("StartWorkflowExecution")
    assert sent.namespace == "shop"
    assert sent.identity == "me"
    assert [payload.data for payload in sent.input.payloads] == [b'{"total": 12}', b"null"]
    assert sent.workflow_run_timeout.seconds == 3600
    assert sent.workflow_execution_timeout.seconds == 2 * 86400
    assert sent.workflow_task_timeout.seconds == 5
    assert sent.workflow_start_delay.seconds == 90
    assert sent.search_attributes.indexed_fields["Tier"].data == b'"gold"'
    assert sent.memo.fields["note"].data == b"{}"
    assert sent.header.fields["h"].data == b"1"
    assert (sent.user_metadata.summary.data, sent.user_metadata.details.data) == (b'"one"', b'"two"')
    assert (sent.priority.priority_key, sent.priority.fairness_key, sent.priority.fairness_weight) == (2, "k", 1.5)
    assert sent.workflow_id_reuse_policy == WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
    assert sent.workflow_id_conflict_policy == WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING
    assert sent.request_id


def test_input_comes_from_files_with_metadata_and_base64(wfctl: Run, server: FakeServer, tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_text("aGVsbG8=")
    wfctl(
        "workflow",
        "start",
        *ORDER,
        "--input-file",
        str(path),
        "--input-meta",
        "encoding=binary/plain",
        "--input-base64",
    )
    payload = server.sent("StartWorkflowExecution").input.payloads[0]
    assert (payload.data, dict(payload.metadata)) == (b"hello", {"encoding": b"binary/plain"})


def already_open(server: FakeServer) -> None:
    server.answers["StartWorkflowExecution"] = Refusal(
        grpc.StatusCode.ALREADY_EXISTS, "Workflow execution is already running."
    )
    server.answers["DescribeWorkflowExecution"] = DescribeWorkflowExecutionResponse(
        workflow_execution_info=samples.info()
    )


def test_start_takes_a_workflow_that_is_already_open_for_the_one_asked_for(wfctl: Run, server: FakeServer) -> None:
    already_open(server)
    done = wfctl("workflow", "start", *ORDER, "-w", "order-1", "-o", "json")
    assert done.code == 0
    assert json.loads(done.out)["runId"] == samples.RUN_ID


def test_fail_existing_makes_that_an_error(wfctl: Run, server: FakeServer) -> None:
    already_open(server)
    done = wfctl("workflow", "start", *ORDER, "-w", "order-1", "--fail-existing")
    assert done.code == 6
    assert done.out == ""
    assert done.err.startswith("error: Workflow execution is already running.\nhint: choose another --workflow-id")


def test_execute_shows_progress_and_result(wfctl: Run, server: FakeServer) -> None:
    server.answers["GetWorkflowExecutionHistory"] = samples.answer_history(samples.completed_order())
    done = wfctl("workflow", "execute", *ORDER, "-w", "order-1")
    assert done.code == 0
    lines = [line for line in done.out.splitlines() if "RunTime" not in line]
    check_golden("execute.text.txt", "\n".join(lines) + "\n")


def test_execute_as_json_is_one_value_with_history_on_request(wfctl: Run, server: FakeServer) -> None:
    server.answers["GetWorkflowExecutionHistory"] = samples.answer_history(samples.failed_order())
    done = wfctl("workflow", "execute", *ORDER, "-w", "order-1", "-o", "json", "--detailed")
    value = json.loads(done.out)
    assert done.code == 1
    assert value["status"] == "FAILED"
    assert value["taskQueue"] == "orders"
    assert len(value["history"]["events"]) == len(samples.failed_order())


def test_signal_with_start_sends_both(wfctl: Run, server: FakeServer) -> None:
    server.answers["SignalWithStartWorkflowExecution"] = SignalWithStartWorkflowExecutionResponse(run_id="r")
    done = wfctl(
        *("workflow", "signal-with-start", *ORDER, "-w", "order-1", "-i", "1", "--memo", "a=2"),
        *("--signal-name", "approve", "--signal-input", '"alex"', "-o", "json"),
    )
    sent = server.sent("SignalWithStartWorkflowExecution")
    assert json.loads(done.out) == {"workflowId": "order-1", "runId": "r", "type": "Order", "namespace": "default"}
    assert (sent.signal_name, sent.signal_input.payloads[0].data) == ("approve", b'"alex"')
    assert (sent.workflow_type.name, sent.task_queue.name, sent.input.payloads[0].data) == ("Order", "orders", b"1")
    assert sent.memo.fields["a"].data == b"2"


def multi_answer(outcome: Outcome | None) -> ExecuteMultiOperationResponse:
    update = UpdateWorkflowExecutionResponse(
        update_ref=UpdateRef(workflow_execution=samples.execution(), update_id="u1"),
        outcome=outcome,
        stage=UpdateWorkflowExecutionLifecycleStage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED,
    )
    kinds = ExecuteMultiOperationResponse.Response
    return ExecuteMultiOperationResponse(
        responses=[kinds(start_workflow=StartWorkflowExecutionResponse()), kinds(update_workflow=update)]
    )


def test_execute_update_with_start_prints_the_update_s_result(wfctl: Run, server: FakeServer) -> None:
    server.answers["ExecuteMultiOperation"] = multi_answer(Outcome(success=samples.json_payloads("3")))
    done = wfctl(
        *("workflow", "execute-update-with-start", *ORDER, "-w", "order-1", "--id-conflict-policy", "UseExisting"),
        *("--update-name", "add", "--update-input", "2", "--update-id", "u1", "-o", "json"),
    )
    value = json.loads(done.out)
    assert (value["updateId"], value["updateResult"], value["runId"]) == ("u1", 3, samples.RUN_ID)
    operations = server.sent("ExecuteMultiOperation").operations
    assert operations[0].start_workflow.workflow_id == operations[1].update_workflow.workflow_execution.workflow_id


def test_update_with_start_needs_a_conflict_policy(wfctl: Run) -> None:
    done = wfctl("workflow", "execute-update-with-start", *ORDER, "-w", "order-1", "--update-name", "add")
    assert done.code == 2
    assert done.err.startswith("error: missing option '--id-conflict-policy'")
