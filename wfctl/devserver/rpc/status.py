"""Domain error → gRPC status: the one table of codes and `google.rpc.Status` details."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as AnyProto
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from temporalio.api.errordetails.v1 import message_pb2 as details
from temporalio.api.failure.v1 import MultiOperationExecutionAborted

from wfctl.devserver.core import errors

Details = Callable[[errors.ServiceError], Message | None]


def _none(_: errors.ServiceError) -> Message | None:
    return None


def _namespace_not_found(error: errors.ServiceError) -> Message:
    assert isinstance(error, errors.NamespaceNotFound)
    return details.NamespaceNotFoundFailure(namespace=error.namespace)


def _namespace_invalid_state(error: errors.ServiceError) -> Message:
    assert isinstance(error, errors.NamespaceInvalidState)
    return details.NamespaceInvalidStateFailure(
        namespace=error.namespace,
        state=error.state,  # type: ignore[arg-type]
        allowed_states=error.allowed_states,  # type: ignore[arg-type]
    )


def _already_started(error: errors.ServiceError) -> Message:
    assert isinstance(error, errors.WorkflowExecutionAlreadyStarted)
    return details.WorkflowExecutionAlreadyStartedFailure(
        start_request_id=error.start_request_id,
        run_id=error.run_id,
        first_execution_run_id=error.first_execution_run_id,
    )


def _permission_denied(error: errors.ServiceError) -> Message:
    assert isinstance(error, errors.PermissionDenied)
    return details.PermissionDeniedFailure(reason=error.reason)


def _resource_exhausted(error: errors.ServiceError) -> Message:
    assert isinstance(error, errors.ResourceExhausted)
    return details.ResourceExhaustedFailure(cause=error.cause, scope=error.scope)


def _query_failed(error: errors.ServiceError) -> Message:
    assert isinstance(error, errors.QueryFailed)
    return details.QueryFailedFailure(failure=error.failure)


def _client_version(error: errors.ServiceError) -> Message:
    assert isinstance(error, errors.ClientVersionNotSupported)
    return details.ClientVersionNotSupportedFailure(
        client_version=error.client_version,
        client_name=error.client_name,
        supported_versions=error.supported_versions,
    )


def _multi_operation(error: errors.ServiceError) -> Message:
    assert isinstance(error, errors.MultiOperationFailed)
    failure = details.MultiOperationExecutionFailure()
    for one in error.errors:
        status = to_status(one) if one is not None else Status()
        failure.statuses.add(code=status.code, message=status.message, details=status.details)
    return failure


_C = grpc.StatusCode
TABLE: dict[type[errors.ServiceError], tuple[grpc.StatusCode, Details]] = {
    errors.InvalidArgument: (_C.INVALID_ARGUMENT, _none),
    errors.NotFound: (_C.NOT_FOUND, lambda _: details.NotFoundFailure()),
    errors.NamespaceNotFound: (_C.NOT_FOUND, _namespace_not_found),
    errors.NamespaceAlreadyExists: (_C.ALREADY_EXISTS, lambda _: details.NamespaceAlreadyExistsFailure()),
    errors.NamespaceInvalidState: (_C.FAILED_PRECONDITION, _namespace_invalid_state),
    errors.WorkflowExecutionAlreadyStarted: (_C.ALREADY_EXISTS, _already_started),
    errors.AlreadyExists: (_C.ALREADY_EXISTS, _none),
    errors.FailedPrecondition: (_C.FAILED_PRECONDITION, _none),
    errors.WorkflowNotReady: (_C.FAILED_PRECONDITION, lambda _: details.WorkflowNotReadyFailure()),
    errors.PermissionDenied: (_C.PERMISSION_DENIED, _permission_denied),
    errors.ResourceExhausted: (_C.RESOURCE_EXHAUSTED, _resource_exhausted),
    errors.QueryFailed: (_C.INVALID_ARGUMENT, _query_failed),
    errors.ClientVersionNotSupported: (_C.FAILED_PRECONDITION, _client_version),
    errors.MultiOperationFailed: (_C.ABORTED, _multi_operation),
    errors.MultiOperationAborted: (_C.ABORTED, lambda _: MultiOperationExecutionAborted()),
    errors.Unavailable: (_C.UNAVAILABLE, _none),
    errors.DeadlineExceeded: (_C.DEADLINE_EXCEEDED, _none),
    errors.Canceled: (_C.CANCELLED, _none),
    errors.Internal: (_C.INTERNAL, _none),
    errors.Unknown: (_C.UNKNOWN, _none),
    errors.DataLoss: (_C.DATA_LOSS, _none),
    errors.Unimplemented: (_C.UNIMPLEMENTED, _none),
}


def code_of(error: errors.ServiceError) -> grpc.StatusCode:
    """Of several operations the first that failed by itself decides."""
    if isinstance(error, errors.MultiOperationFailed):
        for one in error.errors:
            if one is not None and not isinstance(one, errors.MultiOperationAborted):
                return code_of(one)
    return TABLE[type(error)][0]


def to_status(error: errors.ServiceError) -> Status:
    """The `google.rpc.Status` a client sees for this error (code, message, typed detail)."""
    status = Status(code=code_of(error).value[0], message=error.message)
    detail = TABLE[type(error)][1](error)
    if detail is not None:
        packed = AnyProto()
        packed.Pack(detail)
        status.details.append(packed)
    if isinstance(error, errors.ResourceExhausted) and error.retry_after_seconds is not None:
        status.details.append(_retry_info(error.retry_after_seconds))
    return status


def _retry_info(seconds: float) -> AnyProto:
    from google.rpc.error_details_pb2 import RetryInfo

    info, packed = RetryInfo(), AnyProto()
    info.retry_delay.FromMilliseconds(round(seconds * 1000))
    packed.Pack(info)
    return packed


async def abort(context: grpc.aio.ServicerContext[Message, Message], error: errors.ServiceError) -> NoReturn:
    """End the call with the error's status; typed details travel in the standard trailing metadata."""
    status = to_status(error)
    trailers = (("grpc-status-details-bin", status.SerializeToString()),) if status.details else ()
    await context.abort(code_of(error), status.message, trailing_metadata=trailers)
    raise AssertionError("abort returned")
