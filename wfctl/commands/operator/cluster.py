"""`operator cluster`."""

from __future__ import annotations

from typing import Annotated

import typer

from wfctl.commands._session import session
from wfctl.errors import CommandError

_SERVICE = "temporal.api.workflowservice.v1.WorkflowService"


def health(ctx: typer.Context) -> None:
    """Say whether the server is well; exit code 4 if it cannot be reached."""
    with session(ctx) as opened:
        from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
        from grpc_health.v1.health_pb2_grpc import HealthStub

        answer = HealthStub(opened.client.channel).Check(HealthCheckRequest(service=_SERVICE))
        status = HealthCheckResponse.ServingStatus.Name(answer.status)
        opened.out.value({"status": status})
        serving = status == "SERVING"
        opened.out.line(opened.out.paint(status, "green" if serving else "red"))
        if not serving:
            raise CommandError(f"the server at {opened.connection.address} is {status}")


def system(ctx: typer.Context) -> None:
    """Show the server's version and what it can do."""
    with session(ctx) as opened:
        from temporalio.api.workflowservice.v1 import GetSystemInfoRequest

        answer = opened.workflow_service.GetSystemInfo(GetSystemInfoRequest())
        opened.message(answer)
        able = answer.capabilities
        opened.out.table(
            ("ServerVersion", "SupportsSchedules", "UpsertMemo", "EagerWorkflowStart"),
            [
                (
                    answer.server_version,
                    str(able.supports_schedules).lower(),
                    str(able.upsert_memo).lower(),
                    str(able.eager_workflow_start).lower(),
                )
            ],
        )


def describe(
    ctx: typer.Context,
    detail: Annotated[bool, typer.Option("--detail", help="Show shards and versions too.")] = False,
) -> None:
    """Show the cluster's name and what it stores in."""
    with session(ctx) as opened:
        from temporalio.api.workflowservice.v1 import GetClusterInfoRequest

        answer = opened.workflow_service.GetClusterInfo(GetClusterInfoRequest())
        opened.message(answer)
        headers = ["ClusterName", "PersistenceStore", "VisibilityStore"]
        row = [answer.cluster_name, answer.persistence_store, answer.visibility_store]
        if detail:
            headers += ["HistoryShardCount", "VersionInfo"]
            row += [str(answer.history_shard_count), answer.version_info.current.version or answer.server_version]
        opened.out.table(headers, [row])


def list_clusters(
    ctx: typer.Context,
    limit: Annotated[int | None, typer.Option("--limit", min=0, help="Show at most this many.")] = None,
) -> None:
    """List the clusters that this one replicates with."""
    with session(ctx) as opened:
        from temporalio.api.operatorservice.v1 import ListClustersRequest

        found = []
        token = b""
        while True:
            answer = opened.operator_service.ListClusters(ListClustersRequest(next_page_token=token))
            found.extend(answer.clusters)
            token = answer.next_page_token
            if not token or (limit and len(found) >= limit):
                break
        found = found[: limit or None]
        with opened.out.listing():
            for cluster in found:
                opened.message(cluster)
        opened.out.table(
            ("Name", "ClusterId", "Address", "HistoryShardCount", "InitialFailoverVersion", "IsConnectionEnabled"),
            [
                (
                    cluster.cluster_name,
                    cluster.cluster_id,
                    cluster.address,
                    str(cluster.history_shard_count),
                    str(cluster.initial_failover_version),
                    str(cluster.is_connection_enabled).lower(),
                )
                for cluster in found
            ],
        )
