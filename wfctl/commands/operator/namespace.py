"""`operator namespace`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from wfctl.commands._inputs import duration_of
from wfctl.commands._session import Session, key_values, session
from wfctl.errors import CommandError, UsageMistake
from wfctl.view.durations import parse_duration

if TYPE_CHECKING:
    from temporalio.api.enums.v1 import ArchivalState
    from temporalio.api.workflowservice.v1 import DescribeNamespaceResponse

_PAGE = 100
Archival = Literal["disabled", "enabled"]


@dataclass(kw_only=True)
class Settings:
    """What both `create` and `update` can set."""

    name: Annotated[
        str | None, typer.Argument(metavar="[NAMESPACE]", help="Older way to name it; use --namespace.")
    ] = None
    active_cluster: Annotated[str | None, typer.Option("--active-cluster", help="Active cluster.")] = None
    cluster: Annotated[list[str] | None, typer.Option("--cluster", help="Cluster to replicate to; repeatable.")] = None
    data: Annotated[
        list[str] | None, typer.Option("--data", metavar="KEY=VALUE", help="Data of your own, KEY=VALUE; repeatable.")
    ] = None
    description: Annotated[str | None, typer.Option("--description", help="Description.")] = None
    email: Annotated[str | None, typer.Option("--email", help="Owner's email.")] = None
    retention: Annotated[
        timedelta | None,
        typer.Option(
            "--retention", parser=parse_duration, metavar="DURATION", help="How long closed workflows are kept (72h)."
        ),
    ] = None
    history_archival_state: Annotated[
        Archival | None, typer.Option("--history-archival-state", help="Archive histories?")
    ] = None
    history_uri: Annotated[str | None, typer.Option("--history-uri", help="Where to archive histories.")] = None
    visibility_archival_state: Annotated[
        Archival | None, typer.Option("--visibility-archival-state", help="Archive visibility records?")
    ] = None
    visibility_uri: Annotated[str | None, typer.Option("--visibility-uri", help="Where to archive those.")] = None


def create(
    ctx: typer.Context,
    settings: Settings,
    is_global: Annotated[bool, typer.Option("--global", help="Let it be replicated to other clusters.")] = False,
) -> None:
    """Make a namespace.

    wfctl operator namespace create --namespace orders --retention 30d
    """
    with session(ctx) as opened:
        from temporalio.api.replication.v1 import ClusterReplicationConfig
        from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest

        name = _name(opened, settings.name)
        opened.workflow_service.RegisterNamespace(
            RegisterNamespaceRequest(
                namespace=name,
                description=settings.description or "",
                owner_email=settings.email or "",
                workflow_execution_retention_period=duration_of(settings.retention or timedelta(hours=72)),
                clusters=[ClusterReplicationConfig(cluster_name=one) for one in settings.cluster or ()],
                active_cluster_name=settings.active_cluster or "",
                data=key_values(settings.data, "--data"),
                is_global_namespace=is_global,
                history_archival_state=_archival(settings.history_archival_state or "disabled"),
                history_archival_uri=settings.history_uri or "",
                visibility_archival_state=_archival(settings.visibility_archival_state or "disabled"),
                visibility_archival_uri=settings.visibility_uri or "",
            )
        )
        opened.out.line(opened.out.paint(f"Namespace {name} successfully registered.", "green"))


def describe(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAMESPACE]", help="Older way to name it; use --namespace.")
    ] = None,
    namespace_id: Annotated[str | None, typer.Option("--namespace-id", help="Its ID, instead of its name.")] = None,
) -> None:
    """Show a namespace.

    wfctl operator namespace describe --namespace orders
    """
    with session(ctx) as opened:
        from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest

        if namespace_id and (name or opened.connection.namespace_is_given):
            raise UsageMistake("either --namespace-id or --namespace, not both")
        request = DescribeNamespaceRequest(id=namespace_id or "")
        if not namespace_id:
            request.namespace = _name(opened, name)
        answer = opened.workflow_service.DescribeNamespace(request)
        opened.message(answer)
        opened.out.card(_rows(opened, answer))


def list_namespaces(ctx: typer.Context) -> None:
    """List all namespaces."""
    with session(ctx) as opened, opened.out.listing():
        from temporalio.api.workflowservice.v1 import ListNamespacesRequest

        token, shown = b"", 0
        while True:
            answer = opened.workflow_service.ListNamespaces(
                ListNamespacesRequest(page_size=_PAGE, next_page_token=token)
            )
            for one in answer.namespaces:
                opened.message(one)
                if shown:
                    opened.out.line()
                opened.out.card(_rows(opened, one))
                shown += 1
            token = answer.next_page_token
            if not token:
                return


def update(
    ctx: typer.Context,
    settings: Settings,
    promote_global: Annotated[
        bool, typer.Option("--promote-global", help="Let it be replicated to other clusters.")
    ] = False,
    replication_state: Annotated[
        Literal["normal", "handover"] | None, typer.Option("--replication-state", help="Replication state.")
    ] = None,
) -> None:
    """Change a namespace; what is not given stays as it is.

    wfctl operator namespace update --namespace orders --retention 7d
    """
    with session(ctx) as opened:
        from temporalio.api.enums.v1 import ReplicationState
        from temporalio.api.namespace.v1 import NamespaceConfig, UpdateNamespaceInfo
        from temporalio.api.replication.v1 import ClusterReplicationConfig, NamespaceReplicationConfig
        from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest

        name = _name(opened, settings.name)
        request = UpdateNamespaceRequest(namespace=name, promote_namespace=promote_global)
        if settings.active_cluster:
            request.replication_config.active_cluster_name = settings.active_cluster
        elif not promote_global:
            # An update replaces the whole info, so what is not given is taken from what there is.
            before = opened.workflow_service.DescribeNamespace(DescribeNamespaceRequest(namespace=name)).namespace_info
            request.update_info.CopyFrom(
                UpdateNamespaceInfo(
                    description=settings.description or before.description,
                    owner_email=settings.email or before.owner_email,
                    data={**before.data, **key_values(settings.data, "--data")},
                )
            )
            request.config.CopyFrom(
                NamespaceConfig(
                    workflow_execution_retention_ttl=duration_of(settings.retention),
                    history_archival_state=_archival(settings.history_archival_state),
                    history_archival_uri=settings.history_uri or "",
                    visibility_archival_state=_archival(settings.visibility_archival_state),
                    visibility_archival_uri=settings.visibility_uri or "",
                )
            )
            state = ReplicationState.Value(f"REPLICATION_STATE_{(replication_state or 'unspecified').upper()}")
            clusters = [ClusterReplicationConfig(cluster_name=one) for one in settings.cluster or ()]
            request.replication_config.CopyFrom(NamespaceReplicationConfig(clusters=clusters, state=state))
        opened.message(opened.workflow_service.UpdateNamespace(request))
        opened.out.line(opened.out.paint(f"Namespace {name} update succeeded.", "green"))


def delete(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAMESPACE]", help="Older way to name it; use --namespace.")
    ] = None,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask for the name again.")] = False,
) -> None:
    """Delete a namespace with all its workflows; asks for its name once more.

    wfctl operator namespace delete --namespace orders
    """
    with session(ctx) as opened:
        from temporalio.api.operatorservice.v1 import DeleteNamespaceRequest

        wanted = _name(opened, name)
        if not yes:
            if opened.out.is_json:
                raise UsageMistake("a question cannot be asked with JSON output", hint="pass --yes")
            answer = typer.prompt(f"Delete namespace {wanted}? Type its name to confirm", err=True, default="")
            if answer != wanted:
                raise CommandError("not confirmed; nothing was done")
        opened.message(opened.operator_service.DeleteNamespace(DeleteNamespaceRequest(namespace=wanted)))
        opened.out.line(opened.out.paint(f"Namespace {wanted} has been deleted.", "green"))


def _name(opened: Session, argument: str | None) -> str:
    if argument is None:
        return opened.namespace
    if opened.flags.get("namespace"):
        raise UsageMistake("the namespace is given twice, as an argument and with --namespace")
    return argument


def _archival(state: Archival | None) -> ArchivalState.ValueType:
    from temporalio.api.enums.v1 import ArchivalState

    return ArchivalState.Value(f"ARCHIVAL_STATE_{(state or 'unspecified').upper()}")


def _rows(opened: Session, one: DescribeNamespaceResponse) -> list[tuple[str, str]]:
    from temporalio.api.enums.v1 import ArchivalState, NamespaceState, ReplicationState

    from wfctl.view.durations import long_duration
    from wfctl.view.enums import camel

    info, config, replication = one.namespace_info, one.config, one.replication_config
    data: Any = dict(info.data)
    rows = [
        ("NamespaceInfo.Name", info.name),
        ("NamespaceInfo.Id", info.id),
        ("NamespaceInfo.Description", info.description),
        ("NamespaceInfo.OwnerEmail", info.owner_email),
        ("NamespaceInfo.State", camel(NamespaceState.Name(info.state), "NAMESPACE_STATE_")),
        ("NamespaceInfo.Data", ", ".join(f"{key}={value}" for key, value in sorted(data.items()))),
        (
            "Config.WorkflowExecutionRetentionTtl",
            long_duration(config.workflow_execution_retention_ttl.ToTimedelta()),
        ),
        ("ReplicationConfig.ActiveClusterName", replication.active_cluster_name),
        ("ReplicationConfig.Clusters", ", ".join(cluster.cluster_name for cluster in replication.clusters)),
        ("ReplicationConfig.State", camel(ReplicationState.Name(replication.state), "REPLICATION_STATE_")),
        ("Config.HistoryArchivalState", camel(ArchivalState.Name(config.history_archival_state), "ARCHIVAL_STATE_")),
        (
            "Config.VisibilityArchivalState",
            camel(ArchivalState.Name(config.visibility_archival_state), "ARCHIVAL_STATE_"),
        ),
        ("IsGlobalNamespace", str(one.is_global_namespace).lower()),
        ("FailoverVersion", str(one.failover_version)),
        ("Config.HistoryArchivalUri", config.history_archival_uri),
        ("Config.VisibilityArchivalUri", config.visibility_archival_uri),
        (
            "Config.CustomSearchAttributeAliases",
            ", ".join(f"{key}={value}" for key, value in sorted(config.custom_search_attribute_aliases.items())),
        ),
    ]
    return [(name, value) for name, value in rows if value]
