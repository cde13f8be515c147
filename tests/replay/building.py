"""Small histories as JSON, and small projects, for tests of the checker."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TIME = "2026-01-01T00:00:00Z"

GREETING = """\
from datetime import timedelta

from temporalio import workflow


@workflow.defn
class Greeting:
    @workflow.run
    async def run(self, name: str) -> str:
        return await workflow.execute_activity(
            "greet", name, start_to_close_timeout=timedelta(seconds=5)
        )
"""


def payload(value: Any) -> dict[str, Any]:
    return {"metadata": {"encoding": _base64(b"json/plain")}, "data": _base64(json.dumps(value).encode())}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def event(event_id: int, name: str, **attributes: Any) -> dict[str, Any]:
    """An event in the spelling of the CLI; `name` as in `ActivityTaskScheduled`."""
    screaming = "".join(f"_{char}" if char.isupper() else char.upper() for char in name)
    key = name[0].lower() + name[1:] + "EventAttributes"
    return {"eventId": str(event_id), "eventTime": TIME, "eventType": f"EVENT_TYPE{screaming}", key: attributes}


def one_activity(
    workflow_type: str = "Greeting", workflow_id: str = "greeting-1", run_id: str = "run-1", activity: str = "greet"
) -> list[dict[str, Any]]:
    """A run with one activity, completed."""
    return [
        event(
            1,
            "WorkflowExecutionStarted",
            workflowType={"name": workflow_type},
            taskQueue={"name": "queue", "kind": "TASK_QUEUE_KIND_NORMAL"},
            input={"payloads": [payload("Ada")]},
            workflowTaskTimeout="10s",
            originalExecutionRunId=run_id,
            firstExecutionRunId=run_id,
            workflowId=workflow_id,
            attempt=1,
        ),
        event(2, "WorkflowTaskScheduled", taskQueue={"name": "queue"}, startToCloseTimeout="10s", attempt=1),
        event(3, "WorkflowTaskStarted", scheduledEventId="2", identity="worker"),
        event(4, "WorkflowTaskCompleted", scheduledEventId="2", startedEventId="3", identity="worker"),
        event(
            5,
            "ActivityTaskScheduled",
            activityId="1",
            activityType={"name": activity},
            taskQueue={"name": "queue"},
            input={"payloads": [payload("Ada")]},
            startToCloseTimeout="5s",
            workflowTaskCompletedEventId="4",
        ),
        event(6, "ActivityTaskStarted", scheduledEventId="5", identity="worker", attempt=1),
        event(
            7, "ActivityTaskCompleted", scheduledEventId="5", startedEventId="6", result={"payloads": [payload("Hi")]}
        ),
        event(8, "WorkflowTaskScheduled", taskQueue={"name": "queue"}, startToCloseTimeout="10s", attempt=1),
        event(9, "WorkflowTaskStarted", scheduledEventId="8", identity="worker"),
        event(10, "WorkflowTaskCompleted", scheduledEventId="8", startedEventId="9", identity="worker"),
        event(
            11,
            "WorkflowExecutionCompleted",
            result={"payloads": [payload("Hi")]},
            workflowTaskCompletedEventId="10",
        ),
    ]


def as_json(events: list[dict[str, Any]]) -> str:
    return json.dumps({"events": events}, indent=1)


@dataclass(frozen=True, slots=True)
class Finished:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def results(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.document["results"]
        return found

    @property
    def verdicts(self) -> list[str]:
        return [one["verdict"] for one in self.results]


class Project:
    """A directory with workflow code and histories, in which the real command is run."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def history(self, name: str = "one.json", events: list[dict[str, Any]] | None = None) -> Path:
        return self.write(f"histories/{name}", as_json(one_activity() if events is None else events))

    def run(self, *args: str, stdin: bytes = b"", **environment: str) -> Finished:
        """`wfctl` with these arguments, in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "wfctl", *args],
            cwd=self.root,
            env=clean_environment(**environment),
            input=stdin,
            capture_output=True,
            timeout=90,
            check=False,
        )
        return Finished(done.returncode, done.stdout.decode(), done.stderr.decode())

    def check(self, *args: str, stdin: bytes = b"") -> Finished:
        return self.run("replay", "check", *args, "-o", "json", stdin=stdin)


def clean_environment(**environment: str) -> dict[str, str]:
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("TEMPORAL_", "GITHUB_")) and key != "PYTHONPATH"
    }
    return {**kept, "PYTHONPATH": str(ROOT), **environment}
