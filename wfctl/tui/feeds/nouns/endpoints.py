"""Nexus endpoints: where each leads."""

from __future__ import annotations

from typing import Any

from wfctl.tui.feeds.nouns.parts import PAGE_SIZE, Item, Resource, ago, all_pages, clock, facts, section
from wfctl.tui.feeds.source import Source
from wfctl.tui.models.cells import Cell, Column, cell
from wfctl.view.payloads import summary_text


def _fetch(source: Source) -> list[Item]:
    from temporalio.api.operatorservice.v1 import ListNexusEndpointsRequest

    def ask(token: bytes) -> Any:
        return source.call("ListNexusEndpoints", ListNexusEndpointsRequest(page_size=PAGE_SIZE, next_page_token=token))

    return [_item(entry) for entry in all_pages(ask, lambda response: response.endpoints)]


def _item(entry: Any) -> Item:
    worker = entry.spec.target.worker
    target = f"{worker.namespace}/{worker.task_queue}" if worker.task_queue else entry.spec.target.external.url
    cells = [cell(entry.spec.name, "strong"), cell(target), cell(ago(entry.created_time), "dim")]
    return Item(entry.id, cells, entry)


def _describe(source: Source, item: Item) -> list[Cell]:
    entry = item.detail
    target = entry.spec.target
    return section(
        "Endpoint",
        facts(
            ("name", entry.spec.name),
            ("namespace", target.worker.namespace),
            ("task queue", target.worker.task_queue),
            ("URL", target.external.url),
            ("description", summary_text(entry.spec.description) if entry.spec.HasField("description") else ""),
            ("created", clock(entry.created_time)),
            ("changed", clock(entry.last_modified_time)),
            ("id", entry.id, "dim"),
        ),
    )


ENDPOINTS = Resource(
    "nexus",
    "Nexus endpoints",
    (
        Column("name", "Endpoint", weight=1, least=16),
        Column("target", "Target", weight=2, least=16),
        Column("created", "Created", width=13, align="right", priority=1),
    ),
    _fetch,
    _describe,
    empty="no Nexus endpoints",
)
