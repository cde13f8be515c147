"""The logic behind the screens, without a terminal."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse

from tests.support.histories import BEGAN, failed_order, long_history, shipped_order, waiting_order
from tests.tui.conftest import recorded
from wfctl.commands._serving import is_ours, without_serve
from wfctl.errors import CommandError
from wfctl.tui.feeds.export import write_history
from wfctl.tui.feeds.requests import payloads
from wfctl.tui.feeds.runs import RunFeed
from wfctl.tui.models.axis import Window, build_axis
from wfctl.tui.models.completion import SYSTEM_ATTRIBUTES, complete
from wfctl.tui.models.events import EventList, parse_filter
from wfctl.tui.models.listing import Listing
from wfctl.tui.models.run import ItemMaker, RunModel, RunRef, reset_preview
from wfctl.tui.models.spans import Spans
from wfctl.view.described import description_from

NOW = BEGAN + timedelta(days=1)


def model_of(events: list) -> RunModel:  # type: ignore[type-arg]
    source = recorded(events)
    ref = RunRef(source.runs[0].description.workflow_execution_info.execution.workflow_id)
    feed, model = RunFeed(source, ref), RunModel(ref)
    model.take(feed.look())
    while feed.is_reading:
        model.take(feed.look())
    return model


def described(events: list) -> DescribeWorkflowExecutionResponse:  # type: ignore[type-arg]
    description: DescribeWorkflowExecutionResponse = description_from(events)
    return description


# Events.


def shown(text: str) -> list[str]:
    events = EventList()
    events.take(ItemMaker().items(shipped_order()))
    events.set_filter(parse_filter(text))
    return [item.row.type for item in events.shown]


def test_events_are_filtered_by_kind() -> None:
    assert shown("kind:timer") == ["TimerStarted", "TimerFired"]
    assert shown("kind:timer,signal") == ["TimerStarted", "TimerFired", "WorkflowExecutionSignaled"]


def test_a_word_is_a_regular_expression_and_negation_turns_it_round() -> None:
    assert shown("kind:activity !(Started|Scheduled)") == ["ActivityTaskCompleted"] * 3
    assert shown("charge !completed") == ["ActivityTaskScheduled", "ActivityTaskStarted"]


def test_payloads_are_searched_when_asked() -> None:
    assert shown("payload:DHL") == ["ActivityTaskCompleted"]


def test_a_filter_that_makes_no_sense_says_why() -> None:
    with pytest.raises(ValueError, match="no kind 'actvity'"):
        parse_filter("kind:actvity")
    with pytest.raises(ValueError, match="not a regular expression"):
        parse_filter("[a")


def test_events_of_one_activity_are_one_group_and_workflow_tasks_are_left_out() -> None:
    events = EventList()
    events.take(ItemMaker().items(shipped_order()))
    assert [group.first.row.subject for group in events.groups][1:4] == [
        "reserve (id 1)",
        "charge (id 2)",
        "timer 1 (8h)",
    ]
    assert all(group.first.kind != "task" for group in events.groups)


# The time axis.


def test_an_idle_night_is_a_gap_and_work_keeps_its_length() -> None:
    spans = Spans()
    spans.take(ItemMaker().items(shipped_order()))
    until = max(span.ended for span in spans.spans if span.ended)
    axis = build_axis(spans.spans, BEGAN, until)
    assert [gap[2] > timedelta(hours=7) for gap in axis.gaps] == [True]
    reserve = next(span for span in spans.spans if span.name.startswith("reserve"))
    assert reserve.started is not None
    assert reserve.ended is not None
    assert axis.place(reserve.ended) - axis.place(reserve.started) > 0.1
    straight = build_axis(spans.spans, BEGAN, until, compress=False)
    assert straight.place(reserve.ended) - straight.place(reserve.started) < 0.001


def test_places_and_moments_are_each_others_inverse() -> None:
    spans = Spans()
    spans.take(ItemMaker().items(shipped_order()))
    axis = build_axis(spans.spans, BEGAN, BEGAN + timedelta(hours=9))
    for minutes in (0, 1, 300, 540):
        moment = BEGAN + timedelta(minutes=minutes)
        assert abs(axis.moment(axis.place(moment)) - moment) < timedelta(milliseconds=1)


def test_zooming_keeps_within_the_axis() -> None:
    window = Window().zoomed(4.0, 1.0)
    assert window == Window(0.75, 0.25)
    assert window.panned(5.0) == window
    assert window.zoomed(0.01) == Window()
    assert window.showing(0.1).left < 0.1


# A run.


def test_an_attempt_that_is_pending_is_laid_over_its_span() -> None:
    model = model_of(waiting_order())
    description = described(waiting_order())
    description.pending_activities[0].attempt = 4
    description.pending_activities[0].last_failure.message = "no answer"
    model.spans.lay_pending(description)
    span = next(span for span in model.spans.spans if span.name.startswith("wait_for_carrier"))
    assert (span.attempt, span.tone) == (4, "warn")
    assert "no answer" in span.note


def test_a_history_in_pages_makes_the_same_model_as_whole() -> None:
    model = model_of(long_history(2500))
    assert model.loaded == model.total == len(model.events.items)
    assert model.why().sentence.startswith("Completed after")


def test_failures_begin_with_how_it_ended() -> None:
    where = [title for title, _ in model_of(failed_order()).failures()]
    assert where[0].startswith("WorkflowExecutionFailed")
    assert where[1].startswith("ActivityTaskFailed charge")


def test_a_description_made_from_events_knows_what_is_pending() -> None:
    description = described(waiting_order())
    assert [activity.activity_id for activity in description.pending_activities] == ["2"]
    assert description.workflow_execution_info.status == 1
    assert described(failed_order()).workflow_execution_info.status == 3


# The list.


def test_status_tab_and_filter_make_one_query() -> None:
    assert Listing(filter="WorkflowType = 'A' OR WorkflowType = 'B'", status="Running").query == (
        "(WorkflowType = 'A' OR WorkflowType = 'B') AND ExecutionStatus = 'Running'"
    )


def test_sorting_goes_up_then_down_then_back_to_the_servers_order() -> None:
    listing = Listing()
    infos = [run.description.workflow_execution_info for run in recorded().runs]
    listing.take(infos, now=NOW, more=False)
    listing.sort_by("workflow_id", NOW)
    assert [row.workflow_id for row in listing.rows] == ["order-1041", "order-1043", "order-1045"]
    listing.sort_by("workflow_id", NOW)
    assert [row.workflow_id for row in listing.rows] == ["order-1045", "order-1043", "order-1041"]
    listing.sort_by("workflow_id", NOW)
    assert listing.sort_key == ""


def test_what_was_paged_in_stays_when_the_head_is_read_again() -> None:
    listing = Listing()
    infos = [run.description.workflow_execution_info for run in recorded().runs]
    listing.take(infos[:2], now=NOW, more=True)
    listing.take(infos[2:], now=NOW, more=False, append=True)
    listing.take(infos[:2], now=NOW, more=True)
    assert len(listing.rows) == 3


# Input and export.


def test_arguments_are_json_values_one_after_another() -> None:
    assert [payload.data for payload in payloads('1 "two", {"three": 3}').payloads] == [b"1", b'"two"', b'{"three": 3}']
    assert not payloads("  ").payloads
    with pytest.raises(CommandError, match="is not JSON"):
        payloads("oops")


def test_an_export_is_never_written_over_a_file_and_redacts_what_is_secret(tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    write_history(str(target), failed_order(), "redact")
    text = target.read_text()
    assert "card declined" not in text
    assert "129.5" not in text
    assert "orders.py" not in text
    assert json.loads(text)["events"][0]["eventId"] == "1"
    with pytest.raises(CommandError, match="exists already"):
        write_history(str(target), failed_order(), "keep")


def test_an_export_can_be_read_again(tmp_path: Path) -> None:
    from wfctl.commands.tui import read_histories

    target = tmp_path / "out.json"
    write_history(str(target), shipped_order(), "keep")
    assert next(read_histories(target)) == shipped_order()


def test_a_browsers_page_runs_the_same_command_line_without_serve() -> None:
    asked = ["wfctl", "tui", "--serve", "--serve-port", "9", "--address", "a:1"]
    assert without_serve(asked)[1:] == ["-m", "wfctl", "tui", "--address", "a:1"]


def test_only_a_page_of_this_machine_is_answered() -> None:
    assert is_ours("localhost:8700", None)
    assert is_ours("127.0.0.1:9000", "http://127.0.0.1:9000")
    assert is_ours("[::1]:8700", "http://[::1]:8700")
    assert not is_ours("localhost:8700", "https://elsewhere.example")
    assert not is_ours("localhost:8700", "null")
    assert not is_ours("turned.example:8700", "http://turned.example:8700")
    assert not is_ours("", None)
    assert not is_ours("[::1", None)


def test_an_axis_of_very_many_spans_is_made_from_some_of_them_and_all_open_ones() -> None:
    spans = Spans()
    spans.take(ItemMaker().items(long_history(20000)))
    spans.spans[1].ended = None
    axis = build_axis(spans.spans, BEGAN, BEGAN + timedelta(hours=1))
    assert len(axis.moments) < 6000
    assert axis.place(BEGAN) == 0.0
    assert not axis.gaps


# Completion.


@pytest.mark.parametrize(
    ("text", "completed"),
    [
        ("Work", "WorkflowId"),
        ("WorkflowType = 'Or", "WorkflowType = 'OrderWorkflow'"),
        ("WorkflowType = 'OrderWorkflow' AND exec", "WorkflowType = 'OrderWorkflow' AND ExecutionStatus"),
        ("ExecutionStatus = 'f", "ExecutionStatus = 'Failed'"),
        ("(TaskQ", "(TaskQueue"),
        ("WorkflowType = ", None),
        ("WorkflowId = 'nothing", None),
    ],
)
def test_the_filter_bar_completes_names_and_the_values_that_are_shown(text: str, completed: str | None) -> None:
    listing = Listing()
    listing.take([run.description.workflow_execution_info for run in recorded().runs], now=NOW, more=False)
    assert complete(text, SYSTEM_ATTRIBUTES, listing.values()) == completed


def test_a_reset_says_beforehand_what_it_leaves_behind_and_what_it_sends_again() -> None:
    items = ItemMaker().items(shipped_order())
    assert reset_preview(items, 4).strip() == (
        "At event 4: 25 events left behind. Sent again: 1 signal. "
        "Done again: reserve (id 1), charge (id 2), ship (id 3)."
    )
    assert reset_preview(items, 28).strip() == "At event 28: 1 event left behind."


def test_payloads_are_searched_as_they_were_written() -> None:
    events = shipped_order()
    payload = events[0].workflow_execution_started_event_attributes.input.payloads[0]
    payload.data = '{"für": "Zoë"}'.encode()
    events_list = EventList()
    events_list.take(ItemMaker().items(events))
    for words in ("payload:Zoë", "payload:für.:", "payload:zoË"):
        events_list.set_filter(parse_filter(words))
        assert [item.row.event_id for item in events_list.shown] == [1], words
