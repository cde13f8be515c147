"""`workflow update-options`: on which worker version a workflow goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from wfctl.commands._session import session
from wfctl.commands.workflow._batch import batch_request, single_execution, start_batch
from wfctl.commands.workflow._flags import SingleOrBatch
from wfctl.errors import UsageMistake

if TYPE_CHECKING:
    from temporalio.api.workflow.v1 import VersioningOverride, WorkflowExecutionOptions

Behavior = Literal["unspecified", "pinned", "one_time", "auto_upgrade"]


@dataclass(kw_only=True)
class TargetVersion:
    versioning_override_deployment_name: Annotated[
        str | None,
        typer.Option("--versioning-override-deployment-name", help="Deployment of the version, if pinned or one_time."),
    ] = None
    versioning_override_build_id: Annotated[
        str | None,
        typer.Option("--versioning-override-build-id", help="Build ID of the version, if pinned or one_time."),
    ] = None


def update_options(
    ctx: typer.Context,
    which: SingleOrBatch,
    versioning_override_behavior: Annotated[
        Behavior,
        typer.Option("--versioning-override-behavior", help="How to choose the version; unspecified ends an override."),
    ],
    target: TargetVersion,
) -> None:
    """Change the versioning override of a workflow, or of every workflow that matches a query.

    wfctl workflow update-options --workflow-id order-1 --versioning-override-behavior auto_upgrade
    """
    options = override_options(versioning_override_behavior, target)
    execution = single_execution(which)
    with session(ctx) as opened:
        from google.protobuf.field_mask_pb2 import FieldMask

        mask = FieldMask(paths=["versioning_override"])
        if execution is None:
            from temporalio.api.batch.v1 import BatchOperationUpdateWorkflowExecutionOptions

            request = batch_request(opened, which)
            request.update_workflow_options_operation.CopyFrom(
                BatchOperationUpdateWorkflowExecutionOptions(
                    identity=opened.client.identity, workflow_execution_options=options, update_mask=mask
                )
            )
            start_batch(opened, request)
            return
        from temporalio.api.workflowservice.v1 import UpdateWorkflowExecutionOptionsRequest

        opened.workflow_service.UpdateWorkflowExecutionOptions(
            UpdateWorkflowExecutionOptionsRequest(
                namespace=opened.namespace,
                workflow_execution=execution,
                workflow_execution_options=options,
                update_mask=mask,
                identity=opened.client.identity,
            )
        )
        opened.out.line("Update workflow options succeeded")


def override_options(behavior: Behavior, target: TargetVersion) -> WorkflowExecutionOptions:
    from temporalio.api.workflow.v1 import WorkflowExecutionOptions

    name, build_id = target.versioning_override_deployment_name, target.versioning_override_build_id
    needs_version = behavior in ("pinned", "one_time")
    if needs_version and not (name and build_id):
        raise UsageMistake(f"behavior '{behavior}' needs --versioning-override-deployment-name and -build-id")
    if not needs_version and (name or build_id):
        raise UsageMistake(f"a deployment name or build id cannot be set with behavior '{behavior}'")
    return WorkflowExecutionOptions(versioning_override=_override(behavior, name or "", build_id or ""))


def _override(behavior: Behavior, deployment_name: str, build_id: str) -> VersioningOverride | None:
    from temporalio.api.deployment.v1 import WorkerDeploymentVersion
    from temporalio.api.workflow.v1 import VersioningOverride

    if behavior == "unspecified":
        return None
    if behavior == "auto_upgrade":
        return VersioningOverride(auto_upgrade=True)
    version = WorkerDeploymentVersion(deployment_name=deployment_name, build_id=build_id)
    kinds = VersioningOverride
    if behavior == "one_time":
        return VersioningOverride(one_time=kinds.OneTimeOverride(target_deployment_version=version))
    pinned = kinds.PINNED_OVERRIDE_BEHAVIOR_PINNED
    return VersioningOverride(pinned=kinds.PinnedOverride(behavior=pinned, version=version))
