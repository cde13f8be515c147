"""A history written to a file: as it is, with its payloads decoded, or with them taken out."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload

from wfctl.errors import CommandError, UsageMistake
from wfctl.view.protojson import to_json

_WAYS = ("keep", "decode", "redact")
_REDACTED = b'"redacted"'


def write_history(path: str, events: Sequence[Any], way: str) -> str:
    """`keep` is what replayers read; `redact` keeps what happened and takes out every value and message."""
    if way not in _WAYS:
        raise UsageMistake(f"'{way}' is not one of {', '.join(_WAYS)}")
    made = [_redacted(event) if way == "redact" else event for event in events]
    text = json.dumps(
        {"events": [to_json(event, shorthand=way == "decode") for event in made]}, indent=2, ensure_ascii=False
    )
    target = Path(path).expanduser()
    try:
        with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text + "\n")
    except FileExistsError:
        raise CommandError(f"{target} exists already", hint="name another file") from None
    except OSError as error:
        raise CommandError(f"cannot write {target}: {error.strerror}") from error
    return f"{len(events)} events written to {target}"


def _redacted(event: Any) -> Any:
    """A copy without values: payloads, failure messages and stack traces may all hold secrets."""
    copy = type(event)()
    copy.CopyFrom(event)
    _redact(copy)
    return copy


def _redact(message: Message) -> None:
    name = message.DESCRIPTOR.full_name
    if name == "temporal.api.common.v1.Payload":
        message.CopyFrom(Payload(metadata={"encoding": b"json/plain"}, data=_REDACTED))
        return
    if name == "temporal.api.failure.v1.Failure":
        for words in ("message", "stack_trace"):
            if getattr(message, words):
                setattr(message, words, "redacted")
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            inner = value.values() if field.message_type.fields_by_name["value"].message_type is not None else ()
        else:
            inner = value if field.is_repeated else (value,)
        for one in inner:
            _redact(one)
