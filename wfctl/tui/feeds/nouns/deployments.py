"""Worker deployments: which version is current, which one ramps, which ones drain."""

from __future__ import annotations

from typing import Any

from wfctl.tui.feeds.nouns.parts import PAGE_SIZE, Item, Resource, ago, all_pages, clock, facts, section, word
from wfctl.tui.feeds.source import Source
from wfctl.tui.models.cells import Cell, Column, Part, Tone, cell

_TONES: dict[str, Tone] = {
    "Current": "live",
    "Ramping": "warn",
    "Draining": "warn",
    "Drained": "dim",
    "Inactive": "dim",
}


def _fetch(source: Source) -> list[Item]:
    from temporalio.api.workflowservice.v1 import ListWorkerDeploymentsRequest

    def ask(token: bytes) -> Any:
        request = ListWorkerDeploymentsRequest(namespace=source.namespace, page_size=PAGE_SIZE, next_page_token=token)
        return source.call("ListWorkerDeployments", request)

    return [_item(entry) for entry in all_pages(ask, lambda response: response.worker_deployments)]


def _item(entry: Any) -> Item:
    routing = entry.routing_config
    return Item(
        entry.name,
        [
            cell(entry.name, "strong"),
            cell(routing.current_deployment_version.build_id or "unversioned", "live"),
            cell(_ramp(routing), "warn"),
            cell(entry.latest_version_summary.deployment_version.build_id, "dim"),
            cell(ago(entry.create_time), "dim"),
        ],
        entry,
    )


def _ramp(routing: Any) -> str:
    share = routing.ramping_version_percentage
    if not share and not routing.ramping_deployment_version.build_id:
        return ""
    return f"{routing.ramping_deployment_version.build_id or 'unversioned'} {share:g} %"


def _describe(source: Source, item: Item) -> list[Cell]:
    from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentRequest

    request = DescribeWorkerDeploymentRequest(namespace=source.namespace, deployment_name=item.key)
    info = source.call("DescribeWorkerDeployment", request).worker_deployment_info
    routing = info.routing_config
    lines = section("Versions", [line for summary in info.version_summaries for line in _version(summary)])
    return [
        *lines,
        *section(
            "Routing",
            facts(
                ("current", routing.current_deployment_version.build_id or "unversioned", "live"),
                ("since", clock(routing.current_version_changed_time)),
                ("ramping", _ramp(routing), "warn"),
                ("changed by", info.last_modifier_identity),
                ("manager", info.manager_identity),
                ("created", clock(info.create_time)),
            ),
        ),
    ]


def _version(summary: Any) -> list[Cell]:
    from temporalio.api.enums.v1 import WorkerDeploymentVersionStatus

    state = word(WorkerDeploymentVersionStatus, summary.status, "WORKER_DEPLOYMENT_VERSION_STATUS_")
    tone = _TONES.get(state, "")
    return [
        (
            Part("  ● ", tone),
            Part(summary.deployment_version.build_id or summary.version, "strong"),
            Part(f"  {state.lower()}", tone),
            Part(f"  created {ago(summary.create_time)}", "dim"),
        )
    ]


DEPLOYMENTS = Resource(
    "deployments",
    "Deployments",
    (
        Column("name", "Deployment", weight=2, least=16),
        Column("current", "Current", weight=1, least=12),
        Column("ramping", "Ramping", weight=1, least=10, priority=1),
        Column("latest", "Latest", weight=1, least=10, priority=3),
        Column("created", "Created", width=12, align="right", priority=2),
    ),
    _fetch,
    _describe,
    empty="no worker deployments",
)
