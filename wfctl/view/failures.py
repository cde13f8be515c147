"""A failure in full: each cause, its type, whether it is retried, its details and its stack trace."""

from __future__ import annotations

from typing import Any

from wfctl.view.payloads import payloads_text


def failure_text(failure: Any, *, stack_traces: bool = True) -> str:
    """Several lines; a cause is indented under what it caused."""
    lines: list[str] = []
    indent = ""
    while failure is not None:
        title = failure_title(failure)
        first, *rest = title.split("\n")
        lines.append(f"{indent}{'caused by ' if indent else ''}{first}")
        lines.extend(f"{indent}  {line}" for line in rest)
        details = _details(failure)
        if details:
            lines.append(f"{indent}  details: {details}")
        if stack_traces and failure.stack_trace.strip():
            lines.extend(f"{indent}  {line.rstrip()}" for line in failure.stack_trace.split("\n") if line.strip())
        failure = failure.cause if failure.HasField("cause") else None
        indent += "  "
    return "\n".join(lines)


def failure_title(failure: Any) -> str:
    """`ValueError: no such order (not retryable)`."""
    kind = failure_kind(failure)
    title = f"{kind}: {failure.message}" if failure.message else kind
    if failure.WhichOneof("failure_info") == "application_failure_info":
        info = failure.application_failure_info
        if info.non_retryable:
            title += " (not retryable)"
    return title


def failure_kind(failure: Any) -> str:
    """The application's own type where there is one, else what sort of failure it is."""
    which = failure.WhichOneof("failure_info")
    if which is None:
        return "failure"
    info = getattr(failure, which)
    if which == "application_failure_info":
        return str(info.type or "application failure")
    if which == "timeout_failure_info":
        from temporalio.api.enums.v1 import TimeoutType

        return f"{_words(TimeoutType.Name(info.timeout_type), 'TIMEOUT_TYPE_')} timeout"
    if which == "activity_failure_info":
        return f"activity {info.activity_type.name} (id {info.activity_id})"
    if which == "child_workflow_execution_failure_info":
        return f"child workflow {info.workflow_type.name} (id {info.workflow_execution.workflow_id})"
    return str(which.removesuffix("_failure_info").replace("_", " "))


def root_cause(failure: Any) -> Any:
    while failure.HasField("cause"):
        failure = failure.cause
    return failure


def _details(failure: Any) -> str:
    which = failure.WhichOneof("failure_info")
    if which is None:
        return ""
    info = getattr(failure, which)
    for name in ("details", "last_heartbeat_details"):
        if name in info.DESCRIPTOR.fields_by_name and info.HasField(name):
            return payloads_text(getattr(info, name))
    return ""


def _words(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).lower().replace("_", "-")
