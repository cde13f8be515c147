"""What a request that starts a workflow must be like: the real server's checks, in its order and words."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import Callback, RetryPolicy
from temporalio.api.enums.v1 import WorkflowIdConflictPolicy, WorkflowIdReusePolicy
from temporalio.api.workflowservice.v1 import SignalWithStartWorkflowExecutionRequest, StartWorkflowExecutionRequest

from wfctl.devserver.clock import Clock
from wfctl.devserver.core import cron, retry
from wfctl.devserver.core.errors import InvalidArgument, Unimplemented
from wfctl.devserver.core.namespace import Namespace
from wfctl.devserver.core.validation import (
    check_priority,
    check_retry_policy,
    check_task_queue,
    duration_problem,
    is_set,
    length,
)
from wfctl.devserver.rpc.links import check_links
from wfctl.devserver.rpc.requests import check_blob
from wfctl.devserver.settings import Settings

Conflict = WorkflowIdConflictPolicy
Reuse = WorkflowIdReusePolicy
Request = StartWorkflowExecutionRequest | SignalWithStartWorkflowExecutionRequest

MAX_CALLBACKS = 32  # system.maxCallbacksPerWorkflow
MAX_CALLBACK_URL_LENGTH = 1000  # frontend.callbackURLMaxLength
MAX_CALLBACK_HEADER_BYTES = 8 * 1024  # frontend.callbackHeaderMaxLength
# Where the server itself listens for completions.
INTERNAL_URLS = ("temporal://system", "temporal://internal")
_LARGEST_NANOSECONDS = 2**63 - 1


def set_default_policies(request: Request, conflict: Conflict.ValueType) -> None:
    """What is not named: a used id may be used again, and `conflict` says what a running workflow means."""
    if not request.workflow_id_reuse_policy:
        request.workflow_id_reuse_policy = Reuse.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
    terminates = request.workflow_id_reuse_policy == Reuse.WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING
    if not request.workflow_id_conflict_policy and not terminates:
        request.workflow_id_conflict_policy = conflict


def check_start(namespace: Namespace, request: StartWorkflowExecutionRequest, settings: Settings, clock: Clock) -> None:
    """Raises for what no workflow can be started with. Sets the default policies."""
    set_default_policies(request, Conflict.WORKFLOW_ID_CONFLICT_POLICY_FAIL)
    _check_workflow_id(request.workflow_id, settings)
    _check_retry_policy(request)
    _check_start_delay(request)
    _check_cron(request, clock)
    if not request.workflow_type.name:
        raise InvalidArgument("WorkflowType is not set on request.")
    if length(request.workflow_type.name) > settings.max_id_length:
        raise InvalidArgument("WorkflowType length exceeds limit.")
    check_task_queue(request, settings)
    _check_timeouts(request)
    if length(request.request_id) > settings.max_id_length:
        raise InvalidArgument("RequestId length exceeds limit.")
    _check_policies(request)
    options = request.on_conflict_options
    if options.attach_completion_callbacks and not options.attach_request_id:
        raise InvalidArgument("attaching request ID is required for attaching completion callbacks")
    namespace.check_search_attributes(request.search_attributes, settings)
    check_priority(request.priority)
    _check_callbacks(request.completion_callbacks)
    check_links([*request.links, *(link for callback in request.completion_callbacks for link in callback.links)])
    _check_sizes(request, settings)
    if any(callback.WhichOneof("variant") == "internal" for callback in request.completion_callbacks):
        raise InvalidArgument("unsupported callback variant: *common.Callback_Internal_")


def check_signal_with_start(
    namespace: Namespace, request: SignalWithStartWorkflowExecutionRequest, settings: Settings, clock: Clock
) -> None:
    """Raises for what can neither signal nor start a workflow. Sets the default policies."""
    _check_cron(request, clock)
    _check_workflow_id(request.workflow_id, settings)
    if not request.signal_name:
        raise InvalidArgument("signal not set")
    _check_length(request.signal_name, "signal name", settings)
    if not request.workflow_type.name:
        raise InvalidArgument("workflow type not set")
    _check_length(request.workflow_type.name, "workflow type name", settings)
    check_task_queue(request, settings)
    _check_length(request.request_id, "Request ID", settings)
    _check_timeouts(request)
    _check_retry_policy(request)
    _check_start_delay(request)
    _check_policies(request)
    if request.workflow_id_conflict_policy == Conflict.WORKFLOW_ID_CONFLICT_POLICY_FAIL:
        raise InvalidArgument(
            "Invalid WorkflowIDConflictPolicy: WORKFLOW_ID_CONFLICT_POLICY_FAIL is not supported for this operation."
        )
    set_default_policies(request, Conflict.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING)
    namespace.check_search_attributes(request.search_attributes, settings)
    check_priority(request.priority)
    check_links(request.links)
    _check_sizes(request, settings)
    check_blob(request.signal_input.ByteSize(), settings)


def _check_sizes(request: Request, settings: Settings) -> None:
    check_blob(request.input.ByteSize(), settings)
    if request.memo.ByteSize() > settings.memo_size_error:
        raise InvalidArgument("Memo size exceeds limit.")


def _check_workflow_id(workflow_id: str, settings: Settings) -> None:
    if not workflow_id:
        raise InvalidArgument("WorkflowId is not set on request.")
    _check_length(workflow_id, "WorkflowId", settings)


def _check_length(text: str, what: str, settings: Settings) -> None:
    if (size := length(text)) > settings.max_id_length:
        raise InvalidArgument(f"{what} exceeds maximum allowed length ({size}/{settings.max_id_length})")


def _check_retry_policy(request: Request) -> None:
    if not request.HasField("retry_policy"):
        return
    if _default_overflows(request.retry_policy):
        raise InvalidArgument("invalid MaximumInterval set on retry policy: negative duration")
    check_retry_policy(retry.with_defaults(request.retry_policy))


def _default_overflows(policy: RetryPolicy) -> bool:
    """The default maximum, a hundred times the initial interval, is counted in nanoseconds of 64 bits."""
    if is_set(policy.maximum_interval) or policy.maximum_attempts == 1:
        return False
    initial = min(policy.initial_interval.seconds * 10**9 + policy.initial_interval.nanos, _LARGEST_NANOSECONDS)
    return initial >= 0 and (initial * 100) & 2**63 != 0


def _check_start_delay(request: Request) -> None:
    if request.cron_schedule and request.HasField("workflow_start_delay"):
        raise InvalidArgument("CronSchedule and WorkflowStartDelay may not be used together.")
    _check_duration(request.workflow_start_delay, "WorkflowStartDelaySeconds")


def _check_cron(request: Request, clock: Clock) -> None:
    if problem := cron.check(request.cron_schedule, clock.now()):
        raise InvalidArgument(problem)


def _check_timeouts(request: Request) -> None:
    _check_duration(request.workflow_execution_timeout, "WorkflowExecutionTimeoutSeconds")
    _check_duration(request.workflow_run_timeout, "WorkflowRunTimeoutSeconds")
    _check_duration(request.workflow_task_timeout, "WorkflowTaskTimeoutSeconds")


def _check_duration(duration: Duration, name: str) -> None:
    if problem := duration_problem(duration):
        raise InvalidArgument(f"An invalid {name} is set on request. cause: {problem}")


def _check_policies(request: Request) -> None:
    reuse, conflict = request.workflow_id_reuse_policy, request.workflow_id_conflict_policy
    if conflict and reuse == Reuse.WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING:
        raise InvalidArgument(
            "Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING cannot be used together"
            " with a WorkflowIDConflictPolicy"
        )
    if (
        conflict == Conflict.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING
        and reuse == Reuse.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
    ):
        raise InvalidArgument(
            "Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE cannot be used together"
            " with WorkflowIdConflictPolicy WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING"
        )


def _check_callbacks(callbacks: Iterable[Callback]) -> None:
    callbacks = list(callbacks)
    if len(callbacks) > MAX_CALLBACKS:
        raise InvalidArgument(f"cannot attach more than {MAX_CALLBACKS} callbacks to an execution")
    for callback in callbacks:
        variant = callback.WhichOneof("variant")
        if variant is None:
            raise Unimplemented("unknown callback variant: <nil>")
        if variant == "nexus":
            _check_callback_url(callback.nexus.url)
            size = sum(length(key) + length(value) for key, value in callback.nexus.header.items())
            if size > MAX_CALLBACK_HEADER_BYTES:
                raise InvalidArgument(
                    f"invalid header: header size longer than max allowed size of {MAX_CALLBACK_HEADER_BYTES}"
                )


def _check_callback_url(url: str) -> None:
    if length(url) > MAX_CALLBACK_URL_LENGTH:
        raise InvalidArgument(f"invalid url: url length longer than max length allowed of {MAX_CALLBACK_URL_LENGTH}")
    if url in INTERNAL_URLS:
        return
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InvalidArgument(f"invalid callback url: {error}") from None
    if parts.scheme not in ("http", "https"):
        raise InvalidArgument(f"invalid url: unknown scheme: {url}")
    if not parts.netloc:
        raise InvalidArgument("invalid url: missing host")
    raise InvalidArgument(f"invalid url: url does not match any configured callback address: {url}")
