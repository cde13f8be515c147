"""UpdateWorkflowExecutionOptions: versioning override and priority of a running workflow."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.descriptor import Descriptor
from temporalio.api.enums.v1 import VersioningBehavior
from temporalio.api.workflow.v1 import VersioningOverride, WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    UpdateWorkflowExecutionOptionsRequest,
    UpdateWorkflowExecutionOptionsResponse,
)

from wfctl.devserver.core.entities import options
from wfctl.devserver.core.errors import FailedPrecondition, InvalidArgument, Unimplemented
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.core.validation import check_priority, is_uuid
from wfctl.devserver.rpc.backend import Backend, Call
from wfctl.devserver.rpc.requests import check_running


async def update_workflow_execution_options(
    backend: Backend, request: UpdateWorkflowExecutionOptionsRequest, call: Call
) -> UpdateWorkflowExecutionOptionsResponse:
    namespace = backend.namespaces.resolve(request.namespace)
    _check(request)
    wanted = request.workflow_execution_options
    run = await backend.runs.find(
        namespace.id, request.workflow_execution.workflow_id, request.workflow_execution.run_id
    )
    before = run.execution.next_event_id

    def change(execution: Execution) -> WorkflowExecutionOptions:
        check_running(execution)
        if wanted.HasField("versioning_override"):
            options.check_override(execution, wanted.versioning_override)
            check_override_form(wanted.versioning_override)
            _check_version_exists(execution, wanted.versioning_override)
        return options.update(execution, wanted, request.update_mask.paths, request.identity)

    response = UpdateWorkflowExecutionOptionsResponse(workflow_execution_options=backend.runs.step(run, change))
    await backend.runs.committed(run)
    if run.execution.next_event_id != before:
        response.update_time.FromDatetime(run.execution.now)
    return response


def _check(request: UpdateWorkflowExecutionOptionsRequest) -> None:
    if not request.workflow_execution.workflow_id:
        raise InvalidArgument("WorkflowId is not set on request.")
    if not request.HasField("update_mask"):
        raise InvalidArgument("UpdateMask is required")
    if not request.HasField("workflow_execution_options"):
        raise InvalidArgument("WorkflowExecutionOptions is required")
    if message := bad_path(request.update_mask.paths):
        raise InvalidArgument(f"error parsing UpdateMask: {message}")
    check_no_time_skipping(request.workflow_execution_options)
    check_priority(request.workflow_execution_options.priority)
    if request.workflow_execution.run_id and not is_uuid(request.workflow_execution.run_id):
        raise InvalidArgument("RunId is not valid UUID.")


def check_no_time_skipping(options: WorkflowExecutionOptions) -> None:
    if options.HasField("time_skipping_config"):
        raise Unimplemented("The Time-Skipping feature is not enabled for namespace.")


def bad_path(paths: Iterable[str]) -> str:
    """What is wrong with the first path that names no field of the options; empty when all do."""
    for path in paths:
        descriptor: Descriptor | None = WorkflowExecutionOptions.DESCRIPTOR
        for name in path.split("."):
            field = descriptor.fields_by_name.get(name) if descriptor is not None else None
            if field is None:
                return f'proto: invalid path "{path}" for message "{WorkflowExecutionOptions.DESCRIPTOR.full_name}"'
            descriptor = field.message_type
    return ""


def check_override_form(override: VersioningOverride) -> None:
    """Raises InvalidArgument for an override that says nothing, or half of something."""
    form = override.WhichOneof("override")
    if form == "auto_upgrade":
        if not override.auto_upgrade:
            raise InvalidArgument("auto-upgrade override must be true")
    elif form == "pinned":
        if not override.pinned.HasField("version"):
            raise InvalidArgument("must provide version if override is pinned.")
        if not override.pinned.behavior:
            raise InvalidArgument("must specify pinned override behavior if override is pinned.")
    elif form is not None:
        if not override.one_time.HasField("target_deployment_version"):
            raise InvalidArgument("must provide target deployment version if override is one-time.")
    else:
        _check_old_form(override)


def _check_old_form(override: VersioningOverride) -> None:
    if override.behavior == VersioningBehavior.VERSIONING_BEHAVIOR_PINNED:
        if not override.HasField("deployment") and not override.pinned_version:
            raise InvalidArgument("must provide deployment (deprecated) or pinned version if behavior is 'PINNED'")
    elif override.behavior == VersioningBehavior.VERSIONING_BEHAVIOR_AUTO_UPGRADE:
        if override.HasField("deployment"):
            raise InvalidArgument("only provide deployment if behavior is 'PINNED'")
        if override.pinned_version:
            raise InvalidArgument("only provide pinned version if behavior is 'PINNED'")
    else:
        raise InvalidArgument("override behavior is required")


def _check_version_exists(execution: Execution, override: VersioningOverride) -> None:
    """No worker of a version ever polls a queue here, so nothing can be pinned to one."""
    for version in (override.pinned.version, override.one_time.target_deployment_version):
        if version.build_id:
            raise FailedPrecondition(
                f"Pinned version '{version.deployment_name}:{version.build_id}' is not present in task queue"
                f" '{execution.started.task_queue.name}' of type 'Workflow'"
            )


RPCS = {"UpdateWorkflowExecutionOptions": update_workflow_execution_options}
