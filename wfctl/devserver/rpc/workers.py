"""Workers as such: they leave, and say so."""

from __future__ import annotations

from temporalio.api.workflowservice.v1 import ShutdownWorkerRequest, ShutdownWorkerResponse

from wfctl.devserver.rpc.backend import Backend, Call


async def shutdown_worker(backend: Backend, request: ShutdownWorkerRequest, call: Call) -> ShutdownWorkerResponse:
    """End the worker's polls, so that no task is handed to a worker that has gone."""
    namespace = backend.namespaces.resolve(request.namespace)
    backend.queues.shut_down_worker(
        namespace.id, request.worker_instance_key, request.identity, request.sticky_task_queue
    )
    return ShutdownWorkerResponse()


RPCS = {"ShutdownWorker": shutdown_worker}
