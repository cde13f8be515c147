"""`wfctl activity`: finish an activity from outside its worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from wfctl.commands._inputs import json_payload
from wfctl.commands._session import session
from wfctl.commands._tree import LazyGroup, Row

_HERE = "wfctl.commands.activity"

app = LazyGroup(
    {
        "complete": Row(f"{_HERE}:complete", "Complete an activity with a result"),
        "fail": Row(f"{_HERE}:fail", "Fail an activity"),
    },
    help="Complete or fail an activity, as its worker would.",
)


@dataclass(kw_only=True)
class ActivityReference:
    activity_id: Annotated[str, typer.Option("-a", "--activity-id", help="Activity ID.")]
    workflow_id: Annotated[
        str | None, typer.Option("-w", "--workflow-id", help="Workflow ID; without it, a standalone activity.")
    ] = None
    run_id: Annotated[str | None, typer.Option("-r", "--run-id", help="Run ID; without it, the latest run.")] = None


def complete(
    ctx: typer.Context,
    activity: ActivityReference,
    result: Annotated[str, typer.Option("--result", metavar="JSON", help="Result, as JSON.")],
) -> None:
    """Complete an activity with a result.

    wfctl activity complete --activity-id 5 --workflow-id order-1 --result '{"paid": true}'
    """
    with session(ctx) as opened:
        from temporalio.api.common.v1 import Payloads
        from temporalio.api.workflowservice.v1 import RespondActivityTaskCompletedByIdRequest

        opened.workflow_service.RespondActivityTaskCompletedById(
            RespondActivityTaskCompletedByIdRequest(
                namespace=opened.namespace,
                workflow_id=activity.workflow_id or "",
                run_id=activity.run_id or "",
                activity_id=activity.activity_id,
                result=Payloads(payloads=[json_payload("--result", result)]),
                identity=opened.client.identity,
            )
        )


def fail(
    ctx: typer.Context,
    activity: ActivityReference,
    detail: Annotated[
        str | None, typer.Option("--detail", metavar="JSON", help="Details of the failure, as JSON.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Message of the failure.")] = None,
) -> None:
    """Fail an activity; it is not retried.

    wfctl activity fail --activity-id 5 --workflow-id order-1 --reason "card declined"
    """
    with session(ctx) as opened:
        from temporalio.api.common.v1 import Payloads
        from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
        from temporalio.api.workflowservice.v1 import RespondActivityTaskFailedByIdRequest

        details = Payloads(payloads=[json_payload("--detail", detail)]) if detail else None
        opened.workflow_service.RespondActivityTaskFailedById(
            RespondActivityTaskFailedByIdRequest(
                namespace=opened.namespace,
                workflow_id=activity.workflow_id or "",
                run_id=activity.run_id or "",
                activity_id=activity.activity_id,
                failure=Failure(
                    message=reason or "",
                    source="CLI",
                    application_failure_info=ApplicationFailureInfo(non_retryable=True, details=details),
                ),
                identity=opened.client.identity,
            )
        )
