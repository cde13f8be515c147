"""`workflow signal`, `query`, `stack`, `metadata` and `update`."""

from __future__ import annotations

import io
import json

import pytest
from temporalio.api.enums.v1 import UpdateWorkflowExecutionLifecycleStage, WorkflowExecutionStatus
from temporalio.api.query.v1 import QueryRejected
from temporalio.api.update.v1 import Outcome, UpdateRef
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsResponse,
    PollWorkflowExecutionUpdateResponse,
    QueryWorkflowResponse,
    SignalWorkflowExecutionResponse,
    StartBatchOperationResponse,
    UpdateWorkflowExecutionResponse,
)

from tests.commands import samples
from tests.commands.conftest import Run
from tests.commands.fake_server import FakeServer

STAGES = UpdateWorkflowExecutionLifecycleStage
ACCEPTED = STAGES.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED
COMPLETED = STAGES.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED


def test_signal_sends_its_arguments(wfctl: Run, server: FakeServer) -> None:
    server.answers["SignalWorkflowExecution"] = SignalWorkflowExecutionResponse()
    done = wfctl("workflow", "signal", "-w", "order-1", "-r", "run", "--type", "approve", "-i", '"alex"')
    assert (done.code, done.out, done.err) == (0, "Signal workflow succeeded\n", "")
    sent = server.sent("SignalWorkflowExecution")
    assert (sent.workflow_execution.run_id, sent.signal_name) == ("run", "approve")
    assert sent.input.payloads[0].data == b'"alex"'
    assert sent.request_id


def test_a_batch_signal_asks_first_and_says_how_many(
    wfctl: Run, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["CountWorkflowExecutions"] = CountWorkflowExecutionsResponse(count=7)
    server.answers["StartBatchOperation"] = StartBatchOperationResponse()
    batch = ("workflow", "signal", "-q", "WorkflowType='Order'", "--name", "approve")
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    refused = wfctl(*batch)
    assert refused.code == 1
    assert "approximately 7 workflow(s)" in refused.err
    assert "StartBatchOperation" not in server.asked()
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert wfctl(*batch).out.startswith("Started batch for job ID: ")
    sent = server.sent("StartBatchOperation")
    assert (sent.visibility_query, sent.signal_operation.signal) == ("WorkflowType='Order'", "approve")
    assert sent.reason == "Requested from CLI by tester"


def test_a_batch_with_yes_does_not_count(wfctl: Run, server: FakeServer) -> None:
    server.answers["StartBatchOperation"] = StartBatchOperationResponse()
    done = wfctl("workflow", "signal", "-q", "x", "--name", "a", "-y", "--reason", "why", "--rps", "2", "-o", "json")
    sent = server.sent("StartBatchOperation")
    assert json.loads(done.out) == {"batchJobId": sent.job_id}
    assert (sent.reason, sent.max_operations_per_second) == ("why", 2)
    assert server.asked() == ["StartBatchOperation"]


def test_json_output_never_asks(wfctl: Run, server: FakeServer) -> None:
    server.answers["CountWorkflowExecutions"] = CountWorkflowExecutionsResponse(count=7)
    done = wfctl("workflow", "cancel", "-q", "x", "-o", "json")
    assert (done.code, done.out) == (2, "")
    assert done.err == "error: a question cannot be asked with JSON output\nhint: pass --yes\n"


def test_query_prints_its_result(wfctl: Run, server: FakeServer) -> None:
    server.answers["QueryWorkflow"] = QueryWorkflowResponse(query_result=samples.json_payloads('{"left": 2}'))
    asked = ("workflow", "query", "-w", "order-1", "--name", "status", "-i", "1")
    assert wfctl(*asked).out == 'Query result:\n  QueryResult  {"left":2}\n'
    assert json.loads(wfctl(*asked, "-o", "json").out) == {"queryResult": [{"left": 2}]}
    raw = json.loads(wfctl(*asked, "-o", "json", "--no-json-shorthand-payloads").out)
    assert raw["queryResult"]["payloads"][0]["data"] == "eyJsZWZ0IjogMn0="
    assert server.sent("QueryWorkflow").query.query_args.payloads[0].data == b"1"


def test_a_rejected_query_says_the_status(wfctl: Run, server: FakeServer) -> None:
    completed = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED
    server.answers["QueryWorkflow"] = QueryWorkflowResponse(query_rejected=QueryRejected(status=completed))
    done = wfctl("workflow", "query", "-w", "order-1", "--name", "status", "--reject-condition", "not_open")
    assert done.code == 1
    assert done.err.startswith("error: query was rejected, workflow has status: Completed\n")
    assert server.sent("QueryWorkflow").query_reject_condition == 2


def test_stack_prints_the_trace_as_it_is(wfctl: Run, server: FakeServer) -> None:
    server.answers["QueryWorkflow"] = QueryWorkflowResponse(query_result=samples.json_payloads('"line 1\\nline 2"'))
    assert wfctl("workflow", "stack", "-w", "order-1").out == "line 1\nline 2\n"
    assert server.sent("QueryWorkflow").query.query_type == "__stack_trace"


def test_metadata_lists_the_handlers(wfctl: Run, server: FakeServer) -> None:
    declared = {
        "definition": {
            "queryDefinitions": [{"name": "status", "description": "where it is"}],
            "signalDefinitions": [{"name": "approve"}],
        },
        "currentDetails": "waiting",
    }
    server.answers["QueryWorkflow"] = QueryWorkflowResponse(query_result=samples.json_payloads(json.dumps(declared)))
    assert wfctl("workflow", "metadata", "-w", "order-1").out == (
        "Metadata:\n  Query Definitions:\n    status  where it is\n"
        "  Signal Definitions:\n    approve\n  Current Details:\n    waiting\n"
    )


# Updates.


def answer(outcome: Outcome | None, stage: int) -> UpdateWorkflowExecutionResponse:
    reference = UpdateRef(workflow_execution=samples.execution(), update_id="u1")
    return UpdateWorkflowExecutionResponse(update_ref=reference, outcome=outcome, stage=stage)  # type: ignore[arg-type]


ADD = ("-w", "order-1", "--name", "add", "--update-id", "u1", "-i", "2")


def test_update_execute_polls_until_there_is_an_outcome(wfctl: Run, server: FakeServer) -> None:
    server.answers["UpdateWorkflowExecution"] = [answer(None, 0), answer(None, ACCEPTED)]
    server.answers["PollWorkflowExecutionUpdate"] = [
        PollWorkflowExecutionUpdateResponse(stage=ACCEPTED),
        PollWorkflowExecutionUpdateResponse(stage=COMPLETED, outcome=Outcome(success=samples.json_payloads("3"))),
    ]
    done = wfctl("workflow", "update", "execute", *ADD, "-o", "json")
    assert json.loads(done.out) == {"name": "add", "updateId": "u1", "result": 3}
    assert server.asked() == ["UpdateWorkflowExecution"] * 2 + ["PollWorkflowExecutionUpdate"] * 2


def test_a_failed_update_is_exit_code_1(wfctl: Run, server: FakeServer) -> None:
    server.answers["UpdateWorkflowExecution"] = answer(Outcome(failure=samples.card_declined()), COMPLETED)
    for command in (("execute",), ("start", "--wait-for-stage", "accepted")):
        done = wfctl("workflow", "update", *command, *ADD)
        assert (done.code, done.out) == (1, "")
        assert done.err == "error: the update failed: Declined: card declined\n"


def test_update_start_needs_its_stage(wfctl: Run, server: FakeServer) -> None:
    server.answers["UpdateWorkflowExecution"] = answer(None, ACCEPTED)
    assert wfctl("workflow", "update", "start", *ADD).code == 2
    done = wfctl("workflow", "update", "start", *ADD, "--wait-for-stage", "accepted")
    assert done.out == "  Name      add\n  UpdateID  u1\n"


def test_update_describe_does_not_wait(wfctl: Run, server: FakeServer) -> None:
    server.answers["PollWorkflowExecutionUpdate"] = PollWorkflowExecutionUpdateResponse(stage=ACCEPTED)
    done = wfctl("workflow", "update", "describe", "-w", "order-1", "--update-id", "u1", "-o", "json")
    assert json.loads(done.out) == {"updateId": "u1", "stage": "Accepted"}
    assert not server.sent("PollWorkflowExecutionUpdate").HasField("wait_policy")


def test_update_result_prints_a_failure_and_fails(wfctl: Run, server: FakeServer) -> None:
    server.answers["PollWorkflowExecutionUpdate"] = PollWorkflowExecutionUpdateResponse(
        stage=COMPLETED, outcome=Outcome(failure=samples.card_declined())
    )
    done = wfctl("workflow", "update", "result", "-w", "order-1", "--update-id", "u1")
    assert done.out == "  UpdateID  u1\n  Failure   Declined: card declined\n"
    assert (done.code, done.err) == (1, "error: update is failed\n")
