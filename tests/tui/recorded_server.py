"""A source that answers as a real server once did: `recorded/nouns.json`, from Temporal's own dev server."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict
from temporalio.api.operatorservice.v1 import request_response_pb2 as operator
from temporalio.api.workflowservice.v1 import request_response_pb2 as workflows

from wfctl.errors import ServerRefused

_CHANGES = ("Patch", "Stop", "Delete", "Create", "Update", "Pause", "Unpause")
_PATH = Path(__file__).parent / "recorded" / "nouns.json"


class RecordedServer:
    """What it was not asked then, or is told to lack, it does not implement. Requests that change something are kept."""

    title = "127.0.0.1:7233"
    namespace = "default"
    identity = "tester"
    read_only = False
    is_live = True
    as_of = None
    warning = ""

    def __init__(self, lacking: tuple[str, ...] = ()) -> None:
        value = json.loads(_PATH.read_text(encoding="utf-8"))
        self.at = datetime.fromisoformat(value["at"])
        self._answers = {
            _key(call["method"], call["request"]): call["response"]
            for call in value["calls"]
            if call["method"] not in lacking
        }
        self.changes: list[tuple[str, Any]] = []

    def call(self, method: str, request: Any, timeout: float | None = None) -> Any:
        response_type = getattr(workflows, f"{method}Response", None) or getattr(operator, f"{method}Response")
        if method.startswith(_CHANGES):
            self.changes.append((method, request))
            return response_type()
        answer = self._answers.get(_key(method, MessageToDict(request)))
        if answer is None:
            raise ServerRefused(f"unknown method {method}", code="UNIMPLEMENTED")
        return ParseDict(answer, response_type())

    def in_namespace(self, namespace: str) -> RecordedServer:
        return self

    def close(self) -> None:
        self._answers.clear()


def _key(method: str, request: Any) -> str:
    return f"{method} {json.dumps(request, sort_keys=True)}"
