"""What an RPC function is given: the floors below it, and its call."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from wfctl.devserver.clock import Clock
from wfctl.devserver.core.errors import FailedPrecondition, InvalidArgument
from wfctl.devserver.engine.queries import Queries
from wfctl.devserver.engine.runs import Runs
from wfctl.devserver.engine.updates import UpdateWaiters
from wfctl.devserver.matching.queues import Queues
from wfctl.devserver.services.namespaces import Namespaces
from wfctl.devserver.services.task_queues import TaskQueues
from wfctl.devserver.settings import Settings
from wfctl.devserver.storage.database import Database

# A poll answers so long before its client's deadline, so that the empty answer still arrives.
POLL_TAIL_SECONDS = 1.0
SHORTEST_POLL_SECONDS = 2.0


@dataclass(slots=True)
class Backend:
    """The floors that an RPC may call; `app.py` puts them together."""

    settings: Settings
    clock: Clock
    database: Database
    namespaces: Namespaces
    runs: Runs
    queues: Queues
    task_queues: TaskQueues
    queries: Queries = field(default_factory=Queries)
    updates: UpdateWaiters = field(init=False)

    def __post_init__(self) -> None:
        self.updates = UpdateWaiters(self.runs)


class Call:
    """One call: its deadline, metadata and peer."""

    def __init__(self, context: Any, received_at: float) -> None:
        self.context = context
        self.received_at = received_at

    @staticmethod
    def time() -> float:
        """Now, in the seconds of a monotonic clock."""
        return time.monotonic()

    def poll_deadline(self, longest_seconds: float) -> float:
        """Until when a long poll may wait (`time()`): a moment before the client gives up."""
        remaining = self.remaining_seconds()
        if remaining is None:
            raise InvalidArgument("Context timeout is not set.")
        if remaining < SHORTEST_POLL_SECONDS:
            raise FailedPrecondition("Context timeout is too short.")
        return self.received_at + min(longest_seconds, remaining - POLL_TAIL_SECONDS)

    def remaining_seconds(self) -> float | None:
        """Seconds until the client's deadline, or None when it set none."""
        remaining = self.context.time_remaining()
        return None if remaining is None or remaining > 10**8 else remaining

    @cached_property
    def metadata(self) -> Mapping[str, str]:
        return {key: value for key, value in self.context.invocation_metadata() or () if isinstance(value, str)}
