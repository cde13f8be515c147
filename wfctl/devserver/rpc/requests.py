"""Checks that many requests share: identities, executions, sizes, running runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from temporalio.api.common.v1 import WorkerVersionCapabilities, WorkerVersionStamp
from temporalio.api.taskqueue.v1 import TaskQueue as TaskQueueProto

from wfctl.devserver.core import validation
from wfctl.devserver.core.errors import InvalidArgument, NotFound
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.core.validation import is_uuid, length
from wfctl.devserver.matching.queue import TaskQueue
from wfctl.devserver.settings import Settings

BLOB_TOO_LARGE = "Blob data size exceeds limit."


def check_identity(request: Any, settings: Settings) -> None:
    if length(request.identity) > settings.max_id_length:
        raise InvalidArgument("Identity length exceeds limit.")


def check_execution(request: Any, field: str) -> None:
    """A workflow execution that a request points at."""
    if not request.HasField(field):
        raise InvalidArgument("Execution is not set on request.")
    execution = getattr(request, field)
    if not execution.workflow_id:
        raise InvalidArgument("WorkflowId is not set on request.")
    check_run_id(execution.run_id)


def check_run_id(run_id: str) -> None:
    if run_id and not is_uuid(run_id):
        raise InvalidArgument("Invalid RunId.")


def check_blob(size: int, settings: Settings) -> None:
    """A payload that a client sends."""
    if size > settings.blob_size_error:
        raise InvalidArgument(BLOB_TOO_LARGE)


def check_running(execution: Execution) -> None:
    if not execution.is_running:
        raise NotFound("workflow execution already completed")


def note_poller(queue: TaskQueue, request: Any, now: datetime) -> None:
    """Remember who polls, and what it says of itself: DescribeTaskQueue shows it."""
    poller = queue.pollers.seen(request.identity, now)
    if request.HasField("worker_version_capabilities"):
        poller.capabilities = request.worker_version_capabilities
    if request.HasField("deployment_options"):
        poller.deployment_options = request.deployment_options
    metadata = request.DESCRIPTOR.fields_by_name.get("task_queue_metadata")
    if metadata is not None and request.task_queue_metadata.HasField("max_tasks_per_second"):
        poller.rate_per_second = request.task_queue_metadata.max_tasks_per_second.value
        queue.set_worker_limit(poller.rate_per_second)


def check_worker_version(
    request: Any, stamp: WorkerVersionStamp | WorkerVersionCapabilities, queue: TaskQueueProto, settings: Settings
) -> None:
    options = request.deployment_options if request.HasField("deployment_options") else None
    validation.check_worker_version(stamp, options, queue, settings)
