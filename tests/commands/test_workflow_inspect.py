"""`workflow list`, `count`, `describe`, `show` and `result`, in each output format."""

from __future__ import annotations

import json

import pytest
from temporalio.api.taskqueue.v1 import PollerInfo
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsResponse,
    DescribeTaskQueueResponse,
    DescribeWorkflowExecutionResponse,
    ListWorkflowExecutionsResponse,
)

from tests.commands import samples
from tests.commands.conftest import Run, check_golden
from tests.commands.fake_server import FakeServer

FORMATS = ("text", "json", "jsonl", "none")


def two_pages() -> list[ListWorkflowExecutionsResponse]:
    return [
        ListWorkflowExecutionsResponse(
            executions=[
                samples.info("order-2", "RUNNING", started=3000),
                samples.info("a-much-longer-workflow-id/with/a/path", "FAILED", started=100, closed=200),
            ],
            next_page_token=b"more",
        ),
        ListWorkflowExecutionsResponse(
            executions=[samples.info("order-1", "CONTINUED_AS_NEW", type="Cart", started=0, closed=90)]
        ),
    ]


@pytest.mark.parametrize("format", FORMATS)
def test_list_prints_every_page_in_each_format(wfctl: Run, server: FakeServer, format: str) -> None:
    server.answers["ListWorkflowExecutions"] = list(two_pages())
    done = wfctl("workflow", "list", "-o", format, "--time-format", "iso")
    assert (done.code, done.err) == (0, "")
    check_golden(f"list.{format}.txt", done.out)
    assert server.sent("ListWorkflowExecutions").next_page_token == b"more"


def test_list_sends_the_query_and_stops_at_the_limit(wfctl: Run, server: FakeServer) -> None:
    server.answers["ListWorkflowExecutions"] = list(two_pages())
    done = wfctl("workflow", "list", "-q", "WorkflowType='Order'", "--limit", "1", "-o", "jsonl", "-n", "shop")
    assert len(done.out.splitlines()) == 1
    assert server.asked() == ["ListWorkflowExecutions"]
    request = server.sent("ListWorkflowExecutions")
    assert (request.namespace, request.query, request.page_size) == ("shop", "WorkflowType='Order'", 1)


def test_an_empty_list_is_an_empty_json_list_and_a_remark_in_text(wfctl: Run, server: FakeServer) -> None:
    server.answers["ListWorkflowExecutions"] = ListWorkflowExecutionsResponse()
    assert wfctl("workflow", "list", "-o", "json").out == "[\n]\n"
    done = wfctl("workflow", "list")
    assert done.out == ""
    assert done.err == "no workflows in namespace 'default'\n"


def test_relative_times_are_the_default(wfctl: Run, server: FakeServer) -> None:
    server.answers["ListWorkflowExecutions"] = ListWorkflowExecutionsResponse(executions=[samples.info()])
    assert "1 hour ago" in wfctl("workflow", "list").out


def test_count_prints_groups(wfctl: Run, server: FakeServer) -> None:
    group = CountWorkflowExecutionsResponse.AggregationGroup(
        count=2, group_values=[samples.json_payload('"Running"', type="Keyword")]
    )
    server.answers["CountWorkflowExecutions"] = CountWorkflowExecutionsResponse(count=3, groups=[group])
    assert wfctl("workflow", "count").out == "Total: 3\nGroup total: 2, values: Running\n"
    counted = json.loads(wfctl("workflow", "count", "-o", "json").out)
    assert counted == {"count": "3", "groups": [{"groupValues": ["Running"], "count": "2"}]}


def describe_stuck(server: FakeServer) -> None:
    def pollers(request: object) -> DescribeTaskQueueResponse:
        return DescribeTaskQueueResponse()

    server.answers["DescribeWorkflowExecution"] = samples.stuck_description()
    server.answers["DescribeTaskQueue"] = pollers
    server.answers["GetWorkflowExecutionHistoryReverse"] = samples.history_reverse(samples.failed_order()[:6])


@pytest.mark.parametrize("format", FORMATS)
def test_describe_says_what_a_workflow_waits_for(wfctl: Run, server: FakeServer, format: str) -> None:
    describe_stuck(server)
    done = wfctl("workflow", "describe", "-w", "order-1", "-o", format, "--time-format", "iso")
    assert (done.code, done.err) == (0, "")
    check_golden(f"describe.{format}.txt", done.out)


def test_describe_gives_no_hint_when_workers_poll(wfctl: Run, server: FakeServer) -> None:
    describe_stuck(server)
    server.answers["DescribeTaskQueue"] = DescribeTaskQueueResponse(pollers=[PollerInfo(identity="worker")])
    assert "no worker polls" not in wfctl("workflow", "describe", "-w", "order-1").out


def closed_order(server: FakeServer, status: str, *, completed: bool) -> None:
    server.answers["DescribeWorkflowExecution"] = DescribeWorkflowExecutionResponse(
        workflow_execution_info=samples.info(status=status, closed=93.6)
    )
    events = samples.completed_order() if completed else samples.failed_order()
    server.answers["GetWorkflowExecutionHistory"] = samples.answer_history(events)


def test_describe_of_a_closed_workflow_adds_how_it_ended(wfctl: Run, server: FakeServer) -> None:
    closed_order(server, "COMPLETED", completed=True)
    described = json.loads(wfctl("workflow", "describe", "-w", "order-1", "-o", "json").out)
    assert described["result"] == {"charged": 12}
    assert described["closeEvent"]["eventType"] == "EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED"
    text = wfctl("workflow", "describe", "-w", "order-1", "--time-format", "iso").out
    check_golden("describe-closed.text.txt", text)


@pytest.mark.parametrize("format", FORMATS)
def test_show_prints_a_timeline_or_a_replayable_history(wfctl: Run, server: FakeServer, format: str) -> None:
    server.answers["GetWorkflowExecutionHistory"] = samples.answer_history(samples.failed_order())
    done = wfctl("workflow", "show", "-w", "order-1", "-o", format)
    assert (done.code, done.err) == (0, "")
    check_golden(f"show.{format}.txt", done.out)


def test_the_history_of_show_keeps_payloads_as_they_are_stored(wfctl: Run, server: FakeServer) -> None:
    from google.protobuf.json_format import Parse
    from temporalio.api.history.v1 import History

    server.answers["GetWorkflowExecutionHistory"] = samples.answer_history(samples.failed_order())
    printed = wfctl("workflow", "show", "-w", "order-1", "-o", "json").out
    assert list(Parse(printed, History()).events) == samples.failed_order()


def test_show_detailed_prints_every_field(wfctl: Run, server: FakeServer) -> None:
    server.answers["GetWorkflowExecutionHistory"] = samples.answer_history(samples.completed_order())
    check_golden("show-detailed.text.txt", wfctl("workflow", "show", "-w", "order-1", "--detailed").out)


def test_show_reverse_begins_with_the_newest_event(wfctl: Run, server: FakeServer) -> None:
    server.answers["GetWorkflowExecutionHistoryReverse"] = samples.history_reverse(samples.completed_order())
    lines = wfctl("workflow", "show", "-w", "order-1", "--reverse").out.splitlines()
    assert lines[2].split()[0] == "5"
    done = wfctl("workflow", "show", "-w", "order-1", "--reverse", "-f")
    assert (done.code, done.err) == (2, "error: --reverse cannot be combined with --follow\n")


def test_show_follow_goes_on_with_the_run_that_the_workflow_continued_as(wfctl: Run, server: FakeServer) -> None:
    started = samples.completed_order()[:1]
    continued = samples.event(2, "WORKFLOW_EXECUTION_CONTINUED_AS_NEW", 1, new_execution_run_id="next-run")
    server.answers["GetWorkflowExecutionHistory"] = [
        samples.history(started, b"poll"),
        samples.history([], b"poll-again"),
        samples.history([continued]),
        samples.history(samples.completed_order()),
    ]
    done = wfctl("workflow", "show", "-w", "order-1", "-f")
    assert done.code == 0
    assert done.out.count("WorkflowExecutionStarted") == 2
    assert server.sent("GetWorkflowExecutionHistory").execution.run_id == "next-run"
    assert all(request.wait_new_event for _, request in server.requests)


def test_result_of_a_completed_workflow_is_success(wfctl: Run, server: FakeServer) -> None:
    closed_order(server, "COMPLETED", completed=True)
    done = wfctl("workflow", "result", "-w", "order-1")
    assert done.code == 0
    assert done.out == (
        'Results:\n  Status          COMPLETED\n  Result          {"charged":12}\n  ResultEncoding  json/plain\n'
    )
    value = json.loads(wfctl("workflow", "result", "-w", "order-1", "-o", "json").out)
    assert (value["status"], value["result"], value["runId"]) == ("COMPLETED", {"charged": 12}, samples.RUN_ID)


def test_result_of_a_failed_workflow_is_exit_code_1(wfctl: Run, server: FakeServer) -> None:
    closed_order(server, "FAILED", completed=False)
    done = wfctl("workflow", "result", "-w", "order-1")
    assert (done.code, done.err) == (1, "error: workflow 'order-1' did not complete: it is FAILED\n")
    check_golden("result-failed.text.txt", done.out)


def test_a_narrow_terminal_shortens_workflow_ids_only(
    wfctl: Run, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["ListWorkflowExecutions"] = list(two_pages())
    monkeypatch.setattr("wfctl.output.Output.width", 70)
    lines = wfctl("workflow", "list", "--time-format", "iso").out.splitlines()
    assert max(len(line) for line in lines) <= 70
    assert any("a-much-longer-w" in line and "…" in line for line in lines)
