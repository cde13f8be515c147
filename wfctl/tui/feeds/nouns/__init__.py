"""Everything beside workflows, as a table: what is listed, how a row reads, what is known of it, what can be done.

A server that lacks one of these says so in its answer, and the screen shows that answer in its place.
"""

from __future__ import annotations

from wfctl.tui.feeds.nouns import (
    batches,
    deployments,
    endpoints,
    namespaces,
    schedules,
    search_attributes,
    task_queues,
    workers,
)
from wfctl.tui.feeds.nouns.parts import Resource

RESOURCES: dict[str, Resource] = {
    resource.noun: resource
    for resource in (
        schedules.SCHEDULES,
        batches.BATCHES,
        task_queues.TASK_QUEUES,
        workers.WORKERS,
        deployments.DEPLOYMENTS,
        namespaces.NAMESPACES,
        search_attributes.SEARCH_ATTRIBUTES,
        endpoints.ENDPOINTS,
    )
}
