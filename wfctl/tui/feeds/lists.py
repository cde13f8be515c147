"""The list's feed: a page of runs, and how many there are of each status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wfctl.errors import CommandError
from wfctl.tui.feeds.source import Source
from wfctl.tui.messages import Page
from wfctl.view.payloads import summary_text

PAGE_SIZE = 200


def fetch_page(
    source: Source, query: str, *, token: bytes = b"", count_query: str | None = None, size: int = PAGE_SIZE
) -> Page:
    """`count_query` None leaves the counts out."""
    from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsRequest

    request = ListWorkflowExecutionsRequest(
        namespace=source.namespace, query=query, page_size=size, next_page_token=token
    )
    response = source.call("ListWorkflowExecutions", request)
    counts, total = _counts(source, count_query) if count_query is not None else (None, None)
    return Page(list(response.executions), response.next_page_token, counts, total, query, append=bool(token))


def _counts(source: Source, query: str) -> tuple[Mapping[str, int] | None, int | None]:
    """None where the server cannot count by status; the list is worth showing without."""
    from temporalio.api.workflowservice.v1 import CountWorkflowExecutionsRequest

    grouped = f"{query} GROUP BY ExecutionStatus".strip()
    request = CountWorkflowExecutionsRequest(namespace=source.namespace, query=grouped)
    try:
        response: Any = source.call("CountWorkflowExecutions", request)
    except CommandError:
        return None, None
    counts: dict[str, int] = {}
    for group in response.groups:
        for value in group.group_values:
            value.metadata.pop("type", None)
            counts[_camel(summary_text(value))] = group.count
    return counts, sum(counts.values()) if counts else response.count


def _camel(status: str) -> str:
    """Servers say `TimedOut` or `TIMED_OUT`."""
    return "".join(word.capitalize() for word in status.split("_")) if status.isupper() else status
