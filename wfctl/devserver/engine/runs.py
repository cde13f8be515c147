"""The runs in memory, and the one way to change them: load → step → write → answer.

Theory. Everything happens on one event loop, so a step (a synchronous function on an `Execution`) needs no lock. A step's
outcome is queued for the next group commit at once, and its effects — tasks for workers, words to other runs — run ahead
of that commit: whatever they change is queued behind it. Answers never run ahead: an RPC awaits `committed`. If a commit
fails, everything queued behind it fails too and the runs concerned are dropped from memory, back to what the disk holds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar
from uuid import uuid4

from temporalio.api.history.v1 import WorkflowExecutionStartedEventAttributes

from wfctl.devserver.clock import Clock
from wfctl.devserver.core import effects, limits, start
from wfctl.devserver.core.errors import InvalidArgument, NotFound, Unavailable
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.core.history import History, parse, split
from wfctl.devserver.core.namespace import Namespace
from wfctl.devserver.engine.cache import Cache
from wfctl.devserver.engine.loading import Loader
from wfctl.devserver.engine.timers import Timers
from wfctl.devserver.settings import Settings
from wfctl.devserver.storage import executions as storage
from wfctl.devserver.storage.database import Database

log = logging.getLogger("wfctl.engine")
# How long after a failed write a run is taken up again; the disk may still be full.
RETRY_SECONDS = 1.0
# Runs that are taken up together: few enough that a request between two batches does not notice.
LOADED_AT_ONCE = 32
Result = TypeVar("Result")


@dataclass(slots=True, eq=False)
class Run:
    """One run in memory: its state and what of it is written."""

    key: int
    execution: Execution
    written_next_event_id: int = 1
    written_unevented: bytes = b""
    last_write: asyncio.Future[None] | None = None
    waiters: set[asyncio.Future[None]] = field(default_factory=set)
    dropped: bool = False  # no longer in memory; whoever needs the run again loads it
    failed: bool = False  # a write of it did not reach the disk
    deleted: bool = False  # gone for good
    said_last_words: bool = False  # closed, and its relatives know
    pins: int = 0  # how many hold it in memory while they look at other runs too
    # Where batches of events begin in what is not yet written, if that is more than one batch.
    batches: Sequence[int] = ()

    @property
    def identity(self) -> tuple[str, str, str]:
        execution = self.execution
        return execution.namespace_id, execution.workflow_id, execution.run_id

    @property
    def size_bytes(self) -> int:
        return self.execution.history.size_bytes

    @property
    def is_running(self) -> bool:
        return self.execution.is_running

    @property
    def is_idle(self) -> bool:
        """Nobody waits for it and everything of it is on disk."""
        return self.last_write is None and not self.waiters and not self.pins


@dataclass(slots=True)
class Runs:
    database: Database
    clock: Clock
    settings: Settings
    namespace_name: Callable[[str], str]
    find_namespace: Callable[[str], Namespace]
    timers: Timers = field(init=False)
    cache: Cache[Run] = field(init=False)
    # (namespace id, workflow id) -> newest run, while it is in memory
    current: dict[tuple[str, str], int] = field(default_factory=dict)
    keys: dict[tuple[str, str, str], int] = field(default_factory=dict)
    next_key: int = 1
    # Effect type -> what to do; `services/effects.py` fills this in.
    handlers: dict[type, Callable[[Run, Any], None]] = field(default_factory=dict)
    new_id: Callable[[], str] = lambda: str(uuid4())
    _rows: Loader = field(init=False)
    _loading: dict[int, asyncio.Future[Run]] = field(default_factory=dict)
    _deleting: set[int] = field(default_factory=set)  # still on disk, until the next commit
    _background: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._rows = Loader(self.database)
        self.timers = Timers(self.clock, self._on_timer)
        self.cache = Cache(self.settings.cache_bytes, self._forget)

    # -- finding --------------------------------------------------------------------------------------------------

    async def find(self, namespace_id: str, workflow_id: str, run_id: str = "") -> Run:
        """The run, or the newest run of the workflow id. Raises NotFound."""
        run = await self.find_or_none(namespace_id, workflow_id, run_id)
        if run is None:
            raise no_such_run(workflow_id, run_id)
        return run

    async def find_or_none(self, namespace_id: str, workflow_id: str, run_id: str = "") -> Run | None:
        while True:
            key = self.find_key(namespace_id, workflow_id, run_id)
            if key is None:
                return None
            run = await self.load_or_none(key)
            if run is None or not run.dropped:
                return run

    def find_key(self, namespace_id: str, workflow_id: str, run_id: str = "") -> int | None:
        """The key of the run, or of the newest run of the workflow id."""
        if run_id:
            key = self.keys.get((namespace_id, workflow_id, run_id))
        else:
            key = self.current.get((namespace_id, workflow_id))
        if key is not None:
            return key
        # One look into an index: cheaper done here and now than on another thread.
        return self.database.peek(lambda raw: storage.find_key(raw, namespace_id, workflow_id, run_id))

    async def load(self, key: int) -> Run:
        """The run in memory, rebuilt from disk if need be."""
        run = self.cache.get(key)
        if run is not None:
            return run
        loading = self._loading.get(key)
        if loading is None:
            loading = asyncio.ensure_future(self._load(key))
            self._loading[key] = loading
            loading.add_done_callback(lambda _: self._loading.pop(key, None))
        return await asyncio.shield(loading)

    async def load_or_none(self, key: int) -> Run | None:
        """The run, unless it was deleted."""
        try:
            return await self.load(key)
        except NotFound:
            return None

    async def _load(self, key: int) -> Run:
        row = await self._rows.row(key)
        if row is None or key in self._deleting:
            raise NotFound("workflow execution not found")
        execution = self._new_execution(row.namespace_id, row.workflow_id, row.run_id)
        run = Run(key, execution, row.next_event_id, row.unevented)
        self._rebuild(run, row.events)
        self._remember(run)
        return run

    def _rebuild(self, run: Run, fragment: bytes) -> None:
        execution = run.execution
        execution.history = History(split(fragment))
        execution.replay(parse(fragment))
        execution.restore(run.written_unevented)
        execution.effects.clear()

    def _new_execution(self, namespace_id: str, workflow_id: str, run_id: str) -> Execution:
        return Execution(
            namespace_id,
            self.namespace_name(namespace_id),
            workflow_id,
            run_id,
            self.settings,
            lambda: self.new_id(),
            self.find_namespace,
        )

    @contextmanager
    def pinned(self, run: Run) -> Iterator[Run]:
        """Hold a run in memory while others are looked up."""
        run.pins += 1
        try:
            yield run
        finally:
            run.pins -= 1
            if run.last_write is None:
                self._settle(run)

    def _remember(self, run: Run) -> None:
        self.cache.put(run.key, run)
        self.keys[run.identity] = run.key
        if run.execution.is_running:
            self.current[run.identity[:2]] = run.key

    def _forget(self, run: Run) -> None:
        if run.dropped:
            return
        run.dropped = True
        self.cache.remove(run.key)
        self.keys.pop(run.identity, None)
        if self.current.get(run.identity[:2]) == run.key:
            del self.current[run.identity[:2]]

    # -- changing -------------------------------------------------------------------------------------------------

    def create(
        self,
        namespace_id: str,
        workflow_id: str,
        run_id: str,
        begin: Callable[[Execution], None],
        batches: Sequence[int] = (),
    ) -> Run:
        """A new run; `begin` records its first events. Not yet committed."""
        key, self.next_key = self.next_key, self.next_key + 1
        run = Run(key, self._new_execution(namespace_id, workflow_id, run_id), batches=batches)
        run.execution.begin(self.clock.now())
        begin(run.execution)
        self._remember(run)
        self.current[run.identity[:2]] = key
        self._finish(run)
        return run

    def step(self, run: Run, change: Callable[[Execution], Result]) -> Result:
        """Change a run. Its outcome is queued for the next commit; await `committed` before answering anyone.

        An exception takes the run back to where the step began. A step that takes the history over its limit does not
        happen: it ends the run (InvalidArgument).
        """
        self.check_present(run)
        run.execution.begin(self.clock.now())
        try:
            result = change(run.execution)
            limits.relieve(run.execution)
        except BaseException:
            self.rollback(run)
            raise
        if reason := limits.exceeded(run.execution):
            self.rollback(run)
            run.execution.begin(self.clock.now())
            limits.terminate(run.execution, reason)
            self._finish(run)
            raise InvalidArgument(reason)
        self._finish(run)
        return result

    def check_present(self, run: Run) -> None:
        """Raises for a run that is not, or not any more, what the next step would change."""
        if run.deleted:
            raise NotFound("workflow execution not found")
        if run.dropped:
            raise Unavailable("The workflow was reloaded meanwhile; try again.")

    def rollback(self, run: Run) -> None:
        """Take the run back to its last finished step."""
        execution = run.execution
        if (
            execution.next_event_id == run.written_next_event_id
            and not execution.effects
            and execution.unevented() == run.written_unevented
        ):
            return
        fragment = execution.history.fragment(1, run.written_next_event_id)
        fresh = self._new_execution(*run.identity)
        run.execution = fresh
        self._rebuild(run, fragment)

    async def committed(self, run: Run) -> None:
        """Wait until everything that was done to this run so far is on disk. Raises Unavailable if it could not be."""
        write = run.last_write
        if write is not None:
            while not write.done():
                waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                run.waiters.add(waiter)
                try:
                    await waiter
                finally:
                    run.waiters.discard(waiter)
            write.result()
        if run.failed:
            raise Unavailable("The change could not be written to the database.")

    def _finish(self, run: Run) -> None:
        """Queue what the step changed, then let its effects run ahead."""
        execution = run.execution
        execution.transition_count += 1
        pending = execution.effects
        execution.effects = []
        new_runs = [effect for effect in pending if isinstance(effect, effects.NewRun)]
        deadline = execution.next_deadline()
        self._write(run, deadline, visibility=storage.changes_visibility(run.written_next_event_id, pending))
        self.timers.set(run.key, deadline)
        for new_run in new_runs:
            self._continue(run, new_run)
        for effect in pending:
            handler = self.handlers.get(type(effect))
            if handler is not None:
                handler(run, effect)

    def _write(self, run: Run, deadline: datetime | None, *, visibility: bool) -> None:
        execution = run.execution
        unevented = execution.unevented()
        statements = storage.statements(
            run.key,
            execution,
            first_event_id=run.written_next_event_id,
            deadline=deadline,
            unevented=unevented,
            visibility=visibility,
            batches=run.batches,
        )
        run.batches = ()
        run.written_next_event_id = execution.next_event_id
        run.written_unevented = unevented
        done = self.database.write(statements, lambda: self._give_up(run), run.key)
        run.last_write = done
        done.add_done_callback(lambda future: self._on_written(run, future))

    def _on_written(self, run: Run, done: asyncio.Future[None]) -> None:
        if not done.cancelled():
            done.exception()  # whoever waits has it from `committed`; a run that nobody waits for is taken up again
        waiters, run.waiters = run.waiters, set()
        for waiter in waiters:
            _release(waiter)
        if run.last_write is done and not run.failed:
            run.last_write = None
            self._settle(run)

    def _settle(self, run: Run) -> None:
        """Everything of the run is on disk: a closed one leaves memory, an open one is weighed again."""
        if run.dropped:
            return
        if run.execution.is_running:
            self.cache.put(run.key, run)
        elif run.is_idle:
            self._forget(run)

    def _give_up(self, run: Run) -> None:
        """A write did not reach the disk: forget the run, and take it up again from there, a little later."""
        run.failed = True
        if run.dropped:
            return
        self._forget(run)
        self.timers.set(run.key, None)
        self.spawn(self._take_up([run.key], after_seconds=RETRY_SECONDS))

    def is_deleting(self, key: int) -> bool:
        return key in self._deleting

    async def delete(self, key: int) -> None:
        """Remove a run and its history: from memory now, from the disk with the next commit."""
        self._deleting.add(key)
        self.timers.set(key, None)
        run = self.cache.get(key)
        if run is not None:
            run.deleted = True
            self._forget(run)
            for waiter in run.waiters:
                _release(waiter)
        try:
            await self.database.write(
                storage.removal(key), lambda: self.spawn(self._take_up([key], after_seconds=RETRY_SECONDS))
            )
        finally:
            self._deleting.discard(key)

    def _continue(self, run: Run, effect: effects.NewRun) -> None:
        """The run that follows, in the same commit: both writes are queued before the loop turns."""
        attributes: WorkflowExecutionStartedEventAttributes = effect.attributes

        def begin(execution: Execution) -> None:
            start.begin(execution, attributes, request_id=self.new_id(), links=effect.links)
            start.schedule_first_task(execution)

        self.create(run.execution.namespace_id, run.execution.workflow_id, effect.run_id, begin)

    def has_said_last_words(self, run: Run) -> None:
        """A closed run has told its relatives: boot need not look at it again."""
        run.said_last_words = True
        for waiter in run.waiters:
            _release(waiter)
        done = self.database.write([storage.settled(run.key)])
        # Lost, it only makes boot say again what was said.
        done.add_done_callback(lambda future: future.cancelled() or future.exception())

    # -- waiting --------------------------------------------------------------------------------------------------

    async def wait(self, run: Run, condition: Callable[[], bool], timeout_seconds: float) -> bool:
        """Wait until `condition` holds in committed state; False when the time is over first."""
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        while True:
            if run.last_write is not None or run.failed:
                await self.committed(run)
            if condition():
                return True
            if run.deleted:
                raise no_such_run(run.execution.workflow_id, run.execution.run_id)
            remaining = deadline - asyncio.get_running_loop().time()
            if remaining <= 0:
                return False
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            run.waiters.add(waiter)
            timer = asyncio.get_running_loop().call_later(remaining, _release, waiter)
            try:
                await waiter
            finally:
                timer.cancel()
                run.waiters.discard(waiter)
                if run.last_write is None:
                    self._settle(run)

    # -- time -----------------------------------------------------------------------------------------------------

    def _on_timer(self, key: int) -> None:
        run = self.cache.get(key)
        if run is None:
            self.spawn(self._load_and_tick(key))
        else:
            self._tick(run)

    async def _load_and_tick(self, key: int) -> None:
        self._tick(await self.load(key))

    def _tick(self, run: Run) -> None:
        if run.execution.is_running:
            with contextlib.suppress(InvalidArgument):  # the run ended for want of room
                self.step(run, lambda execution: execution.tick(execution.now))

    def spawn(self, work: Awaitable[None]) -> None:
        """Run something in the background; its failure is logged, not lost."""
        task = asyncio.ensure_future(_logged(work))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def stop(self) -> None:
        self.timers.stop()
        for task in list(self._background):
            task.cancel()

    # -- boot -----------------------------------------------------------------------------------------------------

    async def recover(self) -> int:
        """Take up the open runs of the database: their timers now, their waiting tasks in the background."""
        rows, self.next_key = await self.database.read(storage.open_runs)
        pending = []
        opened = 0
        for row in rows:
            opened += row.is_open
            if row.is_open and row.deadline is not None:
                self.timers.set(row.run_key, row.deadline)
            if row.pending:
                pending.append(row.run_key)
        if pending:
            self.spawn(self._take_up(pending))
        return opened

    async def _take_up(self, keys: Iterable[int], after_seconds: float = 0.0) -> None:
        """Load runs whose tasks or words to others may have been lost, and ask for them again."""
        if after_seconds:
            await asyncio.sleep(after_seconds)
        remaining = iter(keys)
        while batch := list(islice(remaining, LOADED_AT_ONCE)):
            await asyncio.gather(*map(self._take_up_one, batch))

    async def _take_up_one(self, key: int) -> None:
        run = await self.load_or_none(key)
        if run is None:
            return
        self.timers.set(key, run.execution.next_deadline())
        for effect in run.execution.pending_effects():
            handler = self.handlers.get(type(effect))
            if handler is not None:
                handler(run, effect)

    def is_known_task(self, run: Run, scheduled_event_id: int) -> bool:
        task = run.execution.workflow_task
        return run.is_running and task.is_scheduled and task.scheduled_event_id == scheduled_event_id


def _release(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def no_such_run(workflow_id: str, run_id: str = "") -> NotFound:
    if run_id:
        return NotFound(f'workflow execution not found for workflow ID "{workflow_id}" and run ID "{run_id}"')
    return NotFound(f"workflow not found for ID: {workflow_id}")


async def _logged(work: Awaitable[None]) -> None:
    try:
        await work
    except asyncio.CancelledError:
        raise
    except NotFound:
        log.debug("a run disappeared while work for it was under way")
    except Unavailable as error:
        log.debug("background work was given up: %s", error)
    except Exception:
        log.exception("background work failed")
