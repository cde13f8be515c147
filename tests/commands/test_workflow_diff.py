"""`workflow diff`: runs of a server and files, side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToJson
from temporalio.api.history.v1 import History

from tests.commands import samples
from tests.commands.conftest import Run
from tests.commands.fake_server import FakeServer


def serve_two(server: FakeServer) -> None:
    """`order-1` failed; `order-2` completed at once."""

    def answer(request: Any) -> Any:
        failed = request.execution.workflow_id == "order-1"
        return samples.history(samples.failed_order() if failed else samples.completed_order())

    server.answers["GetWorkflowExecutionHistory"] = answer


def test_two_workflows_are_shown_from_where_they_part(wfctl: Run, server: FakeServer) -> None:
    serve_two(server)
    done = wfctl("workflow", "diff", "order-1", "order-2")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "- order-1  11 events, last WorkflowExecutionFailed"
    assert lines[3].startswith("They part: the left has TimerStarted timer 1 (1m 30s), event 5; the right has ")
    assert lines[5:8] == [
        '      1     1  WorkflowExecutionStarted        Order  {"total":12}',
        "-     5        TimerStarted                    timer 1 (1m 30s)",
        '-     6        WorkflowExecutionSignaled       signal approve  "alex"',
    ]
    assert lines[-1] == '+           5  WorkflowExecutionCompleted        {"charged":12}'


def test_with_exit_code_a_difference_is_1(wfctl: Run, server: FakeServer) -> None:
    serve_two(server)
    assert wfctl("workflow", "diff", "order-1", "order-2", "--exit-code").code == 1
    assert wfctl("workflow", "diff", "order-1", "order-1", "--exit-code").code == 0


def test_a_file_is_compared_with_a_run(wfctl: Run, server: FakeServer, tmp_path: Path) -> None:
    serve_two(server)
    path = tmp_path / "order.json"
    path.write_text(MessageToJson(History(events=samples.failed_order())), encoding="utf-8")
    done = wfctl("workflow", "diff", "order-1", str(path))
    assert "Both did the same, in 8 steps." in done.out


def test_without_a_second_it_is_the_run_before(wfctl: Run, server: FakeServer) -> None:
    def answer(request: Any) -> Any:
        events = samples.completed_order()
        if request.execution.run_id != "first-run":
            events[0].workflow_execution_started_event_attributes.continued_execution_run_id = "first-run"
        return samples.history(events)

    server.answers["GetWorkflowExecutionHistory"] = answer
    done = wfctl("workflow", "diff", "order-1")
    assert done.code == 0
    assert [request.execution.run_id for _, request in server.requests] == ["", "first-run"]


def test_without_a_second_and_with_no_run_before_that_is_said(wfctl: Run, server: FakeServer) -> None:
    serve_two(server)
    done = wfctl("workflow", "diff", "order-1")
    assert (done.code, done.err) == (
        2,
        "error: no run came before this one of 'order-1'\nhint: say what to compare it with\n",
    )


def test_json_has_the_first_difference_and_all_others(wfctl: Run, server: FakeServer) -> None:
    serve_two(server)
    value = json.loads(wfctl("workflow", "diff", "order-1", "order-2", "--output", "json").out)
    assert value["same"] is False
    assert value["firstDifference"] == {
        "match": "left",
        "left": {"eventId": 5, "type": "TimerStarted", "subject": "timer 1 (1m 30s)"},
    }
    assert value["counts"] == {"same": 1, "changed": 0, "left": 7, "right": 1}
    assert len(value["differences"]) == 8
