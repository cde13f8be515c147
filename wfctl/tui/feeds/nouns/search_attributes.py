"""Search attributes: the custom ones first, and how each is written in a query."""

from __future__ import annotations

from wfctl.tui.feeds.nouns.parts import Item, Resource, facts, section, word
from wfctl.tui.feeds.source import Source
from wfctl.tui.models.cells import Cell, Column, Tone, cell

_EXAMPLES = {
    "Text": "{name} = 'a word of it'",
    "Keyword": "{name} = 'value' or {name} STARTS_WITH 'val'",
    "Int": "{name} >= 10",
    "Double": "{name} < 2.5",
    "Bool": "{name} = true",
    "Datetime": "{name} > '2026-01-01T00:00:00Z'",
    "KeywordList": "{name} = 'one of them'",
}


def _fetch(source: Source) -> list[Item]:
    from temporalio.api.enums.v1 import IndexedValueType
    from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest

    response = source.call("ListSearchAttributes", ListSearchAttributesRequest(namespace=source.namespace))
    found: list[Item] = []
    for origin, attributes in (("custom", response.custom_attributes), ("system", response.system_attributes)):
        for name, kind in sorted(attributes.items()):
            words = word(IndexedValueType, kind, "INDEXED_VALUE_TYPE_")
            tone: Tone = "live" if origin == "custom" else "dim"
            found.append(Item(name, [cell(name, "strong"), cell(words), cell(origin, tone)], (name, words, origin)))
    return found


def _describe(source: Source, item: Item) -> list[Cell]:
    name, kind, origin = item.detail
    lines = section("Search attribute", facts(("name", name), ("type", kind), ("origin", origin)))
    example = _EXAMPLES.get(kind, "").replace("{name}", name)
    return [*lines, *section("In a query", [cell(f"  {text}", "ok") for text in example.split(" or ") if text])]


SEARCH_ATTRIBUTES = Resource(
    "search-attributes",
    "Search attributes",
    (
        Column("name", "Name", weight=1, least=20),
        Column("type", "Type", width=14),
        Column("origin", "Origin", width=8, priority=1),
    ),
    _fetch,
    _describe,
)
