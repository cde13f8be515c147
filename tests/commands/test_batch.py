"""`batch list`, `describe` and `terminate`."""

from __future__ import annotations

import json

import grpc
from temporalio.api.batch.v1 import BatchOperationInfo
from temporalio.api.enums.v1 import BatchOperationState, BatchOperationType
from temporalio.api.workflowservice.v1 import (
    DescribeBatchOperationResponse,
    ListBatchOperationsResponse,
    StopBatchOperationResponse,
)

from tests.commands import samples
from tests.commands.conftest import Run
from tests.commands.fake_server import FakeServer, Refusal

RUNNING = BatchOperationState.BATCH_OPERATION_STATE_RUNNING


def test_batches_are_listed_over_pages(wfctl: Run, server: FakeServer) -> None:
    pages = [
        ListBatchOperationsResponse(
            operation_info=[BatchOperationInfo(job_id="a", state=RUNNING, start_time=samples.at(0))],
            next_page_token=b"x",
        ),
        ListBatchOperationsResponse(operation_info=[BatchOperationInfo(job_id="b", state=RUNNING)]),
    ]
    server.answers["ListBatchOperations"] = list(pages)
    assert wfctl("batch", "list").out.splitlines() == [
        "  JobId  State    StartTime   CloseTime",
        "  a      Running  1 hour ago",
        "  b      Running",
    ]
    server.answers["ListBatchOperations"] = list(pages)
    assert [one["jobId"] for one in json.loads(wfctl("batch", "list", "--limit", "1", "-o", "json").out)] == ["a"]


def test_a_batch_is_described_with_its_counts(wfctl: Run, server: FakeServer) -> None:
    server.answers["DescribeBatchOperation"] = DescribeBatchOperationResponse(
        operation_type=BatchOperationType.BATCH_OPERATION_TYPE_SIGNAL,
        job_id="a",
        state=RUNNING,
        total_operation_count=10,
        complete_operation_count=7,
        failure_operation_count=1,
        reason="why",
    )
    assert wfctl("batch", "describe", "--job-id", "a").out == (
        "  Type            Signal\n  State           Running\n  CompletedCount  7/10\n"
        "  FailureCount    1/10\n  Reason          why\n"
    )


def test_a_batch_is_terminated_with_a_reason(wfctl: Run, server: FakeServer) -> None:
    server.answers["StopBatchOperation"] = StopBatchOperationResponse()
    assert wfctl("batch", "terminate", "--job-id", "a").code == 2
    assert wfctl("batch", "terminate", "--job-id", "a", "--reason", "r").out == "Terminated Batch Job 'a'\n"
    assert server.sent("StopBatchOperation").reason == "r"


def test_an_unknown_batch_is_named_by_its_job_id(wfctl: Run, server: FakeServer) -> None:
    server.answers["DescribeBatchOperation"] = Refusal(grpc.StatusCode.NOT_FOUND, "workflow not found for ID: x")
    done = wfctl("batch", "describe", "--job-id", "x")
    assert (done.code, done.err.splitlines()[0]) == (3, "error: no batch operation 'x'")
