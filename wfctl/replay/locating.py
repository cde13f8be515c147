"""Which line of the user's code a command came from.

The SDK builds a command while user code is on the stack, so the innermost frame that is neither Python's, the SDK's
nor a library's is the line. Where the command is built in a task of its own (`asyncio.gather` over activities) the
stack holds no user frame; the coroutine's origin, which Python tracks when asked, is then the line that made it.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import re
import sys
import sysconfig
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any

import temporalio
from temporalio.bridge.proto.workflow_activation import DoUpdate, WorkflowActivation
from temporalio.bridge.proto.workflow_commands import WorkflowCommand
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import (
    UnsandboxedWorkflowRunner,
    WorkflowInstance,
    WorkflowInstanceDetails,
    WorkflowOutboundInterceptor,
    WorkflowRunner,
)
from temporalio.worker._workflow_instance import _WorkflowInstanceImpl
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from wfctl.replay.model import Location

_ORIGIN_DEPTH = 8
_STDLIB = tuple({sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib")})
_OURS = (str(Path(temporalio.__file__).parent) + os.sep, str(Path(__file__).resolve().parents[1]) + os.sep, "<")
_LIBRARY_DIRECTORIES = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_user_roots: set[str] = set()
_TRACEBACK_LINE = re.compile(r'File "([^"]+)", line (\d+), in ([^\s\\]+)')
_current = threading.local()
_ranks: dict[str, int] = {}


Chain = tuple[Location, ...]
"""User frames, the innermost first."""


@dataclass(slots=True)
class Notes:
    """What one activation left: a place per command in order, where it raised, where its tasks wait."""

    commands: list[Chain] = field(default_factory=list)
    raised: Location | None = None
    waiting: list[Chain] = field(default_factory=list)
    returns: dict[CodeType, int] = field(default_factory=dict)
    signals: frozenset[str] | None = None


@contextlib.contextmanager
def writing_to(notes: Notes | None) -> Iterator[None]:
    """Within, on this thread, instances made by a locating runner write to these notes."""
    if notes is None:
        yield
        return
    _current.notes = notes
    depth = sys.get_coroutine_origin_tracking_depth()
    profile = sys.getprofile()
    sys.set_coroutine_origin_tracking_depth(_ORIGIN_DEPTH)

    def note_return(frame: FrameType, event: str, _: object) -> None:
        if event == "return" and rank(frame.f_code.co_filename) == 2:
            notes.returns[frame.f_code] = frame.f_lineno

    sys.setprofile(note_return)
    try:
        yield
    finally:
        sys.setprofile(profile)
        sys.set_coroutine_origin_tracking_depth(depth)
        _current.notes = None


def trust(workflow: type) -> None:
    """The package a workflow comes from is the user's own code, even where it is installed as a library."""
    module = sys.modules.get(workflow.__module__)
    file = getattr(module, "__file__", None)
    if module is None or not file:
        return
    package = module.__name__.partition(".")[0]
    root = getattr(sys.modules.get(package), "__path__", None) if package != module.__name__ else None
    _user_roots.update(path + os.sep for path in root or ())
    _user_roots.add(file)
    _ranks.clear()


def rank(filename: str) -> int:
    """2: the user's own code; 1: an installed library; 0: Python, the SDK, this checker."""
    known = _ranks.get(filename)
    if known is None:
        known = _ranks[filename] = _ranked(filename)
    return known


def _ranked(filename: str) -> int:
    if filename.startswith(_OURS):
        return 0
    if filename.startswith(tuple(_user_roots)):
        return 2
    if any(directory in filename for directory in _LIBRARY_DIRECTORIES):
        return 1
    return 0 if filename.startswith(_STDLIB) else 2


def _is_interceptor(frame: FrameType) -> bool:
    """Interceptors pass commands on; the line that matters is the workflow's."""
    return isinstance(frame.f_locals.get("self"), WorkflowOutboundInterceptor)


def of_frames(frame: FrameType | None) -> Location | None:
    """The innermost user line, or, where there is none, that of the innermost library."""
    return next(iter(chain_of(frame)), None)


def chain_of(frame: FrameType | None) -> Chain:
    places: list[Location] = []
    fallback: list[Location] = []
    while frame is not None:
        level = rank(frame.f_code.co_filename)
        if level and not _is_interceptor(frame):
            place = Location(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_qualname)
            (places if level == 2 else fallback).append(place)
        frame = frame.f_back
    return tuple(places or fallback[:1])


def _of_origin(coroutine: Any) -> Chain:
    """Where a task's coroutine was made, when user code made it."""
    origin = getattr(coroutine, "cr_origin", None) or ()
    return tuple(Location(file, line, function) for file, line, function in origin if rank(file) == 2)


def of_traceback(traceback: TracebackType | None) -> Location | None:
    """The innermost user line of a traceback."""
    found: Location | None = None
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if rank(code.co_filename) == 2:
            found = Location(code.co_filename, traceback.tb_lineno, code.co_qualname)
        traceback = traceback.tb_next
    return found


def of_text(text: str) -> Location | None:
    """The last user line of a traceback that was made text, as the SDK's failures carry it."""
    found: Location | None = None
    for file, line, function in _TRACEBACK_LINE.findall(text.replace('\\"', '"')):
        if rank(file) == 2:
            found = Location(file, int(line), function)
    return found


def _of_error(error: BaseException | None) -> Location | None:
    while error is not None:
        place = of_traceback(error.__traceback__)
        if place is not None:
            return place
        error = error.__cause__ or error.__context__
    return None


def of_function(function: Any) -> Location | None:
    """A function's own first line (that of its `def`, not of its decorators)."""
    code = getattr(getattr(function, "__wrapped__", function), "__code__", None)
    if code is None:
        return None
    lines = [line for _, _, line in code.co_lines() if line]
    first = max(code.co_firstlineno, min(lines, default=code.co_firstlineno))
    return Location(code.co_filename, first, code.co_qualname)


def _returned(notes: Notes, function: Any) -> Location | None:
    """Nobody is on the stack once a function has returned: the line that returned, or else its first."""
    place = of_function(function)
    code = getattr(getattr(function, "__wrapped__", function), "__code__", None)
    line = notes.returns.get(code) if code is not None else None
    return place if place is None or line is None else dataclasses.replace(place, line=line)


class _LocatingInstance(_WorkflowInstanceImpl):
    """The SDK's instance, which also notes where each command came from."""

    def _add_command(self) -> WorkflowCommand:
        command = super()._add_command()
        notes: Notes | None = getattr(_current, "notes", None)
        if notes is not None:
            notes.commands.append(self._place(notes))
        return command

    def _place(self, notes: Notes) -> Chain:
        places = chain_of(sys._getframe(2))
        task = asyncio.current_task(self)
        coroutine = task.get_coro() if task is not None else None
        if places and rank(places[0].file) == 2:
            return (*places, *(one for one in _of_origin(coroutine) if one not in places))
        if task is None:
            return places
        made = _of_origin(coroutine) or places
        returned = None if made else _returned(notes, self._handler_of(coroutine))
        return made or ((returned,) if returned is not None else ())

    def _handler_of(self, coroutine: Any) -> Any:
        """The function this task of the SDK's runs: an update's handler, or the run method."""
        frame = getattr(coroutine, "cr_frame", None)
        job = frame.f_locals.get("job") if frame is not None else None
        if isinstance(job, DoUpdate):
            handler = self._updates.get(job.name) or self._updates.get(None)
            return handler.fn if handler is not None else None
        return self._defn.run_fn

    def _set_workflow_failure(self, err: BaseException) -> None:
        super()._set_workflow_failure(err)
        notes: Notes | None = getattr(_current, "notes", None)
        place = _of_error(err)
        if notes is not None and place is not None and notes.commands:
            notes.commands[-1] = (place,)

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        completion = super().activate(act)
        notes: Notes | None = getattr(_current, "notes", None)
        if notes is not None:
            notes.raised = _of_error(self._current_activation_error)
            if notes.raised is None and completion.HasField("failed"):
                notes.raised = of_function(self._defn.run_fn)
            notes.waiting.extend(self._waiting())
            if None not in self._signals:
                notes.signals = frozenset(name for name in self._signals if name)
        return completion

    def _waiting(self) -> list[Chain]:
        """Where tasks wait, that of the run method first; the rest as they stand in the files."""
        main, others = getattr(self, "_primary_task", None), set[Chain]()
        first: list[Chain] = []
        for task in self._tasks:
            chain = _awaiting(task.get_coro())
            if chain and task is main:
                first.append(chain)
            elif chain:
                others.add(chain)
        places = sorted(others, key=lambda chain: (chain[0].file, chain[0].line))
        return [*first, *(chain for chain in places if chain not in first)]


def _awaiting(coroutine: Any) -> Chain:
    """The user lines of a suspended coroutine, the innermost first."""
    found: list[Location] = []
    made = _of_origin(coroutine)
    while coroutine is not None and hasattr(coroutine, "cr_frame"):
        frame = coroutine.cr_frame
        if frame is not None and rank(frame.f_code.co_filename) == 2:
            found.append(Location(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_qualname))
        coroutine = coroutine.cr_await
    return (*reversed(found), *made) if found else ()


class LocatingRunner(UnsandboxedWorkflowRunner):
    """Runs workflows as the SDK's plain runner does, in instances that note lines."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _LocatingInstance(det)  # type: ignore[abstract]  # as the SDK's own


def locating(runner: WorkflowRunner) -> WorkflowRunner:
    """The same runner with instances that note lines; a runner with its own kind of instance stays as it is."""
    if isinstance(runner, SandboxedWorkflowRunner) and runner.runner_class is UnsandboxedWorkflowRunner:
        # The sandbox re-imports its runner class for every run: ours must be the one that is loaded already.
        restrictions = runner.restrictions.with_passthrough_modules("wfctl")
        return dataclasses.replace(runner, runner_class=LocatingRunner, restrictions=restrictions)
    return LocatingRunner() if type(runner) is UnsandboxedWorkflowRunner else runner
