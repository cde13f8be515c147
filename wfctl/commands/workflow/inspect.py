"""`workflow list` and `count`: what visibility knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wfctl.commands._session import Session, session
from wfctl.output import Paint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from temporalio.api.workflow.v1 import WorkflowExecutionInfo

STATUS_PAINT: dict[str, Paint] = {
    "Running": "blue",
    "Completed": "green",
    "Failed": "red",
    "Terminated": "red",
    "TimedOut": "yellow",
    "Canceled": "magenta",
}


def list_workflows(
    ctx: typer.Context,
    query: Annotated[
        str | None, typer.Option("-q", "--query", help="List filter, such as 'ExecutionStatus = \"Running\"'.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=0, help="Show at most this many.")] = None,
    page_size: Annotated[
        int | None, typer.Option("--page-size", min=0, help="Ask the server for this many at a time.")
    ] = None,
    archived: Annotated[bool, typer.Option("--archived", help="List archived workflows.")] = False,
) -> None:
    """List workflows, newest first.

    wfctl workflow list --query 'WorkflowType = "Order" AND ExecutionStatus = "Running"'
    """
    with session(ctx) as opened:
        with opened.out.listing():
            shown, widths = 0, list[int]()
            for number, page in enumerate(_pages(opened, query, limit, page_size, archived)):
                if opened.out.is_text and page:
                    widths = _print_table(opened, page, widths, header=number == 0)
                    opened.out.flush()
                for info in page:
                    opened.message(info)
                shown += len(page)
        if shown == 0 and opened.out.is_text:
            suffix = " that match the query" if query else ""
            opened.out.note(f"no workflows in namespace '{opened.namespace}'{suffix}")


def _pages(
    opened: Session, query: str | None, limit: int | None, page_size: int | None, archived: bool
) -> Iterator[list[WorkflowExecutionInfo]]:
    from temporalio.api.workflowservice.v1 import (
        ListArchivedWorkflowExecutionsRequest,
        ListWorkflowExecutionsRequest,
    )

    size = min(page_size or limit or 0, limit or page_size or 0)
    fields: dict[str, Any] = {"namespace": opened.namespace, "query": query or "", "page_size": size}
    token, left = b"", limit or None
    while True:
        response: Any
        if archived:
            request = ListArchivedWorkflowExecutionsRequest(next_page_token=token, **fields)
            response = opened.workflow_service.ListArchivedWorkflowExecutions(request)
        else:
            response = opened.workflow_service.ListWorkflowExecutions(
                ListWorkflowExecutionsRequest(next_page_token=token, **fields)
            )
        page = list(response.executions)[:left]
        yield page
        left = left - len(page) if left is not None else None
        token = response.next_page_token
        if not token or left == 0:
            return


def _print_table(opened: Session, page: list[WorkflowExecutionInfo], at_least: list[int], *, header: bool) -> list[int]:
    from wfctl.view.enums import workflow_status

    rows = []
    for info in page:
        status = workflow_status(info.status)
        rows.append(
            (
                opened.out.paint(status, STATUS_PAINT.get(status)),
                info.execution.workflow_id,
                info.type.name,
                opened.time(info.start_time),
            )
        )
    headers = ("Status", "WorkflowId", "Type", "StartTime")
    return opened.out.table(headers, rows, flexible=1, header=header, at_least=at_least)


def count(
    ctx: typer.Context,
    query: Annotated[
        str | None, typer.Option("-q", "--query", help="List filter; with GROUP BY ExecutionStatus, counts by status.")
    ] = None,
) -> None:
    """Count workflows."""
    from wfctl.view.payloads import summary_text

    with session(ctx) as opened:
        from temporalio.api.workflowservice.v1 import CountWorkflowExecutionsRequest

        response = opened.workflow_service.CountWorkflowExecutions(
            CountWorkflowExecutionsRequest(namespace=opened.namespace, query=query or "")
        )
        for group in response.groups:
            for value in group.group_values:
                # The type of a search attribute says nothing here, and without it the value prints as itself.
                value.metadata.pop("type", None)
        opened.message(response)
        opened.out.line(f"Total: {response.count}")
        for group in response.groups:
            values = ", ".join(summary_text(value) for value in group.group_values)
            opened.out.line(f"Group total: {group.count}, values: {values}")
