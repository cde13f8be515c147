"""A gRPC error status as a sentence, a hint and an exit code."""

from __future__ import annotations

from typing import Any

from wfctl.errors import ExitCode, ServerRefused

_EXIT_CODES = {
    "NOT_FOUND": ExitCode.NOT_FOUND,
    "ALREADY_EXISTS": ExitCode.ALREADY_EXISTS,
    "UNAUTHENTICATED": ExitCode.NOT_ALLOWED,
    "PERMISSION_DENIED": ExitCode.NOT_ALLOWED,
    "DEADLINE_EXCEEDED": ExitCode.TIMED_OUT,
}

_NEED_A_WORKER = {
    "QueryWorkflow": "a query",
    "UpdateWorkflowExecution": "an update",
    "PollWorkflowExecutionUpdate": "an update",
    "ExecuteMultiOperation": "an update",
}


def refusal(method: str, error: Any, *, namespace: str) -> ServerRefused:
    code: str = error.code().name
    message = str(error.details() or "").strip() or f"{method} failed with {code}"
    hint = _hint(method, code, message, error_details(error), namespace)
    return ServerRefused(message, code=code, hint=hint, exit_code=_EXIT_CODES.get(code, ExitCode.FAILED))


def error_details(error: Any) -> frozenset[str]:
    """The type names of the details of a status, such as `NamespaceNotFoundFailure`."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            from google.rpc.status_pb2 import Status

            status = Status.FromString(value)
            return frozenset(detail.type_url.rpartition(".")[2] for detail in status.details)
    return frozenset()


def _hint(method: str, code: str, message: str, details: frozenset[str], namespace: str) -> str | None:
    lowered = message.lower()
    if "NamespaceNotFoundFailure" in details or (code == "NOT_FOUND" and lowered.startswith("namespace")):
        return f"`wfctl operator namespace list` shows what there is, and `… create -n {namespace}` makes it"
    if code == "NOT_FOUND" and "already completed" in lowered:
        return "`wfctl workflow describe` shows how it ended, `wfctl workflow reset` runs it again from a point"
    if code == "NOT_FOUND" and "workflow" in lowered:
        return f"is the id right, and is it in namespace '{namespace}'? `wfctl workflow list` shows what is there"
    if code == "ALREADY_EXISTS" and "workflow" in lowered:
        return "choose another --workflow-id, or say what to do with --id-conflict-policy or --id-reuse-policy"
    if code == "UNIMPLEMENTED":
        return f"this server does not offer {method}"
    if code == "UNAUTHENTICATED":
        return "check --api-key, TEMPORAL_API_KEY or the profile's api_key"
    if code == "PERMISSION_DENIED":
        return f"may this key work in namespace '{namespace}'?"
    if code == "DEADLINE_EXCEEDED":
        return waiting_hint(method)
    return None


def waiting_hint(method: str) -> str | None:
    """What a call that got no answer in time may have waited for."""
    what = _NEED_A_WORKER.get(method)
    return (
        f"{what} needs a worker that polls the workflow's task queue; `wfctl workflow describe` tells" if what else None
    )
