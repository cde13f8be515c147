"""What can be done to one pending activity, by its id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wfctl.tui.feeds.requests import Action, Field, Values, execution, payloads, sends
from wfctl.tui.models.run import RunRef


@dataclass(frozen=True, slots=True)
class ActivityRef:
    """Which activity of which run."""

    run: RunRef
    activity_id: str
    type: str


def _one(ref: ActivityRef, values: Values) -> dict[str, Any]:
    return {"execution": execution(ref.run), "id": ref.activity_id}


def _paused(ref: ActivityRef, values: Values) -> dict[str, Any]:
    return {**_one(ref, values), "reason": values["reason"]}


def _by_id(ref: ActivityRef) -> dict[str, Any]:
    return {"workflow_id": ref.run.workflow_id, "run_id": ref.run.run_id, "activity_id": ref.activity_id}


def _completed(ref: ActivityRef, values: Values) -> dict[str, Any]:
    return {**_by_id(ref), "result": payloads(values["result"])}


def _failed(ref: ActivityRef, values: Values) -> dict[str, Any]:
    from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure

    info = ApplicationFailureInfo(non_retryable=values["retry"].strip().lower() not in ("yes", "y"))
    failure = Failure(message=values["reason"], source="wfctl", application_failure_info=info)
    return {**_by_id(ref), "failure": failure}


ACTIVITY_ACTIONS: tuple[Action[ActivityRef], ...] = (
    Action(
        "c", "Complete", "with a result, as if a worker had", "Complete activity {id} with a result.",
        sends("RespondActivityTaskCompletedById", "activity completed", _completed), (Field("result", "Result, as JSON"),),
    ),
    Action(
        "f", "Fail", "with a message", "Let this attempt of activity {id} fail.",
        sends("RespondActivityTaskFailedById", "activity failed", _failed),
        (Field("reason", "Message"), Field("retry", "Tried again? yes or no", "no")), destructive=True,
    ),
    Action(
        "p", "Pause", "no further attempts until it is unpaused", "Let activity {id} make no further attempts.",
        sends("PauseActivity", "activity paused", _paused), (Field("reason", "Reason"),),
    ),
    Action("u", "Unpause", "let it go on", "Let activity {id} go on.", sends("UnpauseActivity", "activity goes on", _one)),
    Action(
        "r", "Reset", "begin again with the first attempt", "Let activity {id} begin again with its first attempt.",
        sends("ResetActivity", "activity reset", _one),
    ),
)  # fmt: skip
