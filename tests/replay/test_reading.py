"""Histories as people have them: every spelling, order and container; and the reason why a bad one is refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.history.v1 import History, HistoryEvent
from temporalio.client import WorkflowHistory

from tests.replay.building import as_json, event, one_activity, payload
from wfctl.replay.reading import BadHistory, ReadHistory, read, references
from wfctl.replay.sources import StoredHistory

SHARED = next(
    (path for parent in Path(__file__).parents[3:5] if (path := parent / "shared" / "histories").is_dir()),
    Path("absent"),
)


def read_one(data: str | bytes, **stored: Any) -> ReadHistory | BadHistory:
    data = data.encode() if isinstance(data, str) else data
    (history,) = read(StoredHistory("test", text=data, **stored))
    return history


def good(data: str | bytes) -> ReadHistory:
    history = read_one(data)
    assert isinstance(history, ReadHistory), history
    return history


def refusal(data: str | bytes) -> str:
    history = read_one(data)
    assert isinstance(history, BadHistory)
    return history.reason


def reference(events: list[dict[str, Any]]) -> list[HistoryEvent]:
    return list(WorkflowHistory.from_json("x", as_json(events)).events)


def test_the_cli_s_spelling_reads_as_the_sdk_reads_it() -> None:
    assert good(as_json(one_activity())).events == reference(one_activity())


def test_the_older_spelling_of_enums_reads_the_same() -> None:
    text = as_json(one_activity()).replace("TASK_QUEUE_KIND_NORMAL", "Normal")
    for name in ("WorkflowExecutionStarted", "WorkflowTaskScheduled", "WorkflowTaskStarted", "WorkflowTaskCompleted",
                 "ActivityTaskScheduled", "ActivityTaskStarted", "ActivityTaskCompleted", "WorkflowExecutionCompleted"):  # fmt: skip
        screaming = "".join(f"_{char}" if char.isupper() else char.upper() for char in name)
        text = text.replace(f"EVENT_TYPE{screaming}", name)
    assert "EVENT_TYPE" not in text
    assert good(text).events == reference(one_activity())


def test_numbers_of_enums_and_proto_names_of_fields_are_read() -> None:
    text = json.dumps([{"event_id": 1, "event_type": 1, "workflow_execution_started_event_attributes": {
        "workflow_type": {"name": "T"}, "workflow_id": "w"}}])  # fmt: skip
    history = good(text)
    assert (history.workflow_type, history.workflow_id) == ("T", "w")


def test_a_newest_first_export_is_turned_round() -> None:
    history = good(as_json(one_activity()[::-1]))
    assert history.events == reference(one_activity())
    assert history.notes == ["newest event first; turned round"]


@pytest.mark.parametrize("wrap", [
    lambda events: json.dumps(events),
    lambda events: json.dumps({"history": {"events": events}}),
    lambda events: json.dumps({"nextPageToken": "x", "events": events, "more": {"events": [1]}}),
    lambda events: "\ufeff" + as_json(events),
    lambda events: gzip.compress(as_json(events).encode()),
    lambda events: as_json(events).encode("utf-16"),
    lambda events: History(events=reference(events)).SerializeToString(),
])  # fmt: skip
def test_containers(wrap: Any, tmp_path: Path) -> None:
    data = wrap(one_activity())
    path = tmp_path / "history.json"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    (history,) = read(StoredHistory("test", path=str(path)))
    assert isinstance(history, ReadHistory)
    assert history.events == reference(one_activity())


def test_shorthand_payloads_are_payloads() -> None:
    events = one_activity()
    events[0]["workflowExecutionStartedEventAttributes"]["input"] = ["Ada"]
    events[0]["workflowExecutionStartedEventAttributes"]["memo"] = {"fields": {"note": {"a": 1}}}
    history = good(as_json(events))
    started = history.events[0].workflow_execution_started_event_attributes
    assert started.input.payloads[0].data == b'"Ada"'
    assert started.memo.fields["note"].data == b'{"a":1}'
    assert started.memo.fields["note"].metadata["encoding"] == b"json/plain"


def test_url_safe_base64_without_padding_is_read() -> None:
    events = one_activity()
    events[0]["workflowExecutionStartedEventAttributes"]["input"] = {"payloads": [{"metadata": {}, "data": "_-8"}]}
    assert (
        good(as_json(events)).events[0].workflow_execution_started_event_attributes.input.payloads[0].data
        == b"\xff\xef"
    )


def test_the_workflow_id_comes_from_the_first_event_not_from_the_file() -> None:
    assert good(as_json(one_activity(workflow_id="order/17"))).workflow_id == "order/17"


def test_an_old_history_without_a_workflow_id_takes_the_file_s_name(tmp_path: Path) -> None:
    events = one_activity()
    del events[0]["workflowExecutionStartedEventAttributes"]["workflowId"]
    path = tmp_path / "order-17.json.gz"
    path.write_bytes(gzip.compress(as_json(events).encode()))
    (history,) = read(StoredHistory("test", path=str(path)))
    assert isinstance(history, ReadHistory)
    assert history.workflow_id == "order-17"


def test_fields_of_a_newer_server_are_left_out() -> None:
    events = one_activity()
    events[4]["activityTaskScheduledEventAttributes"]["fromTheFuture"] = {"x": [1]}
    events[4]["alsoNew"] = 1
    assert good(as_json(events)).events == reference(one_activity())


def test_an_event_that_may_be_ignored_is_no_reason_to_refuse() -> None:
    events = one_activity()[:4]
    events.append({"eventId": "5", "eventType": "EVENT_TYPE_FROM_THE_FUTURE", "workerMayIgnore": True})
    assert len(good(as_json(events)).events) == 5


# Refusals.


def without(event_id: int) -> list[dict[str, Any]]:
    return [one for one in one_activity() if one["eventId"] != str(event_id)]


def changed(event_id: int, **changes: Any) -> list[dict[str, Any]]:
    events = one_activity()
    events[event_id - 1] = {**events[event_id - 1], **changes}
    return events


@pytest.mark.parametrize(("data", "reason"), [
    ("", "the file is empty"),
    ("   \n", "the file is empty"),
    ("hello", "not valid JSON: Expecting value at line 1, column 1"),
    ('{"name": "x"}', "there are no events in this JSON"),
    ("[]", "there are no events in it"),
    ('{"events": []}', "there are no events in it"),
    ('[{"name": "x"}]', "the list in this JSON does not hold events"),
    (as_json(one_activity()).replace('"eventId": "3"', '"eventId": "x"'), "eventId: a number is expected, not 'x'"),
    (as_json(one_activity())[:900], "the JSON is cut short: it ends in line"),
    (as_json(one_activity())[:-1], "the JSON is cut short: it ends in line"),
    (as_json(one_activity()).replace('"eventTime"', "eventTime", 1), "not valid JSON: "),
    (as_json(without(7)), "event 7 is missing: 6 is followed by 8 (WorkflowTaskScheduled)"),
    (as_json([*one_activity()[:5], *one_activity()[8:]]), "events 6–8 are missing: 5 is followed by 9 (WorkflowTaskStarted)"),
    (as_json(without(1)), "begins with event 2 (WorkflowTaskScheduled); event 1 is missing"),
    (as_json(one_activity()[3:]), "begins with event 4 (WorkflowTaskCompleted); events 1–3 are missing"),
    (as_json([*one_activity()[:5], *one_activity()[4:]]), "event id 5 (ActivityTaskScheduled) follows 5: repeated or out of order"),
    (as_json([event(1, "TimerStarted", timerId="1")]), "the first event is TimerStarted, not WorkflowExecutionStarted"),
    (as_json(changed(5, eventType="EVENT_TYPE_FROM_THE_FUTURE")),
     "event 5 (EVENT_TYPE_FROM_THE_FUTURE): eventType: the event type 'EVENT_TYPE_FROM_THE_FUTURE' is not one this SDK knows"),
    (as_json(changed(5, eventType=999)), "event 5 has an unknown type 999, which this SDK does not know"),
    (as_json([*one_activity()[:4], {"eventId": "5", "eventType": "EVENT_TYPE_TIMER_STARTED"}]),
     "event 5 (TimerStarted) has no attributes"),
    (as_json(changed(5, eventType="EVENT_TYPE_TIMER_STARTED")),
     "event 5 is a TimerStarted but carries activity_task_scheduled_event_attributes"),
    (as_json(changed(7, activityTaskCompletedEventAttributes={"scheduledEventId": "4", "startedEventId": "6"})),
     "event 7 (ActivityTaskCompleted) answers event 4, which is WorkflowTaskCompleted and not ActivityTaskScheduled"),
    (as_json([*one_activity(), event(12, "WorkflowTaskScheduled")]),
     "event 12 (WorkflowTaskScheduled) stands after WorkflowExecutionCompleted, which ends a run"),
    (as_json(changed(5, activityTaskScheduledEventAttributes={"activityId": 7})),
     "event 5 (EVENT_TYPE_ACTIVITY_TASK_SCHEDULED): activityTaskScheduledEventAttributes.activityId: text is expected, not a number"),
    (as_json(changed(5, activityTaskScheduledEventAttributes={"input": {"payloads": [{"metadata": {}, "data": "%%"}]}})),
     "event 5 (EVENT_TYPE_ACTIVITY_TASK_SCHEDULED): activityTaskScheduledEventAttributes.input.data: "),
    (gzip.compress(as_json(one_activity()).encode())[:200], "the gzip file is damaged or cut short"),
    (b"\xff\xfe\x00", "the file is not text"),
])  # fmt: skip
def test_a_bad_history_is_refused_with_its_reason(data: str | bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    (history,) = read(StoredHistory("test", path=str(path)))
    assert isinstance(history, BadHistory)
    assert reason in history.reason


def test_a_second_document_may_be_bad_while_the_first_is_good() -> None:
    found = list(read(StoredHistory("test", text=(as_json(one_activity()) + as_json(without(7))).encode())))
    assert isinstance(found[0], ReadHistory)
    assert isinstance(found[1], BadHistory)


def test_references_are_continued_runs_and_children() -> None:
    child = event(6, "ChildWorkflowExecutionStarted", initiatedEventId="5",
                  workflowExecution={"workflowId": "child", "runId": "child-run"})  # fmt: skip
    initiated = event(5, "StartChildWorkflowExecutionInitiated", workflowId="child", workflowType={"name": "Child"})
    continued = event(7, "WorkflowExecutionContinuedAsNew", newExecutionRunId="next-run")
    history = good(as_json([*one_activity()[:4], initiated, child, continued]))
    found = [(one.workflow_id, one.run_id, one.relation) for one in references(history.events)]
    assert found == [("child", "child-run", "child"), ("greeting-1", "next-run", "continued")]


def test_a_payload_that_only_looks_like_shorthand_is_a_payload() -> None:
    events = one_activity()
    events[0]["workflowExecutionStartedEventAttributes"]["header"] = {"fields": {"h": payload("x")}}
    started = good(as_json(events)).events[0].workflow_execution_started_event_attributes
    assert started.header.fields["h"].data == b'"x"'


@pytest.mark.skipif(not SHARED.is_dir(), reason="the histories recorded by others are not here")
def test_every_history_recorded_by_others_is_read_as_the_sdk_reads_it() -> None:
    paths = sorted(SHARED.rglob("*.json"))
    assert paths
    for path in paths:
        (history,) = read(StoredHistory(path.name, path=str(path)))
        assert isinstance(history, ReadHistory), f"{path}: {history}"
        if path.name == "workflow_with_unknown_event.json":
            assert [one.event_id for one in history.events if not one.event_type] == [23]
            continue
        assert history.events == list(WorkflowHistory.from_json("x", path.read_text()).events), path
