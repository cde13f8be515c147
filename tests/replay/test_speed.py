"""What is done faster than the SDK does it is done the same; and the SDK is what these shortcuts take it for."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

import pytest

from tests.replay.building import Project, clean_environment, event, one_activity
from wfctl.replay import paging, sandboxing
from wfctl.replay.events import Events
from wfctl.replay.historyjson import histories


def test_the_sdk_is_what_the_shortcuts_expect() -> None:
    assert sandboxing._is_expected()


_SANDBOX = """
import builtins, sys
from wfctl.replay import sandboxing
import temporalio.worker.workflow_sandbox as sandbox
SandboxRestrictions = sandbox.SandboxRestrictions
importer, restrictions = sandbox._importer, sandbox._restrictions
sandboxing.install()
modules, opening, instance = sys.modules, builtins.open, builtins.isinstance
one, other = (importer.Importer(SandboxRestrictions.default, restrictions.RestrictionContext()) for _ in "ab")
one.restriction_context.is_runtime = True
with one.applied():
    assert importer.Importer.current_importer() is one
    import datetime
    assert type(datetime) is restrictions.RestrictedModule, type(datetime)
    assert isinstance(datetime.datetime(2026, 1, 1), datetime.datetime)
    assert issubclass(bool, int) and not isinstance(1, str)
    try:
        open("x")
    except restrictions.RestrictedWorkflowAccessError:
        pass
    else:
        raise AssertionError("files can be opened")
    with other.applied():
        assert importer.Importer.current_importer() is other
        assert "datetime" not in other.new_modules
    assert importer.Importer.current_importer() is one
    try:
        with other.applied():
            raise KeyError
    except KeyError:
        pass
    assert importer.Importer.current_importer() is one
assert importer.Importer.current_importer() is None
assert sys.modules is modules and builtins.open is opening and builtins.isinstance is instance
from temporalio import workflow
@workflow.defn
class Cart:
    @workflow.run
    async def run(self) -> None: ...
    @workflow.update
    def put(self, item: str) -> None: ...
    @put.validator
    def check(self, item: str) -> None: ...
assert set(workflow._Definition.must_from_class(Cart).updates) == {"put"}
"""


def test_the_sandbox_is_entered_and_left_as_before() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SANDBOX], env=clean_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


_LEAVES = '        if name == "leave":\n            import os\n            os._exit(3)\n        return await'


def test_of_histories_judged_at_once_only_the_one_to_blame_is_blamed(greeting: Project) -> None:
    text = (greeting.root / "greeting.py").read_text()
    greeting.write("greeting.py", text.replace("        return await", _LEAVES))
    greeting.write(
        "greeting.py", (greeting.root / "greeting.py").read_text().replace(".defn", ".defn(sandboxed=False)")
    )
    for number in range(12):
        events = one_activity(workflow_id=f"greeting-{number}", run_id=f"run-{number}")
        if number == 7:
            events = json.loads(json.dumps(events).replace("IkFkYSI=", "ImxlYXZlIg=="))
        greeting.history(f"{number:02}.json", events)
    done = greeting.check("greeting", "--histories", "histories", "--jobs", "1")
    assert done.verdicts.count("compatible") == 12  # with one.json
    assert [one["history"] for one in done.results if one["verdict"] == "workflow_error"] == ["histories/07.json"]


# Pages

_PAGED = """
import asyncio, os, sys
from tests.replay.corpus import judge
from wfctl.replay import paging, speed
from wfctl.replay.worker import quiet_logs
speed.install()
quiet_logs()
if sys.argv[1] == "paged":
    paging.LONG, paging._PAGE = 1, 7
asyncio.run(judge.main(sys.argv[2:]))
sys.stdout.flush()
os._exit(0)
"""
_CHANGES = [
    "approval-as-it-is",
    "approval-sleep-added",
    "billing-patch-removed",
    "cart-as-it-is",
    "cart-lookup-removed",
    "pages-never-continues",
    "pricing-as-it-is",
    "saga-raises-a-bug",
    "shipment-memo-removed",
]


def test_a_history_in_pages_is_judged_as_one_that_comes_whole() -> None:
    whole, paged = (_judged(how) for how in ("whole", "paged"))
    assert len(whole) > 30
    assert paged == whole


def _judged(how: str) -> list[dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-c", _PAGED, how, *_CHANGES],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines: list[dict[str, object]] = [json.loads(line) for line in done.stdout.splitlines()]
    for line in lines:
        del line["sdk"]  # its text holds paths of temporary files, and how often it tried
    return lines


def _events(document: Sequence[dict[str, object]]) -> Events:
    return next(histories(json.dumps({"events": document})))


def test_only_long_histories_come_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    events = _events(one_activity())
    assert not paging.fits(events)
    monkeypatch.setattr(paging, "LONG", 11)
    assert paging.fits(events)


def test_a_history_that_ends_in_a_heartbeat_comes_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "LONG", 1)
    heartbeat = [*one_activity()[:4], *_task(5), event(8, "WorkflowTaskScheduled", attempt=1)]
    assert not paging.fits(_events(heartbeat))


def _task(first: int) -> list[dict[str, object]]:
    return [
        event(first, "WorkflowTaskScheduled", attempt=1),
        event(first + 1, "WorkflowTaskStarted", scheduledEventId=str(first)),
        event(first + 2, "WorkflowTaskCompleted", scheduledEventId=str(first), startedEventId=str(first + 1)),
    ]


def test_pages_put_together_are_the_history() -> None:
    events = _events(one_activity())
    assert events.between(0, 4) + events.between(4, 8) + events.between(8, 99) == events.wire
    assert events.between(99, 120) == b""


def test_results_of_a_file_are_told_once_when_a_later_history_in_it_ends_the_process(greeting: Project) -> None:
    text = (greeting.root / "greeting.py").read_text().replace(".defn", ".defn(sandboxed=False)")
    greeting.write("greeting.py", text.replace("        return await", _LEAVES))
    fits = one_activity()
    leaves = json.loads(json.dumps(one_activity(workflow_id="greeting-2")).replace("IkFkYSI=", "ImxlYXZlIg=="))
    greeting.write("histories/two.json", json.dumps({"events": fits}) + "\n" + json.dumps({"events": leaves}))
    done = greeting.check("greeting", "--histories", "histories", "--jobs", "1")
    assert done.verdicts == ["compatible", "compatible", "workflow_error"]
