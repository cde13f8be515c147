"""Queries under way. They live in memory only: a client whose server died asks again.

A query of a run with no workflow task pending goes to a worker as a task of its own (*direct*). While one is pending
there is news that the query must see, so it is *buffered*: the workflow task carries it, and its completion the answer.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from temporalio.api.enums.v1 import ResourceExhaustedCause, ResourceExhaustedScope
from temporalio.api.query.v1 import WorkflowQuery, WorkflowQueryResult
from temporalio.api.workflowservice.v1 import RespondQueryTaskCompletedRequest

from wfctl.devserver.core.errors import ResourceExhausted, ServiceError


@dataclass(slots=True, eq=False)
class BufferedQuery:
    """Waits for a workflow task; `result` or `error` is set when one brought it."""

    query: WorkflowQuery
    result: WorkflowQueryResult | None = None
    error: ServiceError | None = None

    @property
    def is_answered(self) -> bool:
        return self.result is not None or self.error is not None


@dataclass(slots=True, eq=False)
class DirectQuery:
    """A query task that was handed to a queue."""

    run_key: int
    query: WorkflowQuery
    answer: asyncio.Future[RespondQueryTaskCompletedRequest]


@dataclass(slots=True)
class Queries:
    buffered: dict[int, dict[str, BufferedQuery]] = field(default_factory=dict)  # run key -> query id -> query
    direct: dict[str, DirectQuery] = field(default_factory=dict)

    def buffer(self, run_key: int, query_id: str, query: BufferedQuery, limit: int) -> None:
        """Raises ResourceExhausted when too many queries of this run wait already."""
        queries = self.buffered.setdefault(run_key, {})
        if len(queries) >= limit:
            raise buffer_is_full()
        queries[query_id] = query

    def forget(self, run_key: int, query_id: str) -> None:
        queries = self.buffered.get(run_key, {})
        queries.pop(query_id, None)
        if not queries:
            self.buffered.pop(run_key, None)

    def unanswered(self, run_key: int) -> dict[str, WorkflowQuery]:
        """What the run's next workflow task carries."""
        return {
            query_id: query.query for query_id, query in self.buffered.get(run_key, {}).items() if not query.is_answered
        }


def buffer_is_full() -> ServiceError:
    return ResourceExhausted(
        "consistent query buffer is full, this may be caused by too many queries and workflow not able to process "
        "query fast enough",
        ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW,
        ResourceExhaustedScope.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE,
    )
