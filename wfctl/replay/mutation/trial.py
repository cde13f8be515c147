"""One trial: a process that imports the code, changed in one place or not at all, and replays histories until one fails.

The process is a fork of this one, made before anything of the SDK's core or of the user's code runs here: it starts with
everything imported, and whatever the change does to it, it is the only one that suffers.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.machinery
import marshal
import os
import pickle
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from wfctl.replay.model import Result, Severity, Verdict
from wfctl.replay.reading import ReadHistory

_NEEDED = ("diagnosis", "loader", "reading", "recording", "speed", "worker")


@dataclass(frozen=True, slots=True)
class Code:
    """The targets, with one file of theirs exchanged."""

    targets: tuple[str, ...]
    search: tuple[str, ...] = ()
    file: str = ""
    code: bytes = b""


@dataclass(slots=True)
class Judgement:
    """What became of one history."""

    history: str
    verdict: Verdict
    rule: str = ""
    warnings: frozenset[str] = frozenset()
    detail: str = ""


@dataclass(slots=True)
class Outcome:
    """What a trial found."""

    judged: list[Judgement] = field(default_factory=list)
    failure: str = ""
    """Why there is nothing to judge: the code could not be loaded, or the process died."""
    died: bool = False
    """The process did not live to tell, or not in time."""
    lines: dict[str, set[int]] = field(default_factory=dict)
    patches: dict[str, set[bool]] = field(default_factory=dict)
    types: tuple[str, ...] = ()
    results: list[Result] = field(default_factory=list)


class Work(Protocol):
    """What a process is forked for."""

    def do(self) -> Outcome: ...


@dataclass(slots=True)
class Job:
    """What a trial is to do."""

    code: Code
    histories: Sequence[tuple[str, ReadHistory]]
    warned: dict[str, frozenset[str]] = field(default_factory=dict)
    """Warnings that the unchanged code has too."""
    to_the_end: bool = False
    traced: frozenset[str] = frozenset()
    """Files whose lines are watched, with coverage.py."""

    def do(self) -> Outcome:
        return _done(self)


def preload() -> None:
    """Import what every trial needs, so that forks start with it."""
    for name in ("temporalio.worker", *(f"wfctl.replay.{one}" for one in _NEEDED)):
        importlib.import_module(name)


def start(job: Work) -> tuple[int, int]:
    """A process that does the job: its id, and where its outcome can be read."""
    reading_end, writing_end = os.pipe()
    process = os.fork()
    if process:
        os.close(writing_end)
        return process, reading_end
    try:
        os.close(reading_end)
        os.setsid()
        silence = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silence, stream)
        outcome = job.do()
        with os.fdopen(writing_end, "wb") as pipe:
            pipe.write(pickle.dumps(outcome))
    finally:
        os._exit(0)


def _done(job: Job) -> Outcome:
    from wfctl.replay import loader, speed, worker
    from wfctl.replay.messages import LoadFailure

    outcome = Outcome()
    try:
        worker.quiet_logs()
        os.environ["TOKIO_WORKER_THREADS"] = "1"
        if job.traced:
            _watch_patches(outcome)
        tracer = _tracer(job.traced)
        speed.install()
        _exchange(job.code)
        target = loader.load(job.code.targets, job.code.search)
        outcome.types = tuple(sorted(target.types))
        asyncio.run(_replay(job, target, outcome))
        if tracer is not None:
            tracer.stop()
            data = tracer.get_data()
            outcome.lines = {file: set(data.lines(file) or ()) for file in data.measured_files()}
    except LoadFailure as failure:
        outcome.failure = failure.sentence
    except BaseException:
        outcome.failure = traceback.format_exc(limit=3)
    return outcome


async def _replay(job: Job, target: Any, outcome: Outcome) -> None:
    from wfctl.replay import diagnosis
    from wfctl.replay.recording import Recorder

    recorder = Recorder(target)
    for name, history in job.histories:
        trace = await recorder.record(history)
        found = diagnosis.explain(history, trace, target)
        warnings = frozenset(one.rule for one in found.findings if one.severity is Severity.WARNING)
        cause = next((one.rule for one in found.findings if one.severity is Severity.ERROR), "")
        new = warnings - job.warned.get(name, frozenset())
        outcome.judged.append(Judgement(name, found.verdict, cause, new, found.detail))
        if trace.must_restart or (not found.verdict.passes and not job.to_the_end):
            return


def _exchange(code: Code) -> None:
    """Have one file imported with other code, by whoever imports it: the loader and each sandbox."""
    if not code.file:
        return
    changed = marshal.loads(code.code)
    loader: Any = importlib.machinery.SourceFileLoader
    original = loader.get_code

    def get_code(self: Any, fullname: str) -> Any:
        return changed if self.path == code.file else original(self, fullname)

    loader.get_code = get_code


def _tracer(files: frozenset[str]) -> Any:
    if not files:
        return None
    import coverage

    tracer = coverage.Coverage(data_file=None, include=sorted(files), config_file=False)
    tracer.start()
    return tracer


def _watch_patches(outcome: Outcome) -> None:
    """Note how each patch was answered."""
    from temporalio.worker import _workflow_instance

    instance: Any = getattr(_workflow_instance, "_WorkflowInstanceImpl", None)
    original = getattr(instance, "workflow_patch", None)
    if original is None:
        return

    def workflow_patch(self: Any, id: str, **named: Any) -> Any:
        answer = original(self, id, **named)
        outcome.patches.setdefault(id, set()).add(bool(answer))
        return answer

    instance.workflow_patch = workflow_patch
