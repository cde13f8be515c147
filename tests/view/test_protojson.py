"""Messages as JSON: the same as protojson, but for the shorthand of payloads."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf import json_format
from temporalio.api.common.v1 import Payload, Payloads, RetryPolicy
from temporalio.api.history.v1 import History
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import GetSystemInfoResponse

from tests.commands import samples
from wfctl.view.payloads import fields_text, payload_text, payloads_text, summary_text
from wfctl.view.protojson import from_json, to_json, upgraded_history


@pytest.mark.parametrize(
    "message",
    [
        samples.info(closed=5.25),
        samples.stuck_description(),
        History(events=samples.failed_order()),
        RetryPolicy(backoff_coefficient=2.0, initial_interval=samples.lasting(0.5), non_retryable_error_types=["A"]),
        GetSystemInfoResponse(capabilities=GetSystemInfoResponse.Capabilities(upsert_memo=True)),
        Payload(data=b"\x00\xff", metadata={"encoding": b"binary/plain"}),
    ],
    ids=lambda message: message.DESCRIPTOR.name,
)
def test_without_shorthand_it_is_protojson(message: Any) -> None:
    assert to_json(message, shorthand=False) == json_format.MessageToDict(message)


def test_fields_come_in_the_order_in_which_they_are_declared() -> None:
    value = to_json(WorkflowExecutionInfo(history_length=3, task_queue="q", execution=samples.execution()))
    assert list(value) == ["execution", "historyLength", "taskQueue"]


def payload(data: bytes, **metadata: bytes) -> Payload:
    return Payload(data=data, metadata=metadata)


@pytest.mark.parametrize(
    ("message", "value"),
    [
        (payload(b'{"a": 1}', encoding=b"json/plain"), {"a": 1}),
        (payload(b"", encoding=b"binary/null"), None),
        (payload(b'{"x": 1}', encoding=b"json/protobuf", messageType=b"m.T"), {"x": 1, "_protoMessageType": "m.T"}),
        (Payloads(payloads=[payload(b"1", encoding=b"json/plain"), payload(b"", encoding=b"binary/null")]), [1, None]),
    ],
)
def test_json_payloads_are_printed_as_their_json(message: Any, value: Any) -> None:
    assert to_json(message) == value


@pytest.mark.parametrize(
    "message",
    [
        payload(b"1", encoding=b"json/plain", type=b"Int"),
        payload(b"{", encoding=b"json/plain"),
        payload(b"\x00", encoding=b"binary/plain"),
        payload(b"[1]", encoding=b"json/protobuf", messageType=b"m.T"),
    ],
)
def test_what_would_lose_something_stays_long(message: Any) -> None:
    assert to_json(message) == json_format.MessageToDict(message)


def test_payloads_that_are_not_all_json_are_shortened_one_by_one() -> None:
    mixed = Payloads(payloads=[payload(b"1", encoding=b"json/plain"), payload(b"\x00", encoding=b"binary/plain")])
    assert to_json(mixed) == {"payloads": [1, {"metadata": {"encoding": "YmluYXJ5L3BsYWlu"}, "data": "AA=="}]}


def test_older_histories_are_read() -> None:
    older = {"events": [{"eventId": "1", "eventType": "TimerFired", "timerFiredEventAttributes": {"timerId": "7"}}]}
    read = History()
    from_json(upgraded_history(older), read)
    assert to_json(read)["events"][0]["eventType"] == "EVENT_TYPE_TIMER_FIRED"


def test_unknown_fields_are_ignored_when_reading() -> None:
    read = History()
    from_json(json.loads('{"events": [{"eventId": "1", "someday": 1}]}'), read)
    assert read.events[0].event_id == 1


def test_payloads_are_readable_in_text() -> None:
    assert payload_text(payload(b'{"a": [1, 2]}', encoding=b"json/plain")) == '{"a":[1,2]}'
    assert payload_text(payload(b'"gold"', encoding=b"json/plain", type=b"Keyword")) == '"gold"'
    assert payload_text(payload(b"\x00\x01", encoding=b"binary/plain")) == "2 bytes"
    assert payload_text(payload(b"x" * 9, encoding=b"binary/encrypted")) == "binary/encrypted, 9 bytes"
    assert payloads_text(samples.json_payloads("1", '"x"')) == '[1,"x"]'
    assert payloads_text(Payloads()) == ""
    assert summary_text(samples.json_payload('"in words"')) == "in words"
    assert fields_text({"b": samples.json_payload("2"), "a": samples.json_payload("1")}) == "a=1, b=2"
