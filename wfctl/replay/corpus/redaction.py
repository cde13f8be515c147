"""Takes what is private out of a history, and leaves what decides its path.

Text in payloads is exchanged word for word and letter for letter, the same word always for the same: lengths, patterns and
equalities stay, and a text that was put together from others still is. Numbers, booleans, times, UUIDs, keys and null stay. So
do words that the code itself spells out (it compares with them), and those that are part of an id in the history (ids
are made from them, and tell them anyway). Text in failures goes the
same way; stack traces and the names of workers are dropped.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from temporalio.api.common.v1 import Payload, SearchAttributes
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent

from wfctl.client.codec import payloads_in

_JSON = (b"json/plain", b"json/protobuf")
_KEPT = (b"binary/null", b"binary/encrypted")
_SHORTEST_IN_ID = 3
_LONGEST_QUANTITY = 8
_WORD = re.compile(r"[^\W_]+")
_UUID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_OF_THE_SDK = (
    "Activity task failed", "Activity task timed out", "Activity cancelled", "Child Workflow execution failed",
    "Workflow cancelled", "Cancelled", "Workflow execution timed out", "Nexus operation failed", "True False None",
)  # fmt: skip


@dataclass(slots=True)
class Redactor:
    """For one history: `literals` are the texts that the code spells out."""

    literals: frozenset[str] = frozenset()
    key: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    words: frozenset[str] = frozenset()
    ids: list[str] = field(default_factory=list)
    id_words: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.words = _words([*self.literals, *_OF_THE_SDK])

    def redact(self, events: Iterable[HistoryEvent]) -> list[HistoryEvent]:
        """Copies of the events without what is private."""
        copies = []
        for event in events:
            copy = HistoryEvent()
            copy.CopyFrom(event)
            copies.append(copy)
        self.ids = ids_in(copies)
        self.id_words = _words(self.ids)
        for copy in copies:
            self._event(copy)
        return copies

    def _event(self, event: HistoryEvent) -> None:
        is_marker = event.WhichOneof("attributes") == "marker_recorded_event_attributes"
        for payload in payloads_in(event):
            self._payload(payload, is_marker=is_marker)
        for attributes in _of_type(event, SearchAttributes):
            for name, payload in attributes.indexed_fields.items():
                if not name.startswith(("Temporal", "BuildIds")):
                    self._payload(payload, is_marker=False)
        for failure in _of_type(event, Failure):
            failure.message = self.text(failure.message)
            failure.stack_trace = ""
        _drop_identities(event)

    def _payload(self, payload: Payload, *, is_marker: bool) -> None:
        encoding = payload.metadata.get("encoding", b"")
        if encoding in _JSON:
            try:
                value = json.loads(payload.data)
            except ValueError:
                return
            if is_marker and isinstance(value, dict) and {"id", "activity_type", "seq"} & value.keys():
                return  # the SDK's own: which patch, which local activity
            payload.data = json.dumps(self.value(value), separators=(",", ":")).encode()
        elif encoding == b"binary/plain":
            payload.data = bytes(len(payload.data))
        elif encoding not in _KEPT and not encoding.startswith(b"binary/"):
            payload.data = self.text(payload.data.decode(errors="replace")).encode()

    def value(self, value: Any) -> Any:
        """A JSON value with its texts exchanged."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {key: self.value(item) for key, item in value.items()}
        return value

    def text(self, text: str) -> str:
        if not text or text in self.literals or _is_time(text) or _is_quantity(text) or _UUID.fullmatch(text):
            return text
        if len(text) >= _SHORTEST_IN_ID and any(text in one for one in self.ids):
            return text
        return _WORD.sub(lambda match: self._word(match[0]), text)

    def _word(self, word: str) -> str:
        """Word by word, so that a text made of others stays made of them."""
        if word in self.words or word in self.id_words or _is_quantity(word):
            return word
        digest = _stream(self.key, word)
        return "".join(_exchanged(char, digest[index]) for index, char in enumerate(word))


def _stream(key: bytes, text: str) -> bytes:
    needed = len(text)
    stream = b""
    while len(stream) < needed:
        stream += hashlib.blake2b(text.encode(errors="replace") + len(stream).to_bytes(4, "big"), key=key).digest()
    return stream


def _exchanged(char: str, number: int) -> str:
    if char.isdigit():
        return str(number % 10)
    if char.isupper():
        return string.ascii_uppercase[number % 26]
    if char.isalpha():
        return string.ascii_lowercase[number % 26]
    return char


def _is_time(text: str) -> bool:
    for parse in (datetime.fromisoformat, date.fromisoformat):
        try:
            parse(text)
            return True
        except ValueError:
            continue
    return False


def _words(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(word for text in texts for word in _WORD.findall(text))


def _is_quantity(text: str) -> bool:
    """A quantity; longer ones are account numbers and the like."""
    if len(text) > _LONGEST_QUANTITY:
        return False
    try:
        float(text)
        return True
    except ValueError:
        return False


def ids_in(events: Sequence[HistoryEvent]) -> list[str]:
    """Workflow ids, activity ids, timer ids and update ids that the history's commands were made with."""
    found: set[str] = set()
    for event in events:
        _collect_ids(event, found)
    return sorted(found)


def _collect_ids(message: Any, found: set[str]) -> None:
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            if descriptor.name in ("workflow_id", "activity_id", "timer_id", "update_id", "name") and not (
                descriptor.is_repeated
            ):
                found.add(value)
        elif descriptor.message_type.GetOptions().map_entry or descriptor.message_type.full_name.endswith("Payload"):
            continue
        elif descriptor.is_repeated:
            for item in value:
                _collect_ids(item, found)
        else:
            _collect_ids(value, found)


def _of_type(message: Any, kind: type[Any]) -> Iterable[Any]:
    """Every message of a type inside a message."""
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None or descriptor.message_type.GetOptions().map_entry:
            continue
        for item in value if descriptor.is_repeated else [value]:
            if isinstance(item, kind):
                yield item
            yield from _of_type(item, kind)


def _drop_identities(event: HistoryEvent) -> None:
    attributes: Any = getattr(event, str(event.WhichOneof("attributes")), None)
    if getattr(attributes, "identity", ""):
        attributes.identity = "redacted"
