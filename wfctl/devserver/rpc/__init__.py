"""The edge: one file per noun, one function per RPC; request shape and status codes live here and nowhere else."""

from __future__ import annotations

from typing import Any

from wfctl.devserver.rpc import (
    activities,
    activity_operations,
    cluster,
    deletions,
    descriptions,
    execution_options,
    histories,
    multi_operations,
    namespaces,
    queries,
    resets,
    search_attributes,
    starts,
    task_queues,
    updates,
    visibility,
    workers,
    workflow_tasks,
    workflows,
)

# Every noun's table of RPCs; `router.py` merges them.
TABLES: tuple[dict[str, Any], ...] = (
    starts.RPCS,
    workflows.RPCS,
    histories.RPCS,
    descriptions.RPCS,
    resets.RPCS,
    deletions.RPCS,
    execution_options.RPCS,
    workflow_tasks.RPCS,
    activities.RPCS,
    activity_operations.RPCS,
    updates.RPCS,
    queries.RPCS,
    multi_operations.RPCS,
    task_queues.RPCS,
    workers.RPCS,
    visibility.RPCS,
    namespaces.RPCS,
    search_attributes.RPCS,
    cluster.RPCS,
)
