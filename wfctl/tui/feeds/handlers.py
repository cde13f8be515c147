"""What a workflow's code can be asked, and asking it: queries and updates, through a worker."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wfctl.errors import CommandError
from wfctl.tui.feeds.requests import ask, execution, payloads
from wfctl.tui.feeds.source import Source
from wfctl.tui.models.run import RunRef
from wfctl.view.enums import workflow_status

_QUERY_SECONDS = 10.0
_UPDATE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Handler:
    kind: str
    name: str
    description: str


def query(source: Source, ref: RunRef, name: str, arguments: str = "") -> Any:
    """The result's payloads. Raises CommandError."""
    from temporalio.api.query.v1 import WorkflowQuery

    response = ask(
        source,
        "QueryWorkflow",
        timeout=_QUERY_SECONDS,
        execution=execution(ref),
        query=WorkflowQuery(query_type=name, query_args=payloads(arguments)),
    )
    if response.HasField("query_rejected"):
        status = workflow_status(response.query_rejected.status)
        raise CommandError(f"the query was rejected: the workflow is {status}")
    return response.query_result


def update(source: Source, ref: RunRef, name: str, arguments: str = "") -> Any:
    """The outcome's payloads. Raises CommandError, also for an update that failed."""
    from temporalio.api.enums.v1 import UpdateWorkflowExecutionLifecycleStage
    from temporalio.api.update.v1 import Input, Meta, Request, WaitPolicy

    from wfctl.view.failures import failure_title, root_cause

    stage = UpdateWorkflowExecutionLifecycleStage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED
    response = ask(
        source,
        "UpdateWorkflowExecution",
        timeout=_UPDATE_SECONDS,
        workflow_execution=execution(ref),
        wait_policy=WaitPolicy(lifecycle_stage=stage),
        request=Request(
            meta=Meta(update_id=str(uuid.uuid4()), identity=source.identity),
            input=Input(name=name, args=payloads(arguments)),
        ),
    )
    outcome = response.outcome
    if outcome.WhichOneof("value") == "failure":
        raise CommandError(f"the update failed: {failure_title(root_cause(outcome.failure))}")
    return outcome.success


def handlers(source: Source, ref: RunRef) -> list[Handler]:
    """What the workflow's code says it can be asked."""
    from google.protobuf.json_format import Parse
    from temporalio.api.sdk.v1 import WorkflowMetadata

    result = query(source, ref, "__temporal_workflow_metadata")
    metadata = Parse(result.payloads[0].data, WorkflowMetadata(), ignore_unknown_fields=True)
    definition = metadata.definition
    return [
        *_named("query", definition.query_definitions),
        *_named("update", definition.update_definitions),
        *_named("signal", definition.signal_definitions),
    ]


def _named(kind: str, definitions: Sequence[Any]) -> list[Handler]:
    return [
        Handler(kind, item.name or "(any name)", item.description)
        for item in definitions
        if not item.name.startswith("__")
    ]
