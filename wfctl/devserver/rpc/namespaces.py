"""Namespaces: register, describe, list, update, deprecate, delete."""

from __future__ import annotations

import uuid
from dataclasses import replace

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import ArchivalState, NamespaceState, ReplicationState
from temporalio.api.namespace.v1 import BadBinaries, BadBinaryInfo, NamespaceConfig, NamespaceInfo
from temporalio.api.operatorservice.v1 import DeleteNamespaceRequest, DeleteNamespaceResponse
from temporalio.api.replication.v1 import ClusterReplicationConfig, NamespaceReplicationConfig
from temporalio.api.workflowservice.v1 import (
    DeprecateNamespaceRequest,
    DeprecateNamespaceResponse,
    DescribeNamespaceRequest,
    DescribeNamespaceResponse,
    ListNamespacesRequest,
    ListNamespacesResponse,
    RegisterNamespaceRequest,
    RegisterNamespaceResponse,
    UpdateNamespaceRequest,
    UpdateNamespaceResponse,
)

from wfctl.devserver.core.errors import InvalidArgument, NamespaceNotFound, Unknown
from wfctl.devserver.core.namespace import DELETED, DEPRECATED, REGISTERED, BadBinary, Namespace
from wfctl.devserver.core.validation import length
from wfctl.devserver.rpc.backend import Backend, Call
from wfctl.devserver.services import deletion
from wfctl.devserver.services.namespaces import Namespaces
from wfctl.devserver.settings import Settings

CLUSTER_NAME = "active"
MIN_RETENTION_SECONDS = 3600.0
MAX_BAD_BINARIES = 10
DEFAULT_PAGE_SIZE = 100

_STATE_UPDATES = {REGISTERED: (DEPRECATED, DELETED), DEPRECATED: (DELETED,)}


async def register_namespace(
    backend: Backend, request: RegisterNamespaceRequest, call: Call
) -> RegisterNamespaceResponse:
    _require_name(request.namespace, backend.settings)
    if request.is_global_namespace:
        raise InvalidArgument("Cannot register global namespace when not enabled")
    retention = request.workflow_execution_retention_period
    seconds = _retention_seconds(retention)
    for cluster in (request.active_cluster_name, *(cluster.cluster_name for cluster in request.clusters)):
        _require_cluster(cluster)
    await backend.namespaces.register(
        request.namespace,
        description=request.description,
        owner_email=request.owner_email,
        data=request.data,
        retention_seconds=seconds,
    )
    return RegisterNamespaceResponse()


async def describe_namespace(
    backend: Backend, request: DescribeNamespaceRequest, call: Call
) -> DescribeNamespaceResponse:
    if not request.namespace and not request.id:
        raise InvalidArgument("Namespace not set on request.")
    if request.namespace and request.id:
        raise InvalidArgument("GetNamespace operation failed.  Both ID and Name specified in request.")
    if request.id:
        _require_uuid(request.id)
        return _described(backend.namespaces.by_id(request.id), backend.settings)
    return _described(_named(backend.namespaces, request.namespace, backend.settings), backend.settings)


async def list_namespaces(backend: Backend, request: ListNamespacesRequest, call: Call) -> ListNamespacesResponse:
    if request.page_size < 0:
        raise InvalidArgument("Page size must not be negative.")
    after = request.next_page_token.decode(errors="replace")
    wanted = [
        namespace
        for namespace in backend.namespaces.all()
        if namespace.name > after and (namespace.state != DELETED or request.namespace_filter.include_deleted)
    ]
    page = wanted[: request.page_size or DEFAULT_PAGE_SIZE]
    return ListNamespacesResponse(
        namespaces=[_described(namespace, backend.settings) for namespace in page],
        next_page_token=page[-1].name.encode() if len(page) < len(wanted) else b"",
    )


async def update_namespace(backend: Backend, request: UpdateNamespaceRequest, call: Call) -> UpdateNamespaceResponse:
    _require_name(request.namespace, backend.settings)
    shown: list[Namespace] = []

    def change(before: Namespace) -> Namespace:
        after = _updated_info(before, request)
        after = _updated_config(after, request)
        shown.append(_with_bad_binaries(after, request, backend.clock.now().timestamp()))
        # The real server does not take added bad binaries for a change: alone they are answered and forgotten.
        return shown[-1] if after != before else before

    await backend.namespaces.change(request.namespace, change)
    described = _described(shown[-1], backend.settings)
    return UpdateNamespaceResponse(
        namespace_info=described.namespace_info,
        config=described.config,
        replication_config=described.replication_config,
    )


async def deprecate_namespace(
    backend: Backend, request: DeprecateNamespaceRequest, call: Call
) -> DeprecateNamespaceResponse:
    _require_name(request.namespace, backend.settings)
    await backend.namespaces.deprecate(request.namespace)
    return DeprecateNamespaceResponse()


async def delete_namespace(backend: Backend, request: DeleteNamespaceRequest, call: Call) -> DeleteNamespaceResponse:
    if not request.namespace and not request.namespace_id:
        raise InvalidArgument("Namespace not set on request.")
    if request.namespace and request.namespace_id:
        raise InvalidArgument("Only one of namespace name or Id should be set on request.")
    if request.namespace_id:
        namespace = backend.namespaces.by_id(request.namespace_id)
    else:
        namespace = _named(backend.namespaces, request.namespace, backend.settings)
    deleted = await backend.namespaces.delete(namespace)
    backend.runs.spawn(deletion.empty_namespace(backend.runs, backend.namespaces, deleted))
    return DeleteNamespaceResponse(deleted_namespace=deleted.name)


# -- validation -----------------------------------------------------------------------------------------------------


def _require_name(name: str, settings: Settings) -> None:
    if not name:
        raise InvalidArgument("Namespace not set on request.")
    if length(name) > settings.max_id_length:
        raise InvalidArgument("Namespace length exceeds limit.")


def _require_uuid(value: str) -> None:
    if len(value) not in (32, 36, 38, 45):  # the lengths of the forms that the real server's parser knows
        raise Unknown(f"invalid UUID length: {len(value)}")
    try:
        uuid.UUID(value)
    except ValueError:
        raise Unknown("invalid UUID format") from None


def _require_cluster(name: str) -> None:
    if name and name != CLUSTER_NAME:
        raise InvalidArgument(f"Invalid cluster name: {name}")


def _retention_seconds(retention: Duration) -> float:
    seconds = retention.seconds + retention.nanos / 1e9
    if seconds < MIN_RETENTION_SECONDS:
        raise InvalidArgument("A valid retention period is not set on request.")
    return seconds


def _named(namespaces: Namespaces, name: str, settings: Settings) -> Namespace:
    """By name, in whatever state."""
    _require_name(name, settings)
    namespace = namespaces.find(name)
    if namespace is None:
        raise NamespaceNotFound(name)
    return namespace


# -- updating -------------------------------------------------------------------------------------------------------


def _updated_info(namespace: Namespace, request: UpdateNamespaceRequest) -> Namespace:
    info = request.update_info
    if info.state not in (NamespaceState.NAMESPACE_STATE_UNSPECIFIED, namespace.state):
        if info.state not in _STATE_UPDATES.get(namespace.state, ()):
            raise InvalidArgument("Invalid namespace state update.")
        namespace = replace(namespace, state=info.state)
    return replace(
        namespace,
        description=info.description or namespace.description,
        owner_email=info.owner_email or namespace.owner_email,
        data={**namespace.data, **info.data},
    )


def _updated_config(namespace: Namespace, request: UpdateNamespaceRequest) -> Namespace:
    config = request.config
    if config.HasField("workflow_execution_retention_ttl"):
        seconds = _retention_seconds(config.workflow_execution_retention_ttl)
        namespace = replace(namespace, retention_seconds=seconds)
    if config.custom_search_attribute_aliases:
        namespace = replace(namespace, aliases=_merged_aliases(namespace, dict(config.custom_search_attribute_aliases)))
    if (checksum := request.delete_bad_binary) != "":
        if checksum not in namespace.bad_binaries:
            raise InvalidArgument(f"Bad binary checksum {checksum} doesn't exists.")
        kept = {name: binary for name, binary in namespace.bad_binaries.items() if name != checksum}
        namespace = replace(namespace, bad_binaries=kept)
    return _updated_replication(namespace, request)


def _updated_replication(namespace: Namespace, request: UpdateNamespaceRequest) -> Namespace:
    wanted = request.replication_config
    for cluster in (wanted.active_cluster_name, *(cluster.cluster_name for cluster in wanted.clusters)):
        _require_cluster(cluster)
    if request.promote_namespace:
        raise InvalidArgument(
            "global namespace is not enabled on this cluster,"
            f" cannot update global namespace or promote local namespace: {request.namespace}"
        )
    if wanted.state == ReplicationState.REPLICATION_STATE_UNSPECIFIED:
        return namespace
    return replace(namespace, replication_state=wanted.state)


def _merged_aliases(namespace: Namespace, upserts: dict[str, str]) -> dict[str, str]:
    aliases = dict(namespace.aliases)
    taken = set(aliases.values())
    for field, name in upserts.items():
        if not name:
            aliases.pop(field, None)
        elif name in taken:
            continue
        elif field in namespace.aliases:
            raise InvalidArgument("Custom search attribute field name already allocated.")
        else:
            aliases[field] = name
    return aliases


def _with_bad_binaries(namespace: Namespace, request: UpdateNamespaceRequest, now_seconds: float) -> Namespace:
    added = request.config.bad_binaries.binaries
    if not added:
        return namespace
    binaries = dict(namespace.bad_binaries)
    binaries.update({checksum: BadBinary(info.reason, info.operator, now_seconds) for checksum, info in added.items()})
    if len(binaries) > MAX_BAD_BINARIES:
        raise InvalidArgument(f"Total resetBinaries cannot exceed the max limit: {MAX_BAD_BINARIES}")
    return replace(namespace, bad_binaries=binaries)


# -- answers --------------------------------------------------------------------------------------------------------


def _described(namespace: Namespace, settings: Settings) -> DescribeNamespaceResponse:
    return DescribeNamespaceResponse(
        namespace_info=_info(namespace, settings),
        config=_config(namespace),
        replication_config=NamespaceReplicationConfig(
            active_cluster_name=CLUSTER_NAME,
            clusters=[ClusterReplicationConfig(cluster_name=CLUSTER_NAME)],
            state=namespace.replication_state,
        ),
    )


def _info(namespace: Namespace, settings: Settings) -> NamespaceInfo:
    return NamespaceInfo(
        name=namespace.name,
        state=namespace.state,
        description=namespace.description,
        owner_email=namespace.owner_email,
        data=namespace.data,
        id=namespace.id,
        capabilities=NamespaceInfo.Capabilities(
            eager_workflow_start=True,
            sync_update=True,
            async_update=True,
            worker_heartbeats=True,
            reported_problems_search_attribute=True,
            standalone_activities=True,
            worker_poll_complete_on_shutdown=True,
            poller_autoscaling=True,
            standalone_nexus_operation=True,
            workflow_update_callbacks=True,
            standalone_activity_start_delay=True,
            standalone_activity_batch_operations=True,
            standalone_activity_operator_commands=True,
        ),
        limits=NamespaceInfo.Limits(
            blob_size_limit_error=settings.blob_size_error,
            memo_size_limit_error=settings.memo_size_error,
            workflow_task_completion_size_limit_error=settings.workflow_task_completion_size_error,
        ),
        supports_schedules=True,
    )


def _config(namespace: Namespace) -> NamespaceConfig:
    seconds = namespace.shown_retention_seconds
    config = NamespaceConfig(
        workflow_execution_retention_ttl=Duration(seconds=int(seconds), nanos=round(seconds % 1 * 1e9)),
        bad_binaries=BadBinaries(),
        history_archival_state=ArchivalState.ARCHIVAL_STATE_DISABLED,
        visibility_archival_state=ArchivalState.ARCHIVAL_STATE_DISABLED,
        custom_search_attribute_aliases=namespace.aliases,
    )
    for checksum, binary in namespace.bad_binaries.items():
        info = BadBinaryInfo(reason=binary.reason, operator=binary.operator)
        info.create_time.FromNanoseconds(int(binary.create_time_seconds * 1e9))
        config.bad_binaries.binaries[checksum].CopyFrom(info)
    return config


RPCS = {
    "RegisterNamespace": register_namespace,
    "DescribeNamespace": describe_namespace,
    "ListNamespaces": list_namespaces,
    "UpdateNamespace": update_namespace,
    "DeprecateNamespace": deprecate_namespace,
    "DeleteNamespace": delete_namespace,
}
