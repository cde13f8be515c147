"""Who polls a queue, and when they last did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio.api.common.v1 import WorkerVersionCapabilities
from temporalio.api.deployment.v1 import WorkerDeploymentOptions

# A poller that has not been seen for so long is gone (the real server's poller history).
REMEMBERED = timedelta(minutes=5)
# A sticky queue whose worker has not polled for so long has no worker.
STICKY_ALIVE = timedelta(seconds=10)


@dataclass(slots=True)
class Poller:
    identity: str
    last_access_time: datetime
    rate_per_second: float = 100000.0
    capabilities: WorkerVersionCapabilities | None = None
    deployment_options: WorkerDeploymentOptions | None = None


class Pollers:
    """The pollers of one queue by identity."""

    def __init__(self) -> None:
        self._by_identity: dict[str, Poller] = {}

    def seen(self, identity: str, now: datetime) -> Poller:
        poller = self._by_identity.get(identity)
        if poller is None:
            poller = self._by_identity[identity] = Poller(identity, now)
        else:
            poller.last_access_time = now
        return poller

    def gone(self, identity: str) -> None:
        self._by_identity.pop(identity, None)

    def recent(self, now: datetime, within: timedelta = REMEMBERED) -> list[Poller]:
        return [poller for poller in self._by_identity.values() if now - poller.last_access_time <= within]

    def clear(self) -> None:
        self._by_identity.clear()
