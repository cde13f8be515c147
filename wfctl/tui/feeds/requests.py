"""What actions are made of: a request by its method's name, the fields that a dialog asks for, and an action itself."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from wfctl.errors import UsageMistake
from wfctl.tui.feeds.source import Source
from wfctl.tui.models.cells import Cell
from wfctl.tui.models.run import RunRef

Values = Mapping[str, str]
"""What was typed into a dialog, by the fields' names."""

Target = TypeVar("Target")


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    label: str
    default: str = ""
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an action: a sentence, and what was answered, if it was a question."""

    said: str
    answer: Sequence[Cell] = ()


@dataclass(frozen=True, slots=True)
class Action(Generic[Target]):
    """What can be done to a run, an activity, a schedule …

    An action is always told what was selected when its dialog opened, never what is selected when it is confirmed.
    """

    key: str
    name: str
    note: str
    what: str
    """A sentence for the dialog; `{id}` is the target's name."""
    run: Callable[[Source, Target, Values], Done]
    fields: Sequence[Field] = field(default=())
    destructive: bool = False
    must_type: str = ""
    """What has to be typed before it is done."""
    of_open: bool = True
    of_closed: bool = False
    batchable: bool = False
    changes: bool = True
    """Whether it does something, as against asks."""
    prefill: Callable[[Source, Target], Values] | None = None
    """What stands in the fields at first, of the target as it is now."""


def ask(source: Source, method: str, *, timeout: float | None = None, **fields: Any) -> Any:
    """A method by its name, with what every request of its kind has: namespace, identity, request id."""
    from temporalio.api.workflowservice.v1 import request_response_pb2 as messages

    kind = getattr(messages, f"{method}Request")
    common = {"namespace": source.namespace, "identity": source.identity, "request_id": str(uuid.uuid4())}
    known = kind.DESCRIPTOR.fields_by_name
    request = kind(**{name: value for name, value in common.items() if name in known}, **fields)
    return source.call(method, request) if timeout is None else source.call(method, request, timeout)


def sends(
    method: str, said: str, fields: Callable[[Target, Values], dict[str, Any]]
) -> Callable[[Source, Target, Values], Done]:
    """An action that is one request, whose answer says nothing. `said` may name what was typed: `{name}`."""

    def run(source: Source, target: Target, values: Values) -> Done:
        ask(source, method, **fields(target, values))
        return Done(said.format_map(values))

    return run


def execution(ref: RunRef) -> Any:
    from temporalio.api.common.v1 import WorkflowExecution

    return WorkflowExecution(workflow_id=ref.workflow_id, run_id=ref.run_id)


def payloads(text: str) -> Any:
    """Arguments as people type them: JSON values one after another, or nothing."""
    from temporalio.api.common.v1 import Payload, Payloads

    found = Payloads()
    decoder, at = json.JSONDecoder(), 0
    body = text.strip()
    while at < len(body):
        try:
            _, end = decoder.raw_decode(body, at)
        except ValueError as error:
            raise UsageMistake(
                f"'{body[at:]}' is not JSON: {error}", hint='text is written in quotes: "like this"'
            ) from error
        found.payloads.append(Payload(metadata={"encoding": b"json/plain"}, data=body[at:end].encode()))
        at = end
        while at < len(body) and body[at] in " ,\n\t":
            at += 1
    return found
