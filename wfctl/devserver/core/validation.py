"""What clients and workers may send: durations, retry policies, priorities, task queue names, sizes.

Checks raise `InvalidArgument` with the real server's words. A command handler wraps them in `refusing`, which turns the
same error into the failure of its workflow task.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import (
    Memo,
    Payload,
    Priority,
    RetryPolicy,
    WorkerVersionCapabilities,
    WorkerVersionStamp,
)
from temporalio.api.deployment.v1 import WorkerDeploymentOptions
from temporalio.api.enums.v1 import TaskQueueKind, WorkerVersioningMode, WorkflowTaskFailedCause
from temporalio.api.taskqueue.v1 import TaskQueue

from wfctl.devserver.core.errors import BadCommand, InvalidArgument
from wfctl.devserver.settings import Settings

# No duration is longer than a hundred years; longer ones are cut.
LONGEST_DURATION_SECONDS = 100 * 365 * 86400
FAIRNESS_KEY_LENGTH = 64
MAX_BUILD_ID_LENGTH = 255  # limit.workerBuildIdSize
VERSION_ID_OVERHEAD = 39  # of an id that is made of a deployment's name and a build id
PARTITION_PREFIX = "/_sys/"
TIMEOUT_TYPE_PREFIX = "TemporalTimeout:"
# Timeout types by the names that error types of a retry policy may use.
_TIMEOUT_TYPES = frozenset(
    spelling
    for name in ("START_TO_CLOSE", "SCHEDULE_TO_START", "SCHEDULE_TO_CLOSE", "HEARTBEAT")
    for spelling in (f"TIMEOUT_TYPE_{name}", "".join(word.title() for word in name.split("_")))
)


@contextmanager
def refusing(
    cause: WorkflowTaskFailedCause.ValueType,
    *,
    terminates: bool = False,
    describe: Callable[[str], str] = str,
) -> Iterator[None]:
    """An invalid argument in here is a bad command: it fails the workflow task, or ends the workflow."""
    try:
        yield
    except InvalidArgument as error:
        raise BadCommand(cause, describe(error.message), terminates=terminates) from None


@contextmanager
def describing(what: str) -> Iterator[None]:
    """Say of an invalid argument in here what it belongs to."""
    try:
        yield
    except InvalidArgument as error:
        raise InvalidArgument(f"{what}: {error.message}") from None


# -- plain values ---------------------------------------------------------------------------------------------------


def length(text: str) -> int:
    """Limits count bytes."""
    return len(text) if text.isascii() else len(text.encode())


_HEX = "[0-9a-fA-F]"
_UUID = re.compile(f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}|{_HEX}{{32}}")


def is_uuid(text: str) -> bool:
    return _UUID.fullmatch(text) is not None


def duration_problem(duration: Duration) -> str:
    """What is wrong with a duration, or nothing. One that is too long is cut in place."""
    seconds, nanos = duration.seconds, duration.nanos
    if (seconds > 0 and nanos < 0) or (seconds < 0 and nanos > 0):
        return "duration has seconds and nanos with different signs"
    if seconds < 0 or nanos < 0:
        return "negative duration"
    if seconds > LONGEST_DURATION_SECONDS:
        duration.seconds, duration.nanos = LONGEST_DURATION_SECONDS, 0
    return ""


def check_duration(duration: Duration, what: str) -> None:
    """`what` is the beginning of the message, as in `invalid StartToCloseTimeout`."""
    if problem := duration_problem(duration):
        raise InvalidArgument(f"{what}: {problem}")


def is_set(duration: Duration) -> bool:
    return bool(duration.seconds or duration.nanos)


def check_retry_policy(policy: RetryPolicy) -> None:
    """A policy with its defaults filled in. With one attempt nothing else of it matters."""
    if policy.maximum_attempts == 1:
        return
    check_duration(policy.initial_interval, "invalid InitialInterval set on retry policy")
    if policy.backoff_coefficient < 1:
        raise InvalidArgument("BackoffCoefficient cannot be less than 1 on retry policy.")
    check_duration(policy.maximum_interval, "invalid MaximumInterval set on retry policy")
    longest, first = policy.maximum_interval.ToTimedelta(), policy.initial_interval.ToTimedelta()
    if longest and longest < first:
        raise InvalidArgument("MaximumInterval cannot be less than InitialInterval on retry policy.")
    if policy.maximum_attempts < 0:
        raise InvalidArgument("MaximumAttempts cannot be negative on retry policy.")
    for error_type in policy.non_retryable_error_types:
        if error_type.startswith(TIMEOUT_TYPE_PREFIX):
            _check_timeout_type(error_type.removeprefix(TIMEOUT_TYPE_PREFIX))


def _check_timeout_type(name: str) -> None:
    if name not in _TIMEOUT_TYPES:
        raise InvalidArgument(f"Invalid timeout type value: {name}.")


def check_priority(priority: Priority) -> None:
    if priority.priority_key < 0:
        raise InvalidArgument("priority key can't be negative")
    if length(priority.fairness_key) > FAIRNESS_KEY_LENGTH:
        raise InvalidArgument("fairness key length exceeds limit")
    if priority.fairness_weight < 0:
        raise InvalidArgument("must be greater than zero")


# -- versions -------------------------------------------------------------------------------------------------------


def check_deployment_options(options: WorkerDeploymentOptions, settings: Settings) -> None:
    """A versioned worker names its deployment and its build."""
    if options.worker_versioning_mode != WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED:
        return
    if not options.deployment_name or not options.build_id:
        raise InvalidArgument("Deployment name and build id must be set together.")
    check_version_part("WorkerDeploymentName", options.deployment_name, settings)
    check_version_part("BuildID", options.build_id, settings)


def check_version_part(field: str, value: str, settings: Settings) -> None:
    """A deployment's name or a build id: both go into ids of their own."""
    if not value:
        raise InvalidArgument(f"{field} cannot be empty")
    if length(value) > (settings.max_id_length - VERSION_ID_OVERHEAD) // 2:
        raise InvalidArgument(f"size of {field} larger than the maximum allowed")
    for separator in ".:":
        if field == "WorkerDeploymentName" and separator in value:
            raise InvalidArgument(f"worker deployment name cannot contain '{separator}'")
    if value.startswith("__"):
        raise InvalidArgument(f"{field} cannot start with '__'")


def check_worker_version(
    stamp: WorkerVersionStamp | WorkerVersionCapabilities,
    options: WorkerDeploymentOptions | None,
    queue: TaskQueue,
    settings: Settings,
) -> None:
    """What a worker says of its version, with a poll or an answer. `options` is None if it says nothing of those."""
    versioned = stamp.use_versioning or options is not None
    if versioned and queue.kind == TaskQueueKind.TASK_QUEUE_KIND_STICKY and not queue.normal_name:
        raise InvalidArgument(
            "NormalName must be set on sticky queue when UseVersioning is true or DeploymentOptions are set."
        )
    if stamp.use_versioning and not stamp.build_id:
        raise InvalidArgument("WorkerVersionStamp must be present if UseVersioning is true.")
    if length(stamp.build_id) > MAX_BUILD_ID_LENGTH:
        raise InvalidArgument("Build ID exceeds configured limit.workerBuildIdSize, use a shorter build ID.")
    if options is not None:
        check_deployment_options(options, settings)


# -- task queues ----------------------------------------------------------------------------------------------------


def check_task_queue_name(name: str, settings: Settings) -> None:
    """A name that a user may give to a task queue."""
    if not name:
        raise InvalidArgument("taskQueue is not set")
    if length(name) > settings.max_id_length:
        raise InvalidArgument("taskQueue length exceeds limit")
    if name.startswith(PARTITION_PREFIX):
        raise InvalidArgument(f"task queue name cannot start with reserved prefix {PARTITION_PREFIX}")


def check_task_queue(message: Any, settings: Settings, *, field: str = "task_queue", default: str = "") -> None:
    """The `task_queue` of a request: set, named, and named well."""
    if not message.HasField(field):
        raise InvalidArgument("taskQueue is not set")
    queue: TaskQueue = getattr(message, field)
    if not queue.name and not default:
        raise InvalidArgument("missing task queue name")
    check_task_queue_name(queue.name or default, settings)


# -- sizes and counts of what commands bring ------------------------------------------------------------------------


def check_command_id(value: str, field: str, command: str, settings: Settings) -> None:
    """An id or name that a command must carry, no longer than ids may be."""
    if not value:
        raise InvalidArgument(f"{field} is not set on {command}.")
    if (size := length(value)) > settings.max_id_length:
        raise InvalidArgument(
            f"{field} on {command} exceeds length limit. {field}={value} Length={size} Limit={settings.max_id_length}"
        )


def check_blob(size: int, settings: Settings, cause: WorkflowTaskFailedCause.ValueType, message: str) -> None:
    """A command's payload that is too large ends the workflow: no retry would make it smaller."""
    if size > settings.blob_size_error:
        raise BadCommand(cause, message, terminates=True)


def check_memo(memo: Memo, settings: Settings, cause: WorkflowTaskFailedCause.ValueType, message: str) -> None:
    if memo.ByteSize() > settings.memo_size_error:
        raise BadCommand(cause, message, terminates=True)


def check_pending(count: int, limit: int, cause: WorkflowTaskFailedCause.ValueType, what: str) -> None:
    """How many of a kind one workflow may have open."""
    if 0 < limit <= count:
        raise BadCommand(cause, f"the number of {what}, {count}, has reached the per-workflow limit of {limit}")


def payloads_size(fields: Mapping[str, Payload]) -> int:
    return sum(length(name) + len(payload.data) for name, payload in fields.items())


def shown_queue(queue: TaskQueue) -> str:
    """A task queue as the real server's messages show it."""
    parts = [f'name:"{queue.name}"'] if queue.name else []
    if queue.kind:
        parts.append(f"kind:{TaskQueueKind.Name(queue.kind)}")
    if queue.normal_name:
        parts.append(f'normal_name:"{queue.normal_name}"')
    return " ".join(parts)
