"""Namespaces: what they are, and the way into another."""

from __future__ import annotations

from typing import Any

from wfctl.errors import CommandError
from wfctl.tui.feeds.nouns.parts import PAGE_SIZE, Item, Resource, all_pages, facts, section, word
from wfctl.tui.feeds.source import Source
from wfctl.tui.models.cells import Cell, Column, cell
from wfctl.view.durations import long_duration


def _fetch(source: Source) -> list[Item]:
    from temporalio.api.workflowservice.v1 import ListNamespacesRequest

    def ask(token: bytes) -> Any:
        return source.call("ListNamespaces", ListNamespacesRequest(page_size=PAGE_SIZE, next_page_token=token))

    return [_item(source, entry) for entry in all_pages(ask, lambda response: response.namespaces)]


def _state(info: Any) -> str:
    from temporalio.api.enums.v1 import NamespaceState

    return word(NamespaceState, info.state, "NAMESPACE_STATE_")


def _retention(entry: Any) -> str:
    retention = entry.config.workflow_execution_retention_ttl.ToTimedelta()
    return long_duration(retention) if retention else "forever"


def _item(source: Source, entry: Any) -> Item:
    info = entry.namespace_info
    is_here = info.name == source.namespace
    return Item(
        info.name,
        [
            cell("●" if is_here else "", "live"),
            cell(info.name, "strong"),
            cell(_state(info), "dim"),
            cell(_retention(entry)),
            cell(info.description, "dim"),
        ],
        entry,
    )


def _describe(source: Source, item: Item) -> list[Cell]:
    entry = item.detail
    info, config = entry.namespace_info, entry.config
    lines = section(
        "Namespace",
        facts(
            ("name", info.name),
            ("state", _state(info)),
            ("id", info.id, "dim"),
            ("retention", _retention(entry)),
            ("description", info.description),
            ("owner", info.owner_email),
            ("cluster", entry.replication_config.active_cluster_name),
        ),
    )
    lines += section("Data", facts(*((name, value) for name, value in sorted(info.data.items()))))
    aliases = config.custom_search_attribute_aliases
    if aliases:
        lines += section("Search attributes", [cell(f"  {name}") for name in sorted(aliases.values())])
    if info.name != source.namespace:
        lines.append(cell("⏎ goes there", "live"))
    return lines


def verify_namespace(source: Source, namespace: str) -> Source:
    """The source in another namespace, once that has answered. Raises CommandError, and leaves the old one open."""
    from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest

    other = source.in_namespace(namespace)
    try:
        other.call("DescribeNamespace", DescribeNamespaceRequest(namespace=namespace))
    except CommandError:
        if other is not source:
            other.close()
        raise
    return other


NAMESPACES = Resource(
    "namespaces",
    "Namespaces",
    (
        Column("here", "", width=1),
        Column("name", "Namespace", weight=1, least=16),
        Column("state", "State", width=12, priority=2),
        Column("retention", "Retention", width=12, priority=1),
        Column("description", "Description", weight=2, least=10, priority=3),
    ),
    _fetch,
    _describe,
)
