"""What this server is and can do."""

from __future__ import annotations

from temporalio.api.operatorservice.v1 import ClusterMetadata, ListClustersRequest, ListClustersResponse
from temporalio.api.version.v1 import VersionInfo
from temporalio.api.workflowservice.v1 import (
    GetClusterInfoRequest,
    GetClusterInfoResponse,
    GetSystemInfoRequest,
    GetSystemInfoResponse,
)

from wfctl import __version__
from wfctl.devserver.rpc.backend import Backend, Call
from wfctl.devserver.rpc.client_headers import SUPPORTED_CLIENTS
from wfctl.devserver.rpc.namespaces import CLUSTER_NAME

# The release of the real server whose protocol this one speaks; ours follows as build metadata, which no range minds.
SERVER_VERSION = f"1.32.1+wfctl.{__version__}"
STORE = "sqlite"


async def get_system_info(backend: Backend, request: GetSystemInfoRequest, call: Call) -> GetSystemInfoResponse:
    return GetSystemInfoResponse(
        server_version=SERVER_VERSION,
        capabilities=GetSystemInfoResponse.Capabilities(
            signal_and_query_header=True,
            internal_error_differentiation=True,
            activity_failure_include_heartbeat=True,
            supports_schedules=True,
            encoded_failure_attributes=True,
            build_id_based_versioning=True,
            upsert_memo=True,
            eager_workflow_start=True,
            sdk_metadata=True,
            count_group_by_execution_status=True,
            nexus=True,
            server_scaled_deployments=True,
        ),
    )


async def get_cluster_info(backend: Backend, request: GetClusterInfoRequest, call: Call) -> GetClusterInfoResponse:
    return GetClusterInfoResponse(
        supported_clients=SUPPORTED_CLIENTS,
        server_version=SERVER_VERSION,
        cluster_id=backend.database.identity,
        version_info=VersionInfo(),
        cluster_name=CLUSTER_NAME,
        history_shard_count=1,
        persistence_store=STORE,
        visibility_store=STORE,
        failover_version_increment=10,
        initial_failover_version=1,
    )


async def list_clusters(backend: Backend, request: ListClustersRequest, call: Call) -> ListClustersResponse:
    return ListClustersResponse(
        clusters=[
            ClusterMetadata(
                cluster_name=CLUSTER_NAME,
                cluster_id=backend.database.identity,
                initial_failover_version=1,
                history_shard_count=1,
                is_connection_enabled=True,
            )
        ]
    )


RPCS = {
    "GetSystemInfo": get_system_info,
    "GetClusterInfo": get_cluster_info,
    "ListClusters": list_clusters,
}
