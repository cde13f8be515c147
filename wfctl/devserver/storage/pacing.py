"""How long a commit waits for company.

Answers that leave together cost far less than answers that leave one by one: the event loop, gRPC's threads, the socket and
the client all wake once for many. So under load a commit gathers a few milliseconds' writes; a client that works alone
does not wait for others that will not come. The load is how many different runs wrote lately.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

# For each run that wrote lately, up to a bound: longer, and fifty runs at once would wait more than they work.
_SECONDS_A_RUN = 0.0001
_LONGEST_SECONDS = 0.005
# Fewer runs than these wait for nobody.
_CROWD_RUNS = 6
_REMEMBERED_COMMITS = 8


class Pacing:
    """Remembers whose writes the last commits were."""

    def __init__(self) -> None:
        self._writers: deque[set[int]] = deque(maxlen=_REMEMBERED_COMMITS)

    def begin(self, writers: Iterable[int]) -> None:
        """A commit begins, with writes of these runs."""
        self._writers.append(set(writers))

    def wait_seconds(self) -> float:
        """How long the next commit should wait for more writes."""
        runs = len(set().union(*self._writers))
        return 0.0 if runs < _CROWD_RUNS else min(runs * _SECONDS_A_RUN, _LONGEST_SECONDS)
