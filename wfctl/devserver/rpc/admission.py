"""Who is let in: a server that is asked for more than it can hold says so at once, before it holds it.

Every change waits for its commit inside its call, so what calls hold is what the server holds: bounding the calls that
are under way, in number and in bytes, bounds the commit queue too. Calls that mostly wait (polls, results, updates,
queries) have a bound of their own, so that ten thousand idle workers leave room for a start. Workflows that nobody works
on are bounded by the backlog of their namespace.

No namespace may fill a bound alone: once it is half full, each may have an equal share, and one share is left for a
namespace that comes later.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from temporalio.api.enums.v1 import ResourceExhaustedCause, ResourceExhaustedScope

from wfctl.devserver.core.errors import ResourceExhausted
from wfctl.devserver.settings import Settings

WAITING_CALLS = frozenset(
    {
        "ExecuteMultiOperation",
        "GetWorkflowExecutionHistory",
        "PollActivityTaskQueue",
        "PollNexusTaskQueue",
        "PollWorkflowExecutionUpdate",
        "PollWorkflowTaskQueue",
        "QueryWorkflow",
        "UpdateWorkflowExecution",
    }
)
STARTS = frozenset({"ExecuteMultiOperation", "SignalWithStartWorkflowExecution", "StartWorkflowExecution"})
# When a refused client should come back; by then a full queue of commits has been written several times over.
RETRY_AFTER_SECONDS = 1.0


@dataclass(slots=True)
class Gate:
    """Calls of one kind that are under way, and how many there may be."""

    what: str
    most_calls: int
    most_bytes: int
    calls: int = 0
    bytes: int = 0
    _calls_of: dict[str, int] = field(default_factory=dict)
    _bytes_of: dict[str, int] = field(default_factory=dict)

    def enter(self, namespace: str, size: int) -> None:
        """Raises ResourceExhausted; otherwise the call must `leave`."""
        calls, held = self._calls_of.get(namespace, 0), self._bytes_of.get(namespace, 0)
        if 2 * self.calls >= self.most_calls or 2 * (self.bytes + size) > self.most_bytes:
            self._check_share(namespace, calls, held + size, size)
        self.calls += 1
        self.bytes += size
        self._calls_of[namespace] = calls + 1
        self._bytes_of[namespace] = held + size

    def leave(self, namespace: str, size: int) -> None:
        self.calls -= 1
        self.bytes -= size
        calls = self._calls_of[namespace] - 1
        if calls:
            self._calls_of[namespace] = calls
            self._bytes_of[namespace] -= size
        else:
            del self._calls_of[namespace], self._bytes_of[namespace]

    def _check_share(self, namespace: str, calls: int, held: int, size: int) -> None:
        if self.calls >= self.most_calls or self.bytes + size > self.most_bytes:
            raise _exhausted(
                f"The server is overloaded: {self.calls} {self.what} with {self.bytes} bytes are under way.",
                ResourceExhaustedScope.RESOURCE_EXHAUSTED_SCOPE_SYSTEM,
            )
        sharers = len(self._calls_of) + (0 if calls else 1) + 1
        # A namespace that has nothing under way is always let in: one call may be larger than a share.
        if calls and (calls >= self.most_calls // sharers or held > self.most_bytes // sharers):
            raise _exhausted(
                f"Namespace {namespace} has {calls} {self.what} with {held - size} bytes under way, its share of a busy"
                " server.",
                ResourceExhaustedScope.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE,
            )


class Admission:
    """The gates of one server."""

    def __init__(self, settings: Settings) -> None:
        self._working = Gate("requests", settings.max_requests, settings.max_request_bytes)
        self._waiting = Gate("waiting calls", settings.max_waiting_calls, settings.max_request_bytes)
        self._most_backlog = settings.max_backlog_tasks

    def gate(self, rpc: str) -> Gate:
        """The gate that calls of this RPC pass."""
        return self._waiting if rpc in WAITING_CALLS else self._working

    def check_backlog(self, namespace: str, backlog: int) -> None:
        """Raises ResourceExhausted when too much of a namespace waits for workers that do not come."""
        if backlog >= self._most_backlog:
            raise _exhausted(
                f"Namespace {namespace} has {backlog} tasks waiting for workers; nothing is started until some are done.",
                ResourceExhaustedScope.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE,
            )


def _exhausted(message: str, scope: ResourceExhaustedScope.ValueType) -> ResourceExhausted:
    return ResourceExhausted(
        message,
        ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_SYSTEM_OVERLOADED,
        scope,
        retry_after_seconds=RETRY_AFTER_SECONDS,
    )
