"""Long histories, handed to the SDK's core page by page, as a server does.

The SDK's replay worker takes a history whole, and while it takes it in, it holds every event some three times over: 50,000 events
are 330 MiB for a moment. An ordinary worker asks a server for page after page and lets go of each. So for a long history
there is a small server of our own, on this machine's loopback and in this process, that has one workflow task to give: the one
that the replay worker would have made up. Everything else, from the core's state machines to the SDK's verdict, is the same.

The core looks ahead, from each workflow task to the next one's markers and updates, and does not look beyond a page. So a page
ends where there is nothing to look for. That is knowledge of the core's inside, hence the word of a replay in pages is
taken only when it is that everything fits; any other history is replayed once more, whole.
"""

from __future__ import annotations

import asyncio
import queue
import secrets
import threading
from array import array
from collections.abc import Callable
from concurrent import futures
from typing import Any

import grpc
import temporalio.bridge.client as bridge_client
import temporalio.bridge.worker as bridge
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import (
    GetSystemInfoResponse,
    GetWorkflowExecutionHistoryRequest,
    PollWorkflowTaskQueueResponse,
)
from temporalio.bridge.proto.workflow_activation import RemoveFromCache, WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

from wfctl.replay.commands import COMMANDS
from wfctl.replay.events import Events, varint

LONG = 5_000
"""Events from which on a history is handed over in pages."""
_PAGE = 1_000
"""Events in a page, at least."""
_LAST_LOOK_SECONDS = 0.05
_POLL_SECONDS = 0.5
_SERVICE = "temporal.api.workflowservice.v1.WorkflowService"
_HISTORY_IN_TASK = b"\x42"  # field 8 of PollWorkflowTaskQueueResponse
_HISTORY_IN_PAGE = b"\x0a"  # field 1 of GetWorkflowExecutionHistoryResponse
_TOKEN_IN_PAGE = b"\x1a"  # field 3


class PageServer:
    """What a worker needs of a server to replay one history after the other."""

    def __init__(self) -> None:
        self._tasks: queue.Queue[bytes] = queue.Queue()
        self._events = Events()
        self._starts: list[int] = []
        self._is_closed = threading.Event()
        self._server = grpc.server(
            futures.ThreadPoolExecutor(8, thread_name_prefix="pages"),
            options=[("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)],
        )
        self._server.add_generic_rpc_handlers(
            (
                grpc.method_handlers_generic_handler(
                    _SERVICE,
                    {
                        name: grpc.unary_unary_rpc_method_handler(handler)
                        for name, handler in {
                            "GetSystemInfo": self._system_info,
                            "PollWorkflowTaskQueue": self._poll,
                            "GetWorkflowExecutionHistory": self._history,
                            "RespondWorkflowTaskCompleted": lambda request, context: b"",
                            "RespondWorkflowTaskFailed": lambda request, context: b"",
                            "ShutdownWorker": lambda request, context: b"",
                        }.items()
                    },
                ),
            )
        )
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def offer(self, workflow_id: str, events: Events) -> None:
        """The history that the next workflow task is about."""
        self._events, self._starts = events, starts_of_pages(events)
        task = _task(workflow_id, events, self._token(0))
        self._tasks.put(task + self._page(0, _HISTORY_IN_TASK))

    def no_more(self) -> None:
        """Polls end, so that a worker can."""
        self._is_closed.set()

    def stop(self) -> None:
        self._server.stop(None)

    # RPCs; each runs in a thread.

    def _system_info(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        """What the replay worker believes of its server."""
        return GetSystemInfoResponse(
            server_version="1.29.0",
            capabilities=GetSystemInfoResponse.Capabilities(
                signal_and_query_header=True,
                internal_error_differentiation=True,
                activity_failure_include_heartbeat=True,
                supports_schedules=True,
                encoded_failure_attributes=True,
                build_id_based_versioning=True,
                upsert_memo=True,
                eager_workflow_start=True,
                sdk_metadata=True,
            ),
        ).SerializeToString()

    def _poll(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        while context.is_active() and not self._is_closed.is_set():
            try:
                task = self._tasks.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                continue
            if context.is_active():
                return task
            self._tasks.put(task)  # the poll was given up meanwhile
        return b""

    def _history(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        number = int(GetWorkflowExecutionHistoryRequest.FromString(request).next_page_token or b"0")
        following = self._token(number)
        token = _TOKEN_IN_PAGE + varint(len(following)) + following if following else b""
        return self._page(number, _HISTORY_IN_PAGE) + token

    def _page(self, number: int, tag: bytes) -> bytes:
        """A page as a field of a message: a History is nothing but its events in a row."""
        start, end = self._starts[number], [*self._starts, len(self._events)][number + 1]
        page = self._events.between(start, end)
        return tag + varint(len(page)) + page

    def _token(self, number: int) -> bytes:
        return str(number + 1).encode() if number + 1 < len(self._starts) else b""


_AHEAD = frozenset(
    {
        EventType.EVENT_TYPE_MARKER_RECORDED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED,
    }
)  # what the core looks for beforehand


def starts_of_pages(events: Events) -> list[int]:
    """Where pages begin, by index: after a WorkflowTaskStarted that ends a stretch for sure, with nothing to look ahead for."""
    kinds = array("i", (event.event_type for event in events))
    starts = [0]
    cut = 0
    """A WorkflowTaskStarted where a page may end, if the stretch after it allows."""
    has_command = False
    for index in range(1, len(kinds) - 1):
        kind = kinds[index]
        if kind in _AHEAD:
            cut = 0
        has_command = has_command or kind in COMMANDS
        if (
            kind == EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED
            and kinds[index + 1] == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
        ):
            if cut:
                starts.append(cut + 1)
            cut = index if has_command and index + 1 - starts[-1] >= _PAGE else 0
            has_command = False
    return starts


def _task(workflow_id: str, events: Events, token: bytes) -> bytes:
    """The workflow task that is about a whole history, without the history."""
    first = events[0].workflow_execution_started_event_attributes
    task = PollWorkflowTaskQueueResponse(
        task_token=secrets.token_bytes(16),
        workflow_type=first.workflow_type,
        previous_started_event_id=1,  # something was done, so this is a replay
        started_event_id=_last_started(events),
        next_page_token=token,
    )
    task.workflow_execution.workflow_id = workflow_id
    task.workflow_execution.run_id = first.original_execution_run_id
    task.workflow_execution_task_queue.name = first.task_queue.name
    return task.SerializeToString()


def fits(events: Events) -> bool:
    """Whether a history can be handed over in pages: it is long, and its end is what any worker may meet.

    For pages to be let go of, the task must say that hardly anything was done before; the core looks at that again for the last
    stretch of a history, where it matters only if that does not begin at the last WorkflowTaskStarted before it.
    """
    return len(events) >= LONG and not _ends_within_stretch(events)


def _ends_within_stretch(events: Events) -> bool:
    """The last completed task is a heartbeat, or one with an update: the core then puts it to what follows, or came before."""
    for index in range(len(events) - 2, 0, -1):
        if (
            events[index].event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
            and events[index - 1].event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED
        ):
            return events[index + 1].event_type in (
                EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
                EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
            )
    return False


def _last_started(events: Events) -> int:
    """The last WorkflowTaskStarted that counts: one that was completed, or the history's end."""
    for index in range(len(events) - 1, -1, -1):
        if events[index].event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED:
            following = events[index + 1 : index + 2]
            if not following or following[0].event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
                return index + 1
    return 0


# In the place of the SDK's replay worker


async def connect(runtime: Any) -> Callable[[Any], tuple[Any, Any]]:
    """A server and a client of it; from these and a configuration comes a worker and what histories are pushed into."""
    server = PageServer()
    client = await bridge_client.Client.connect(
        runtime,
        bridge_client.ClientConfig(
            target_url=f"http://{server.address}",
            metadata={},
            api_key=None,
            identity="wfctl",
            tls_config=None,
            retry_config=None,
            keep_alive_config=None,
            client_name="temporal-python",
            client_version="wfctl",
            http_connect_proxy_config=None,
            dns_load_balancing_config=None,
            grpc_compression="none",
            payloads_warn_size=0,
            memo_warn_size=0,
        ),
    )

    def for_replay(config: Any) -> tuple[Any, Any]:
        worker = PagedWorker(bridge.Worker.create(client, config), server)
        return worker, PagePusher(server, worker)

    return for_replay


class PagePusher:
    def __init__(self, server: PageServer, worker: PagedWorker) -> None:
        self._server, self._worker = server, worker

    async def push_history(self, workflow_id: str, events: Events) -> None:
        self._server.offer(workflow_id, events)

    def close(self) -> None:
        self._server.no_more()
        self._worker.initiate_shutdown()


class PagedWorker:
    """An ordinary worker of the core's that lets go of a run when its history is replayed, as the replay worker does."""

    def __init__(self, worker: Any, server: PageServer) -> None:
        self._worker, self._server = worker, server
        self._running: WorkflowActivation | None = None

    async def poll_workflow_activation(self) -> WorkflowActivation:
        activation: WorkflowActivation = await self._worker.poll_workflow_activation()
        self._running = activation
        for job in activation.jobs:
            if job.remove_from_cache.reason == RemoveFromCache.EvictionReason.WORKFLOW_EXECUTION_ENDING:
                job.remove_from_cache.reason = RemoveFromCache.EvictionReason.LANG_REQUESTED
        return activation

    async def complete_workflow_activation(self, completion: WorkflowActivationCompletion) -> None:
        activation = self._running
        await self._worker.complete_workflow_activation(completion)
        if activation is not None:
            asyncio.get_running_loop().call_later(_LAST_LOOK_SECONDS, self._evict, activation)

    def _evict(self, activation: WorkflowActivation) -> None:
        """When nothing has come after it. Too early would do no harm: a run that still has something to do is kept."""
        if self._running is activation and not any(job.HasField("remove_from_cache") for job in activation.jobs):
            self._worker.request_workflow_eviction(activation.run_id)

    async def finalize_shutdown(self) -> None:
        await self._worker.finalize_shutdown()
        self._server.stop()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._worker, name)
