"""Recording: the SDK's replay worker, looked at over its shoulder."""

from __future__ import annotations

import importlib
import json
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from tests.replay.corpus.judge import HERE, load, name_of
from tests.support.server import ROOT
from wfctl.replay import alignment, diagnosis
from wfctl.replay.events import Events
from wfctl.replay.model import Verdict
from wfctl.replay.recording import Recorder, continued_history


@dataclass
class Code:
    workflows: list[type]
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Part:
    """The beginning of a history, as a server would have given it at that time."""

    workflow_id: str
    events: list[HistoryEvent]


@pytest.fixture(autouse=True)
def no_logs() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
async def recorders() -> AsyncIterator[Callable[..., Recorder]]:
    made: list[Recorder] = []

    def make(*workflows: type, **options: Any) -> Recorder:
        made.append(Recorder(Code(list(workflows), options)))
        return made[-1]

    yield make
    for one in made:
        await one.close()


def workflows(module: str) -> list[type]:
    loaded = importlib.import_module(f"tests.replay.corpus.workflows.{module}")
    return [one for one in vars(loaded).values() if hasattr(one, "__temporal_workflow_definition")]


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], list[type]]:
    """Code in a file of its own, importable for as long as the test runs: the sandbox imports it again and again."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name: str, text: str) -> list[type]:
        (tmp_path / f"{name}.py").write_text(text)
        module = importlib.import_module(name)
        return [one for one in vars(module).values() if hasattr(one, "__temporal_workflow_definition")]

    return write


Written = Callable[[str, str], list[type]]


def recorded(name: str) -> Any:
    return load(next(file for file in (HERE / "histories").iterdir() if name_of(file) == name))


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("saga", "saga-lost"),
        ("saga", "saga-reset.2"),
        ("children", "children-lost"),
        ("cart", "cart-two"),
        ("cancelling", "job-cancelled"),
        ("patched", "billing-new"),
        ("local", "pricing"),
        ("machine", "subscription-paused"),
    ],
)
async def test_every_beginning_of_a_history_fits_the_code_that_made_it(
    module: str, name: str, recorders: Callable[..., Recorder]
) -> None:
    history = recorded(name)
    recorder = recorders(*workflows(module))
    for length in range(1, len(history.events) + 1):
        part = Part(history.workflow_id, list(history.events[:length]))
        found = diagnosis.explain(part, await recorder.record(part))
        assert found.verdict is Verdict.COMPATIBLE, (length, found)


async def test_a_command_knows_its_line(recorders: Callable[..., Recorder]) -> None:
    history = recorded("fan-out-failed")
    recorder = recorders(*workflows("fan_out"))
    plain = await recorder.record(history)
    assert plain.accepted
    assert not plain.located
    located = await recorder.located(history)
    lines = [one.places[0].line for one in located.tasks[0].commands]
    assert len(lines) == 3
    assert len(set(lines)) == 1


def test_code_that_never_gives_way_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "spinning.py").write_text(
        "from temporalio import workflow\n"
        "@workflow.defn(name='OrderSaga')\n"
        "class Spins:\n"
        "    @workflow.run\n"
        "    async def run(self, order: str) -> str:\n"
        "        while True:\n"
        "            try:\n"
        "                order += ''\n"
        "            except BaseException:\n"
        "                pass\n"
    )
    histories = HERE / "histories"
    done = subprocess.run(
        [sys.executable, "-m", "wfctl", "replay", "check", "spinning.py", "-o", "json"]
        + [flag for name in ("saga-ships", "saga-lost") for flag in ("--histories", str(histories / f"{name}.json"))],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    results = json.loads(done.stdout)["results"]
    assert [one["verdict"] for one in results] == ["timeout", "timeout"], done.stderr
    assert all(one["rule"] == "deadlock" and one["event_id"] == 3 for one in results)
    assert all(6 <= one["location"]["line"] <= 10 for one in results)


async def test_the_task_queue_of_the_history_is_what_the_code_sees(
    written: Written, recorders: Callable[..., Recorder]
) -> None:
    asking = written(
        "asking",
        "from datetime import timedelta\n"
        "from temporalio import workflow\n"
        "@workflow.defn(name='Parcel')\n"
        "class Asks:\n"
        "    @workflow.run\n"
        "    async def run(self, name: str) -> str:\n"
        "        assert workflow.info().task_queue == 'corpus-children-two', workflow.info().task_queue\n"
        "        return await workflow.execute_activity('store', name, start_to_close_timeout=timedelta(seconds=10))\n",
    )
    history = recorded("children-two-x")
    found = diagnosis.explain(history, await recorders(*asking).record(history))
    assert found.verdict is Verdict.COMPATIBLE
    assert not found.findings


def test_an_open_history_is_continued_by_one_workflow_task() -> None:
    events = recorded("approval-open").events
    longer, continued = continued_history(events)
    assert continued
    assert len(longer) == len(events) + 2
    assert longer[-1].event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED


@pytest.mark.parametrize("name", ["approval-started", "approval-late", "approval-terminated"])
def test_a_history_that_is_closed_or_in_a_task_is_left_as_it_is(name: str) -> None:
    events = recorded(name).events
    assert continued_history(events) == (events, False)


async def test_what_the_code_makes_at_random_is_called_that(
    written: Written, recorders: Callable[..., Recorder]
) -> None:
    tossing = written(
        "tossing",
        "import random\n"
        "from datetime import timedelta\n"
        "from temporalio import workflow\n"
        "@workflow.defn(name='Parcel', sandboxed=False)\n"
        "class Tosses:\n"
        "    @workflow.run\n"
        "    async def run(self, name: str) -> str:\n"
        "        draw = random.random()\n"
        "        kind = f'store-{draw}'\n"
        "        return await workflow.execute_activity(kind, name, start_to_close_timeout=timedelta(seconds=10))\n",
    )
    history = recorded("children-two-x")
    trace = await recorders(*tossing).record(history)
    found = diagnosis.explain(history, trace)
    assert found.verdict is Verdict.NONDETERMINISM
    assert found.findings[0].rule == "nondeterministic-random"


async def test_code_that_the_sandbox_cannot_import_is_the_codes_fault(
    written: Written, recorders: Callable[..., Recorder]
) -> None:
    outside = written(
        "outside",
        "from temporalio import workflow\n"
        "if workflow.unsafe.in_sandbox():\n"
        "    raise OSError('not in here')\n"
        "@workflow.defn(name='Parcel')\n"
        "class Outside:\n"
        "    @workflow.run\n"
        "    async def run(self, name: str) -> str:\n"
        "        return name\n",
    )
    history = recorded("children-two-x")
    trace = await recorders(*outside).record(history)
    found = diagnosis.explain(history, trace)
    assert found.verdict is Verdict.WORKFLOW_ERROR
    assert not trace.must_restart
    assert "not in here" in found.detail
    assert found.findings[0].location is not None
    assert found.findings[0].location.line == 3


def test_events_are_compared_by_id_whatever_holds_them() -> None:
    history = recorded("saga-ships")
    assert isinstance(history.events, Events)
    assert alignment.align(history.events, _nothing()).segments == []


def _nothing() -> Any:
    from wfctl.replay.trace import Trace

    return Trace()
