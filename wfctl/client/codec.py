"""The remote codec: payloads go to an HTTP endpoint to be encoded before a call and decoded after it."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any

from google.protobuf.message import Message

from wfctl.config import Codec
from wfctl.errors import CommandError
from wfctl.view.protojson import from_json, to_json

_SECONDS = 30.0
_PATIENT_SECONDS = 5.0
_REST_SECONDS = 5.0
_NEVER_ENCODED = frozenset({"temporal.api.common.v1.SearchAttributes"})
_PAYLOAD = "temporal.api.common.v1.Payload"


class RemoteCodec:
    def __init__(self, codec: Codec, namespace: str, *, seconds: float = _SECONDS) -> None:
        self._codec = codec
        self._seconds = seconds
        self._namespace = namespace

    def encoded(self, request: Any) -> Any:
        """A copy of the request with its payloads encoded."""
        copy = type(request)()
        copy.CopyFrom(request)
        return self._through("encode", copy)

    def decoding(self, outcome: Any) -> Any:
        """The call, whose result will have its payloads decoded."""
        self._through("decode", outcome.result())
        return outcome

    def encode(self, payloads: Sequence[Any]) -> list[Any]:
        """Payloads encoded."""
        return self._post("encode", payloads)

    def _through(self, operation: str, message: Any) -> Any:
        payloads = list(payloads_in(message))
        if payloads:
            for payload, converted in zip(payloads, self._post(operation, payloads), strict=True):
                payload.CopyFrom(converted)
        return message

    def _post(self, operation: str, payloads: Sequence[Any]) -> list[Any]:
        url = f"{self._codec.endpoint.rstrip('/')}/{operation}"
        headers = {"Content-Type": "application/json", "X-Namespace": self._namespace, **self._codec.headers}
        if self._codec.auth:
            headers["Authorization"] = self._codec.auth
        body = json.dumps({"payloads": [to_json(payload, shorthand=False) for payload in payloads]}).encode()
        try:
            request = urllib.request.Request(url, data=body, headers=headers, method="POST")
            with urllib.request.urlopen(request, timeout=self._seconds) as answer:
                converted = json.load(answer)["payloads"]
        except urllib.error.HTTPError as error:
            error.close()  # it holds the connection
            raise CommandError(f"the codec at {url} answered {error.code} {error.reason}") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = getattr(error, "reason", error)
            raise CommandError(
                f"the codec at {url} did not answer as a codec: {reason}", hint="check --codec-endpoint"
            ) from error
        if len(converted) != len(payloads):
            raise CommandError(f"the codec at {url} returned {len(converted)} payloads for {len(payloads)}")
        return [_payload_like(payloads[0], value) for value in converted]


class ForgivingCodec(RemoteCodec):
    """For looking: what cannot be decoded stays encoded and is worth showing all the same. Nothing is sent unencoded."""

    def __init__(self, codec: Codec, namespace: str) -> None:
        super().__init__(codec, namespace, seconds=_PATIENT_SECONDS)
        self.failure: CommandError | None = None
        self._rests_until = 0.0

    def decoding(self, outcome: Any) -> Any:
        message = outcome.result()
        if time.monotonic() < self._rests_until or not payloads_in(message):
            return outcome
        try:
            self._through("decode", message)
            self.failure = None
        except CommandError as error:
            self.failure = error
            # Each screen asks every second or so; whoever is down need not be asked as often.
            self._rests_until = time.monotonic() + _REST_SECONDS
        return outcome


def _payload_like(example: Any, value: Any) -> Any:
    payload = type(example)()
    from_json(value, payload)
    return payload


def payloads_in(message: Message) -> list[Any]:
    """Every payload of a message but those of search attributes, which the server reads."""
    found: list[Any] = []
    _visit(message, found.append)
    return found


def _visit(message: Any, take: Callable[[Any], None]) -> None:
    name = message.DESCRIPTOR.full_name
    if name == _PAYLOAD:
        take(message)
        return
    if name in _NEVER_ENCODED or name.startswith("google.protobuf."):
        return
    for field, value in message.ListFields():
        kind = field.message_type
        if kind is None:
            continue
        if kind.GetOptions().map_entry:
            if kind.fields_by_name["value"].message_type is not None:
                for key in value:
                    _visit(value[key], take)
        elif field.is_repeated:
            for item in value:
                _visit(item, take)
        else:
            _visit(value, take)
