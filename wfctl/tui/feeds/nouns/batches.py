"""Batches: how far they are, and a stop."""

from __future__ import annotations

from typing import Any

from wfctl.tui.feeds.nouns.parts import (
    PAGE_SIZE,
    Item,
    Resource,
    ago,
    all_pages,
    bar,
    clock,
    facts,
    section,
    word,
)
from wfctl.tui.feeds.requests import Action, Field, Values, sends
from wfctl.tui.feeds.source import Source
from wfctl.tui.models.cells import Cell, Column, Tone, cell

_TONES: dict[str, Tone] = {"Running": "live", "Completed": "ok", "Failed": "bad"}
_MARKS = {"Running": "●", "Completed": "✓", "Failed": "✗"}


def _fetch(source: Source) -> list[Item]:
    from temporalio.api.workflowservice.v1 import ListBatchOperationsRequest

    def ask(token: bytes) -> Any:
        request = ListBatchOperationsRequest(namespace=source.namespace, page_size=PAGE_SIZE, next_page_token=token)
        return source.call("ListBatchOperations", request)

    return [_item(entry) for entry in all_pages(ask, lambda response: response.operation_info)]


def _state(number: int) -> str:
    from temporalio.api.enums.v1 import BatchOperationState

    return word(BatchOperationState, number, "BATCH_OPERATION_STATE_")


def _item(entry: Any) -> Item:
    state = _state(entry.state)
    return Item(
        entry.job_id,
        [
            cell(f"{_MARKS.get(state, '·')} {state}", _TONES.get(state, "")),
            cell(entry.job_id, "strong"),
            cell(ago(entry.start_time), "dim"),
            cell(ago(entry.close_time), "dim"),
        ],
        entry,
    )


def _describe(source: Source, item: Item) -> list[Cell]:
    from temporalio.api.enums.v1 import BatchOperationType
    from temporalio.api.workflowservice.v1 import DescribeBatchOperationRequest

    request = DescribeBatchOperationRequest(namespace=source.namespace, job_id=item.key)
    found = source.call("DescribeBatchOperation", request)
    state = _state(found.state)
    failed = found.failure_operation_count
    lines = section(
        "Progress",
        [
            bar(found.complete_operation_count, failed, found.total_operation_count),
            *facts(
                ("done", str(found.complete_operation_count), "ok"),
                ("failed", str(failed) if failed else "", "bad"),
                ("of", str(found.total_operation_count)),
            ),
        ],
    )
    return [
        *lines,
        *section(
            "Batch",
            facts(
                ("does", word(BatchOperationType, found.operation_type, "BATCH_OPERATION_TYPE_")),
                ("state", state, _TONES.get(state, "")),
                ("reason", found.reason),
                ("by", found.identity),
                ("started", clock(found.start_time)),
                ("closed", clock(found.close_time)),
                ("query", getattr(found, "query", "")),
            ),
        ),
    ]


def _stopped(job_id: str, values: Values) -> dict[str, Any]:
    return {"job_id": job_id, "reason": values["reason"] or "stopped by hand"}


BATCHES = Resource(
    "batches",
    "Batches",
    (
        Column("state", "State", width=12),
        Column("id", "Job", weight=1, least=20),
        Column("started", "Started", width=14, align="right", priority=1),
        Column("closed", "Closed", width=14, align="right", priority=2),
    ),
    _fetch,
    _describe,
    (
        Action(
            "s",
            "Stop",
            "what it has done stays done",
            "Stop batch {id}; what it has done stays done.",
            sends("StopBatchOperation", "batch stopped", _stopped),
            (Field("reason", "Reason"),),
            destructive=True,
        ),
    ),
    "no batches",
)
