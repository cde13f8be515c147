"""Queries: handed to a worker on their own or with a workflow task, answered, or refused."""

from __future__ import annotations

import asyncio

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import QueryRejectCondition, QueryResultType, TaskQueueKind, WorkflowExecutionStatus
from temporalio.api.query.v1 import QueryRejected, WorkflowQuery, WorkflowQueryResult
from temporalio.api.workflowservice.v1 import (
    PollWorkflowTaskQueueResponse,
    QueryWorkflowRequest,
    QueryWorkflowResponse,
    RespondQueryTaskCompletedRequest,
    RespondQueryTaskCompletedResponse,
    RespondWorkflowTaskCompletedRequest,
)

from wfctl.devserver.core.effects import Place
from wfctl.devserver.core.entities import completion, workflow_task
from wfctl.devserver.core.errors import DeadlineExceeded, InvalidArgument, NotFound, QueryFailed, WorkflowNotReady
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.engine.queries import BufferedQuery, DirectQuery
from wfctl.devserver.engine.runs import Run
from wfctl.devserver.matching.queue import Task
from wfctl.devserver.matching.queues import WORKFLOW
from wfctl.devserver.rpc import requests, tokens
from wfctl.devserver.rpc.backend import Backend, Call
from wfctl.devserver.rpc.wire import with_history

ANSWERED = QueryResultType.QUERY_RESULT_TYPE_ANSWERED
FAILED = QueryResultType.QUERY_RESULT_TYPE_FAILED
NOT_OPEN = QueryRejectCondition.QUERY_REJECT_CONDITION_NOT_OPEN
NOT_COMPLETED_CLEANLY = QueryRejectCondition.QUERY_REJECT_CONDITION_NOT_COMPLETED_CLEANLY
# A run whose workflow task fails so often would fail its queries too.
FAILING_ATTEMPTS = 3


# -- the client -----------------------------------------------------------------------------------------------------


async def query_workflow(backend: Backend, request: QueryWorkflowRequest, call: Call) -> QueryWorkflowResponse:
    namespace = backend.namespaces.resolve(request.namespace)
    _check(backend, request)
    run_id = request.execution.run_id
    while True:
        run = await backend.runs.find(namespace.id, request.execution.workflow_id, run_id)
        execution = run.execution
        run_id = execution.run_id
        if rejected := _rejection(execution, request.query_reject_condition):
            return QueryWorkflowResponse(query_rejected=rejected)
        _check_ready(execution, call)
        if execution.last_completed_event_id and not (execution.is_running and execution.workflow_task.is_pending):
            return await _query_directly(backend, run, request.query, call)
        response = await _query_with_task(backend, run, request.query, call)
        if response is not None:
            return response


def _check(backend: Backend, request: QueryWorkflowRequest) -> None:
    requests.check_execution(request, "execution")
    if not request.HasField("query"):
        raise InvalidArgument("WorkflowQuery is not set on request.")
    if not request.query.query_type:
        raise InvalidArgument("QueryType is not set on request.")
    requests.check_blob(request.query.query_args.ByteSize(), backend.settings)


def _rejection(execution: Execution, condition: QueryRejectCondition.ValueType) -> QueryRejected | None:
    if execution.is_running:
        return None
    unclean = execution.status != WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED
    if condition == NOT_OPEN or (condition == NOT_COMPLETED_CLEANLY and unclean):
        return QueryRejected(status=execution.status)
    return None


def _check_ready(execution: Execution, call: Call) -> None:
    """Raises WorkflowNotReady for a run that no worker can answer for in time."""
    if not execution.is_running and not execution.last_completed_event_id:
        raise WorkflowNotReady("Workflow execution closed before WorkflowTaskStarted event")
    if not workflow_task.has_had_task(execution):
        remaining = call.remaining_seconds()
        backoff = (completion.first_task_time(execution) - execution.start_time).total_seconds()
        if remaining is None or backoff > remaining:
            raise WorkflowNotReady("Workflow task is not scheduled yet.")
    if execution.workflow_task.attempt >= FAILING_ATTEMPTS:
        raise WorkflowNotReady("Unable to query workflow due to Workflow Task in failed state.")


def _remaining(backend: Backend, call: Call) -> float:
    remaining = call.remaining_seconds()
    if remaining is None:
        return call.received_at + backend.settings.query_timeout_seconds - call.time()
    return remaining


def _failed(answer: WorkflowQueryResult | RespondQueryTaskCompletedRequest) -> QueryFailed:
    return QueryFailed(answer.error_message, answer.failure if answer.HasField("failure") else None)


def _timed_out() -> DeadlineExceeded:
    return DeadlineExceeded("query timed out before a worker could process it")


# -- with a workflow task -------------------------------------------------------------------------------------------


async def _query_with_task(
    backend: Backend, run: Run, query: WorkflowQuery, call: Call
) -> QueryWorkflowResponse | None:
    """The answer, or None when no task is pending any more: the query can go its own way."""
    query_id, waiting = backend.runs.new_id(), BufferedQuery(query)
    backend.queries.buffer(run.key, query_id, waiting, backend.settings.max_buffered_queries)

    def is_over() -> bool:
        execution = run.execution
        return (
            waiting.is_answered
            or run.dropped
            or not execution.is_running
            or (execution.last_completed_event_id != 0 and not execution.workflow_task.is_pending)
        )

    try:
        if not await backend.runs.wait(run, is_over, _remaining(backend, call)):
            raise _timed_out()
    finally:
        backend.queries.forget(run.key, query_id)
    if waiting.error is not None:
        raise waiting.error
    if waiting.result is None:
        return None
    if waiting.result.result_type == ANSWERED:
        return QueryWorkflowResponse(query_result=waiting.result.answer)
    raise _failed(waiting.result)


def answer_buffered(backend: Backend, run: Run, request: RespondWorkflowTaskCompletedRequest) -> None:
    """A completed workflow task brought answers. Whoever waits sees them once the completion is committed."""
    waiting = backend.queries.buffered.get(run.key, {})
    for query_id, result in request.query_results.items():
        query = waiting.get(query_id)
        if query is None or not _is_answer(result):
            continue
        if result.answer.ByteSize() > backend.settings.blob_size_error:
            query.error = InvalidArgument(requests.BLOB_TOO_LARGE)
        else:
            query.result = result


def _is_answer(result: WorkflowQueryResult) -> bool:
    """A query whose result is neither an answer nor a failure with a message is asked again, on its own."""
    answered, failed = result.HasField("answer"), bool(result.error_message)
    return (answered, failed) == (result.result_type == ANSWERED, result.result_type == FAILED) and answered != failed


# -- on its own -----------------------------------------------------------------------------------------------------


async def _query_directly(backend: Backend, run: Run, query: WorkflowQuery, call: Call) -> QueryWorkflowResponse:
    """Ask the worker that has the run in its cache, if it is there and answers soon; any worker otherwise."""
    sticky = run.execution.sticky if run.execution.is_running else None
    if sticky is not None:
        if backend.queues.is_alive(run.execution.namespace_id, sticky.name):
            timeout = min(sticky.schedule_to_start_seconds, _remaining(backend, call))
            answer = await _ask(backend, run, query, sticky.name, timeout)
            if answer is not None:
                return answer
        _forget_sticky(backend, run, sticky)
    while (remaining := _remaining(backend, call)) > 0:
        answer = await _ask(backend, run, query, run.execution.started.task_queue.name, remaining)
        if answer is not None:
            return answer
    raise _timed_out()


def _forget_sticky(backend: Backend, run: Run, sticky: workflow_task.Sticky) -> None:
    def forget(execution: Execution) -> None:
        if execution.sticky == sticky and not execution.workflow_task.is_pending:
            execution.sticky = None

    if run.execution.is_running and not run.dropped:
        backend.runs.step(run, forget)


async def _ask(
    backend: Backend, run: Run, query: WorkflowQuery, queue_name: str, timeout: float
) -> QueryWorkflowResponse | None:
    """A worker's answer; None when none came in time, or one that is neither answer nor failure."""
    query_id = backend.runs.new_id()
    direct = DirectQuery(run.key, query, asyncio.get_running_loop().create_future())
    backend.queries.direct[query_id] = direct
    queue = backend.queues.get(run.execution.namespace_id, WORKFLOW, queue_name)
    place = Place.of(run.execution.started.priority)
    task = Task(run.key, 0, 1, place.priority_key, backend.clock.now(), query_id)
    queue.add(task)
    try:
        answer = await asyncio.wait_for(direct.answer, timeout)
    except TimeoutError:
        return None
    finally:
        backend.queries.direct.pop(query_id, None)
        queue.discard(task)
    if answer.completed_type == ANSWERED:
        return QueryWorkflowResponse(query_result=answer.query_result if answer.HasField("query_result") else None)
    if answer.completed_type == FAILED:
        raise _failed(answer)
    return None


# -- the worker -----------------------------------------------------------------------------------------------------


def query_task(backend: Backend, run: Run, task: Task, queue_name: str) -> bytes | None:
    """A worker takes a query: the poll response, serialized. None for a query that nobody waits for any more.

    The worker that has the run in its cache gets no history.
    """
    direct = backend.queries.direct.get(task.query_id)
    if direct is None or direct.answer.done():
        return None
    execution = run.execution
    sticky = execution.sticky is not None and execution.sticky.name == queue_name
    response = PollWorkflowTaskQueueResponse(
        task_token=tokens.Query(
            namespace_id=execution.namespace_id, task_queue=queue_name, query_id=task.query_id
        ).SerializeToString(),
        workflow_execution=WorkflowExecution(workflow_id=execution.workflow_id, run_id=execution.run_id),
        workflow_type=execution.started.workflow_type,
        previous_started_event_id=execution.last_started_event_id,
        attempt=1,
        query=direct.query,
    )
    response.workflow_execution_task_queue.name = execution.started.task_queue.name
    response.workflow_execution_task_queue.kind = TaskQueueKind.TASK_QUEUE_KIND_NORMAL
    return with_history(response, b"" if sticky else execution.history.fragment(1))


async def respond_query_task_completed(
    backend: Backend, request: RespondQueryTaskCompletedRequest, call: Call
) -> RespondQueryTaskCompletedResponse:
    token = tokens.parse_query(request.task_token)
    namespace = backend.namespaces.by_id(token.namespace_id)
    if request.namespace and backend.namespaces.resolve(request.namespace).id != namespace.id:
        raise InvalidArgument("Operation requested with a token from a different namespace.")
    if request.query_result.ByteSize() > backend.settings.blob_size_error:
        request = RespondQueryTaskCompletedRequest(completed_type=FAILED, error_message=requests.BLOB_TOO_LARGE)
    direct = backend.queries.direct.get(token.query_id)
    if direct is None or direct.answer.done():
        raise NotFound("query task not found, or already expired")
    direct.answer.set_result(request)
    return RespondQueryTaskCompletedResponse()


RPCS = {
    "QueryWorkflow": query_workflow,
    "RespondQueryTaskCompleted": respond_query_task_completed,
}
