"""The edge: one file per noun, one function per RPC; request shape and status codes live here and nowhere else."""

from __future__ import annotations

from wfctl.devserver.rpc import (
    activities,
    cluster,
    namespaces,
    queries,
    search_attributes,
    visibility,
    workflow_tasks,
    workflows,
)

# Every noun's table of RPCs; `router.py` merges them.
TABLES = (
    workflows.RPCS,
    workflow_tasks.RPCS,
    activities.RPCS,
    queries.RPCS,
    namespaces.RPCS,
    search_attributes.RPCS,
    visibility.RPCS,
    cluster.RPCS,
)
