"""Signals and cancel requests from one run to another.

Theory. The target's event and the source's are written in one stretch without an await: both reach the disk, or neither.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import (
    CancelExternalWorkflowExecutionFailedCause,
    SignalExternalWorkflowExecutionFailedCause,
)

from wfctl.devserver.core.entities import cancellation, external_workflow, signal
from wfctl.devserver.core.entities.completion import SERVER
from wfctl.devserver.core.entities.external_workflow import ExternalRequest
from wfctl.devserver.core.errors import InvalidArgument, NamespaceNotFound
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.engine.runs import Run, Runs
from wfctl.devserver.services.child_workflows import is_child_of
from wfctl.devserver.services.namespaces import Namespaces

SignalCause = SignalExternalWorkflowExecutionFailedCause
CancelCause = CancelExternalWorkflowExecutionFailedCause


class ExternalWorkflows:
    """What one run asks of another."""

    def __init__(self, runs: Runs, namespaces: Namespaces) -> None:
        self._runs = runs
        self._namespaces = namespaces

    async def signal(self, source_key: int, initiated_event_id: int) -> None:
        """Deliver the signal that this event initiated."""
        source = await self._runs.load(source_key)
        with self._runs.pinned(source):
            request = source.execution.external_signals.get(initiated_event_id)
            if request is None:
                return
            target = await self._find_target(source.execution, request)
            self._runs.check_present(source)
            request = source.execution.external_signals.get(initiated_event_id)
            if request is not None:
                self._signal_now(source, request, target)
            await self._runs.committed(source)

    def _signal_now(self, source: Run, request: ExternalRequest, target: Run | None) -> None:
        namespace = self._namespace(request)
        if namespace is None:
            cause = SignalCause.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_NAMESPACE_NOT_FOUND
        elif target is None or not target.execution.is_running or not _is_meant(source.execution, request, target):
            cause = SignalCause.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND
        else:
            try:
                self._runs.step(target, lambda execution: _signal(execution, source.execution, request))
            except InvalidArgument:
                cause = SignalCause.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_SIGNAL_COUNT_LIMIT_EXCEEDED
            else:
                self._runs.step(source, lambda run: external_workflow.record_signaled(run, request, namespace))
                return
        shown = namespace or request.attributes.namespace
        self._runs.step(source, lambda run: external_workflow.record_signal_failed(run, request, shown, cause))

    async def request_cancel(self, source_key: int, initiated_event_id: int) -> None:
        """Deliver the cancel request that this event initiated. A closed target counts as told."""
        source = await self._runs.load(source_key)
        with self._runs.pinned(source):
            request = source.execution.external_cancels.get(initiated_event_id)
            if request is None:
                return
            target = await self._find_target(source.execution, request)
            self._runs.check_present(source)
            request = source.execution.external_cancels.get(initiated_event_id)
            if request is not None:
                self._request_cancel_now(source, request, target)
            await self._runs.committed(source)

    def _request_cancel_now(self, source: Run, request: ExternalRequest, target: Run | None) -> None:
        namespace = self._namespace(request)
        if namespace is None:
            cause = CancelCause.CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_NAMESPACE_NOT_FOUND
        elif target is None or (target.execution.is_running and not _is_meant(source.execution, request, target)):
            cause = CancelCause.CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND
        else:
            if target.execution.is_running:
                self._runs.step(target, lambda execution: _cancel(execution, source.execution, request))
            self._runs.step(source, lambda run: external_workflow.record_cancel_requested(run, request, namespace))
            return
        shown = namespace or request.attributes.namespace
        self._runs.step(source, lambda run: external_workflow.record_cancel_failed(run, request, shown, cause))

    async def _find_target(self, source: Execution, request: ExternalRequest) -> Run | None:
        """A run cannot reach itself this way, whichever run of its id it names."""
        wanted = request.attributes.workflow_execution
        namespace_id = request.attributes.namespace_id
        if (namespace_id, wanted.workflow_id) == (source.namespace_id, source.workflow_id):
            return None
        return await self._runs.find_or_none(namespace_id, wanted.workflow_id, wanted.run_id)

    def _namespace(self, request: ExternalRequest) -> str | None:
        try:
            return self._namespaces.by_id(request.attributes.namespace_id).name
        except NamespaceNotFound:
            return None


def _is_meant(source: Execution, request: ExternalRequest, target: Run) -> bool:
    return not request.attributes.child_workflow_only or is_child_of(target.execution, source)


def _signal(target: Execution, source: Execution, request: ExternalRequest) -> None:
    attributes = request.attributes
    signal.signal(
        target,
        attributes.signal_name,
        attributes.input if attributes.HasField("input") else None,
        attributes.header if attributes.HasField("header") else None,
        SERVER,
        request_id(source, request),
        external_workflow=(source.workflow_id, source.run_id),
    )


def _cancel(target: Execution, source: Execution, request: ExternalRequest) -> None:
    cancellation.request_cancel(
        target,
        request.attributes.reason,
        SERVER,
        request_id(source, request),
        external_initiated_event_id=request.initiated_event_id,
        external_workflow=(source.workflow_id, source.run_id),
    )


def request_id(source: Execution, request: ExternalRequest) -> str:
    """The same for every attempt to deliver."""
    return f"{source.run_id}:{request.initiated_event_id}:0"
