"""What is set for task queues — rate limits, fairness weights, compatible build ids — kept over restarts."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgpack
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueueConfig

from wfctl.devserver.core.build_id_sets import Sets
from wfctl.devserver.matching.queues import Queues
from wfctl.devserver.storage import task_queues as storage
from wfctl.devserver.storage.database import Database

ACTIVITY = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY


@dataclass(slots=True)
class TaskQueueRecord:
    """Configuration by type of queue, and the build id sets of the name."""

    configs: dict[int, TaskQueueConfig] = field(default_factory=dict)
    build_id_sets: Sets = field(default_factory=list)

    def config(self, kind: int) -> TaskQueueConfig:
        return self.configs.setdefault(kind, TaskQueueConfig())

    def pack(self) -> bytes:
        configs = {kind: config.SerializeToString() for kind, config in self.configs.items()}
        return bytes(msgpack.packb([configs, self.build_id_sets]))

    @classmethod
    def unpack(cls, packed: bytes) -> TaskQueueRecord:
        configs, sets = msgpack.unpackb(packed, strict_map_key=False)
        return cls({kind: TaskQueueConfig.FromString(config) for kind, config in configs.items()}, sets)


class TaskQueues:
    """The records by namespace and name; the queues in memory follow them."""

    def __init__(self, database: Database, queues: Queues) -> None:
        self._database = database
        self._queues = queues
        self._records: dict[tuple[str, str], TaskQueueRecord] = {}

    async def load(self) -> None:
        for namespace_id, name, packed in await self._database.read(storage.load_all):
            self._records[namespace_id, name] = TaskQueueRecord.unpack(packed)
            self._apply(namespace_id, name)

    def get(self, namespace_id: str, name: str) -> TaskQueueRecord:
        """A copy of what is set; an empty record for a queue that nobody configured."""
        record = self._records.get((namespace_id, name))
        return TaskQueueRecord.unpack(record.pack()) if record else TaskQueueRecord()

    async def save(self, namespace_id: str, name: str, record: TaskQueueRecord) -> None:
        self._records[namespace_id, name] = record
        self._apply(namespace_id, name)
        await self._database.write(storage.statements_for(namespace_id, name, record.pack()))

    def _apply(self, namespace_id: str, name: str) -> None:
        for kind, config in self._records[namespace_id, name].configs.items():
            queue = self._queues.get(namespace_id, TaskQueueType.ValueType(kind), name)
            queue.weights = dict(config.fairness_weight_overrides)
            limited = config.queue_rate_limit.HasField("rate_limit")
            queue.set_limit(config.queue_rate_limit.rate_limit.requests_per_second if limited else None)
