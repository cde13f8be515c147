"""Domain errors: what went wrong, with its facts. `rpc/status.py` turns them into gRPC statuses, once."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio.api.enums.v1 import ResourceExhaustedCause, ResourceExhaustedScope, WorkflowTaskFailedCause
from temporalio.api.failure.v1 import Failure


class ServiceError(Exception):
    """Base of everything a client can be told; `message` is the status message."""

    message: str

    def __str__(self) -> str:
        return self.message


@dataclass(eq=False)
class InvalidArgument(ServiceError):
    message: str


@dataclass(eq=False)
class NotFound(ServiceError):
    message: str


@dataclass(eq=False)
class NamespaceNotFound(ServiceError):
    namespace: str

    @property
    def message(self) -> str:  # type: ignore[override]
        return f"Namespace {self.namespace} is not found."


@dataclass(eq=False)
class NamespaceAlreadyExists(ServiceError):
    message: str


@dataclass(eq=False)
class NamespaceInvalidState(ServiceError):
    message: str
    namespace: str
    state: int
    allowed_states: tuple[int, ...] = ()


@dataclass(eq=False)
class WorkflowExecutionAlreadyStarted(ServiceError):
    message: str
    start_request_id: str
    run_id: str
    first_execution_run_id: str = ""


@dataclass(eq=False)
class AlreadyExists(ServiceError):
    message: str


@dataclass(eq=False)
class FailedPrecondition(ServiceError):
    message: str


@dataclass(eq=False)
class WorkflowNotReady(ServiceError):
    message: str


@dataclass(eq=False)
class PermissionDenied(ServiceError):
    message: str
    reason: str = ""


@dataclass(eq=False)
class ResourceExhausted(ServiceError):
    message: str
    cause: ResourceExhaustedCause.ValueType = ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_UNSPECIFIED
    scope: ResourceExhaustedScope.ValueType = ResourceExhaustedScope.RESOURCE_EXHAUSTED_SCOPE_UNSPECIFIED
    retry_after_seconds: float | None = None  # when the client should come back, if the server can say


@dataclass(eq=False)
class QueryFailed(ServiceError):
    message: str
    failure: Failure | None = None


@dataclass(eq=False)
class ClientVersionNotSupported(ServiceError):
    client_version: str
    client_name: str
    supported_versions: str

    @property
    def message(self) -> str:  # type: ignore[override]
        return (
            f"Client version {self.client_version} is not supported. "
            f"Server supports {self.client_name} versions: {self.supported_versions}"
        )


@dataclass(eq=False)
class MultiOperationFailed(ServiceError):
    """ExecuteMultiOperation: one error per operation, None for one that succeeded."""

    message: str
    errors: tuple[ServiceError | None, ...] = ()


@dataclass(eq=False)
class MultiOperationAborted(ServiceError):
    message: str = "Operation was aborted."


@dataclass(eq=False)
class Unavailable(ServiceError):
    """The server could not keep a change (disk full, I/O error, shutting down); try again."""

    message: str


@dataclass(eq=False)
class DeadlineExceeded(ServiceError):
    message: str


@dataclass(eq=False)
class Canceled(ServiceError):
    message: str


@dataclass(eq=False)
class Internal(ServiceError):
    message: str


@dataclass(eq=False)
class Unknown(ServiceError):
    """What the real server lets through untranslated; clients may rely on the code."""

    message: str


@dataclass(eq=False)
class DataLoss(ServiceError):
    message: str


@dataclass(eq=False)
class Unimplemented(ServiceError):
    message: str


@dataclass(eq=False)
class BadCommand(Exception):
    """A command that the server refuses: it fails the workflow task, or (`terminates`) the workflow."""

    cause: WorkflowTaskFailedCause.ValueType
    message: str
    terminates: bool = False

    def __str__(self) -> str:
        words = WorkflowTaskFailedCause.Name(self.cause).removeprefix("WORKFLOW_TASK_FAILED_CAUSE_").split("_")
        cause = "".join(map(str.capitalize, words))
        return f"{cause}: {self.message}" if self.message else cause
