"""What a replay need not do.

Some things of the SDK's worker take a third of the time of a small history and change nothing in a replay. Payloads are
walked six times for a codec and for external storage, even when the worker has neither. The sandbox reads the workflow's
module from disk again for each run, and compiles its own snippets at each activation; it has to run them again, but the code
is the same.

What looks different from what is expected here is left alone.
"""

from __future__ import annotations

import gc
import importlib.machinery
import os
import sys
from collections.abc import Callable
from typing import Any

import temporalio.bridge.worker as bridge
from temporalio.client import WorkflowHistory
from temporalio.converter._extstore import StorageOperationMetrics
from temporalio.worker.workflow_sandbox import _runner as sandbox_runner

from wfctl.replay import sandboxing
from wfctl.replay.events import Events

_REFERENCE_MARKS = (b"external-storage-reference", b"external_storage_reference", b"ExternalStorageReference")


class PayloadWalks:
    """Leaves out the walks for converters that have neither codec nor storage."""

    def __init__(self) -> None:
        self.needed = False
        """A history holds references to payloads stored elsewhere: let the SDK say what it has to say."""
        self._decode: Any = getattr(bridge, "decode_activation", None)
        self._encode: Any = getattr(bridge, "encode_completion", None)

    def install(self) -> None:
        if self._decode is not None and self._encode is not None:
            bridge.decode_activation = self._decode_activation
            bridge.encode_completion = self._encode_completion

    def look_at(self, events: Events) -> bool:
        """Whether this history needs them."""
        self.needed = events.holds(*_REFERENCE_MARKS)
        return self.needed

    def _is_idle(self, converter: Any) -> bool:
        return not self.needed and converter.payload_codec is None and converter.external_storage is None

    async def _decode_activation(self, activation: Any, data_converter: Any, *rest: Any, **named: Any) -> Any:
        if self._is_idle(data_converter):
            return StorageOperationMetrics()
        return await self._decode(activation, data_converter, *rest, **named)

    async def _encode_completion(self, completion: Any, data_converter: Any, *rest: Any, **named: Any) -> Any:
        if self._is_idle(data_converter):
            return StorageOperationMetrics()
        return await self._encode(completion, data_converter, *rest, **named)


MakeWorker = Callable[[Any], tuple[Any, Any]]


class Pushes:
    """Hands a history to the core as the bytes it already is.

    The SDK's replayer wants event objects and serializes them, which for 50,000 events costs 200 MiB. Here it gets the first
    event only, and what it pushes is replaced by the whole history.
    """

    def __init__(self) -> None:
        self.is_installed = False
        self.make_worker: MakeWorker | None = None
        """For the next replayer that starts: what makes its worker, in place of the SDK."""

    def install(self) -> None:
        make: Any = getattr(bridge.Worker, "for_replay", None)
        if make is None:
            return

        def for_replay(*arguments: Any, **named: Any) -> Any:
            if self.make_worker is not None:
                worker, pusher = self.make_worker(arguments[1])
                return worker, _PagePusher(pusher)
            worker, pusher = make(*arguments, **named)
            return worker, _Pusher(pusher)

        setattr(bridge.Worker, "for_replay", staticmethod(for_replay))  # noqa: B010 -- mypy forbids the assignment
        self.is_installed = True

    def history(self, workflow_id: str, events: Events) -> WorkflowHistory:
        """What to give to the replayer for these events."""
        if not self.is_installed:
            return WorkflowHistory(workflow_id, events)
        return WorkflowHistory(_IdWithHistory(workflow_id, events), events[:1])


class _IdWithHistory(str):
    """The one thing that the replayer hands on as it got it."""

    __slots__ = ("events",)
    events: Events

    def __new__(cls, workflow_id: str, events: Events) -> _IdWithHistory:
        made = super().__new__(cls, workflow_id)
        made.events = events
        return made


class _Pusher:
    def __init__(self, pusher: Any) -> None:
        self._pusher = pusher

    async def push_history(self, workflow_id: str, history: bytes) -> None:
        whole = workflow_id.events.wire if isinstance(workflow_id, _IdWithHistory) else history
        await self._pusher.push_history(str(workflow_id), whole)

    def close(self) -> None:
        self._pusher.close()


class _PagePusher:
    """For a worker that takes the events themselves."""

    def __init__(self, pusher: Any) -> None:
        self._pusher = pusher

    async def push_history(self, workflow_id: _IdWithHistory, _: bytes) -> None:
        await self._pusher.push_history(str(workflow_id), workflow_id.events)

    def close(self) -> None:
        self._pusher.close()


class CodeCache:
    """Keeps the compiled code of the modules that a sandbox runs again for each workflow."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str, int, int], Any] = {}

    def install(self) -> None:
        loader: Any = importlib.machinery.SourceFileLoader
        original = loader.get_code
        codes = self._codes

        def get_code(self: Any, fullname: str) -> Any:
            now = os.stat(self.path)
            key = (fullname, self.path, now.st_mtime_ns, now.st_size)
            code = codes.get(key)
            if code is None:
                code = codes[key] = original(self, fullname)
            return code

        loader.get_code = get_code


pushes = Pushes()


def _remember_compiled_snippets() -> None:
    """The sandbox runs the same few lines of source text at every activation; compile each of them once."""
    compiled: dict[str, Any] = {}

    def run(source: Any, *scopes: Any) -> None:
        if isinstance(source, str):
            code = compiled.get(source)
            if code is None:
                code = compiled[source] = compile(source, "<string>", "exec")
            source = code
        exec(source, *scopes)

    setattr(sandbox_runner, "exec", run)  # noqa: B010 -- a global of that module that hides the builtin


def install() -> PayloadWalks:
    walks = PayloadWalks()
    walks.install()
    pushes.install()
    CodeCache().install()
    _remember_compiled_snippets()
    sandboxing.install()
    gc.set_threshold(20_000, 10, 10)  # a history leaves some hundred objects in cycles: look for them now and then
    gc.freeze()  # nothing that is loaded by now will be garbage
    sys.setswitchinterval(0.02)  # one thread works at a time; switching between them early only costs
    return walks
