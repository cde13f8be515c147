"""A server on a bad day, made by hand: a list with everything on it, and a checkout in the midst of trouble.

It is always the same moment there, so that its screens always look the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from google.protobuf.json_format import MessageToJson
from temporalio.api.common.v1 import Payload, Payloads, WorkflowExecution
from temporalio.api.enums.v1 import WorkflowExecutionStatus as Status
from temporalio.api.history.v1 import History, HistoryEvent
from temporalio.api.nexus.v1 import Endpoint, EndpointSpec, EndpointTarget
from temporalio.api.operatorservice.v1 import ListNexusEndpointsResponse
from temporalio.api.sdk.v1 import WorkflowDefinition, WorkflowInteractionDefinition, WorkflowMetadata
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsResponse,
    DescribeTaskQueueResponse,
    GetWorkflowExecutionHistoryResponse,
    ListWorkflowExecutionsResponse,
    QueryWorkflowResponse,
)

from tests.support.histories import (
    BEGAN,
    HistoryMaker,
    application_failure,
    failed_order,
    payloads,
    shipped_order,
    waiting_order,
)
from tests.tui.recorded_server import RecordedServer
from wfctl.errors import CommandError, ServerRefused
from wfctl.view.described import description_from

NOW = BEGAN + timedelta(hours=2, minutes=7, seconds=31)
_DECLINED = application_failure(
    "payment gateway answered 503 Service Unavailable", "GatewayUnavailable", application_failure("connection reset by peer", "ConnectionResetError")
)  # fmt: skip


def keyword(value: Any, type: str = "Keyword") -> Payload:
    (payload,) = payloads(value).payloads
    payload.metadata["type"] = type.encode()
    return payload


def checkout() -> tuple[list[HistoryEvent], Any]:
    """A workflow that waits for much and fails at something: its history, and how a server describes it."""
    maker = HistoryMaker("checkout-7781", "CheckoutWorkflow", input={"cart": "cart-7781", "items": 3, "express": True})
    maker.now = NOW - timedelta(minutes=41)
    started = maker.events[0]
    started.event_time.FromDatetime(maker.now)
    attributes = started.workflow_execution_started_event_attributes
    attributes.original_execution_run_id = attributes.first_execution_run_id = "0196f2c1-7a52-7e4b-9b0e-3c5d1f0a7781"
    attributes.parent_workflow_execution.MergeFrom(WorkflowExecution(workflow_id="cart-7781", run_id="cart-run"))
    attributes.search_attributes.indexed_fields["Customer"].CopyFrom(keyword("ada@example.com"))
    attributes.search_attributes.indexed_fields["Total"].CopyFrom(keyword(129.5, "Double"))
    attributes.memo.fields["channel"].CopyFrom(keyword("web"))
    started.user_metadata.summary.CopyFrom(keyword("Checkout of cart 7781, express"))
    maker.task()
    maker.run(maker.schedule("reserve_stock", "1"), 0.4, result={"reserved": ["sku-1", "sku-2", "sku-9"]})
    maker.task()
    _child(maker, "invoice-7781", "InvoiceWorkflow", ends=True)
    check = maker.add("NEXUS_OPERATION_SCHEDULED", endpoint="risk", service="fraud", operation="score").event_id
    maker.add("NEXUS_OPERATION_STARTED", 0.1, scheduled_event_id=check, operation_token="score-1")
    maker.add("NEXUS_OPERATION_COMPLETED", 1.8, scheduled_event_id=check, result=payloads({"score": 12}).payloads[0])
    maker.task()
    maker.timer("reminder", 3 * 86400, fires=False)
    _child(maker, "parcel-7781", "ParcelWorkflow", ends=False)
    signal = payloads({"by": "ada", "note": "\x1b[31mleave at the door\u202e"})
    maker.add("WORKFLOW_EXECUTION_SIGNALED", 6.0, signal_name="instructions", input=signal, identity="web-3")
    maker.task()
    accepted = maker.add("WORKFLOW_EXECUTION_UPDATE_ACCEPTED", 0.2, protocol_instance_id="change-address-1")
    request = accepted.workflow_execution_update_accepted_event_attributes.accepted_request
    request.meta.update_id, request.input.name = "change-address-1", "change_address"
    request.input.args.CopyFrom(payloads({"street": "Kärntner Straße 1", "city": "Wien"}))
    completed = maker.add("WORKFLOW_EXECUTION_UPDATE_COMPLETED", 0.9, accepted_event_id=accepted.event_id)
    completed.workflow_execution_update_completed_event_attributes.outcome.success.CopyFrom(payloads("changed"))
    maker.schedule("charge", "6")
    packed = maker.schedule("pack", "7")
    maker.add("ACTIVITY_TASK_STARTED", 0.3, scheduled_event_id=packed, attempt=1, identity="worker-7@orders")
    return maker.events, _describe_checkout(maker.events)


def _child(maker: HistoryMaker, workflow_id: str, type: str, *, ends: bool) -> None:
    initiated = maker.add("START_CHILD_WORKFLOW_EXECUTION_INITIATED", workflow_id=workflow_id).event_id
    maker.events[-1].start_child_workflow_execution_initiated_event_attributes.workflow_type.name = type
    execution = WorkflowExecution(workflow_id=workflow_id, run_id=f"{workflow_id}-run")
    begun = maker.add(
        "CHILD_WORKFLOW_EXECUTION_STARTED", 0.2, initiated_event_id=initiated, workflow_execution=execution
    )
    begun.child_workflow_execution_started_event_attributes.workflow_type.name = type
    if ends:
        done = {"initiated_event_id": initiated, "started_event_id": begun.event_id, "workflow_execution": execution}
        maker.add("CHILD_WORKFLOW_EXECUTION_COMPLETED", 2.6, **done, result=payloads("invoice-2026-0412"))


def _describe_checkout(events: list[HistoryEvent]) -> Any:
    description = description_from(events)
    description.workflow_execution_info.history_size_bytes = 6_412
    charge, pack = description.pending_activities
    charge.attempt, charge.maximum_attempts, charge.state = 7, 20, 1
    charge.last_failure.CopyFrom(_DECLINED)
    charge.last_worker_identity = "worker-7@orders"
    charge.next_attempt_schedule_time.FromDatetime(NOW + timedelta(seconds=40))
    pack.heartbeat_details.CopyFrom(payloads({"packed": 2, "of": 3}))
    pack.last_heartbeat_time.FromDatetime(NOW - timedelta(seconds=4))
    return description


_TYPES = ("OrderWorkflow", "CheckoutWorkflow", "NightlyReport", "ParcelWorkflow", "InvoiceWorkflow")
_STATUSES = (
    Status.WORKFLOW_EXECUTION_STATUS_RUNNING, Status.WORKFLOW_EXECUTION_STATUS_COMPLETED,
    Status.WORKFLOW_EXECUTION_STATUS_COMPLETED, Status.WORKFLOW_EXECUTION_STATUS_FAILED,
    Status.WORKFLOW_EXECUTION_STATUS_RUNNING, Status.WORKFLOW_EXECUTION_STATUS_TIMED_OUT,
    Status.WORKFLOW_EXECUTION_STATUS_COMPLETED, Status.WORKFLOW_EXECUTION_STATUS_CANCELED,
    Status.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW, Status.WORKFLOW_EXECUTION_STATUS_TERMINATED,
)  # fmt: skip
_ODD_IDS = {
    3: "tenant-7f3a/customers/export-with-a-very-long-workflow-id-that-nobody-thought-about-2026-02-28T23-59-59Z",
    6: "注文-1041-東京",
}


def _crowd() -> list[WorkflowExecutionInfo]:
    """What else runs and ran there, newest first."""
    infos = []
    for number in range(64):
        status, type = _STATUSES[number % len(_STATUSES)], _TYPES[number * 3 % len(_TYPES)]
        began = NOW - timedelta(minutes=42 + number * number * 3)
        info = WorkflowExecutionInfo(status=status, task_queue="orders" if number % 3 else "reports")
        info.execution.workflow_id = _ODD_IDS.get(number, f"{type.removesuffix('Workflow').lower()}-{7780 - number}")
        info.execution.run_id = f"0196f2c1-7a52-7e4b-9b0e-{number:012x}"
        info.type.name, info.history_length = type, 5 + number * 7 % 90
        info.start_time.FromDatetime(began)
        info.search_attributes.indexed_fields["Customer"].CopyFrom(keyword(("ada", "grace", "edsger")[number % 3]))
        if status != Status.WORKFLOW_EXECUTION_STATUS_RUNNING:
            info.close_time.FromDatetime(began + timedelta(seconds=1.4 * (number + 1) ** 2))
        infos.append(info)
    return infos


class StagedServer(RecordedServer):
    """Answers for workflows from what is staged, and for the other nouns what was recorded."""

    def __init__(self, lacking: tuple[str, ...] = (), *, is_empty: bool = False) -> None:
        super().__init__(lacking)
        self.at = NOW
        self.lacking = set(lacking)
        self.failing: CommandError | None = None
        """What every call is answered with from now on."""
        self.runs: dict[str, tuple[list[HistoryEvent], Any]] = {}
        self.infos: list[WorkflowExecutionInfo] = []
        if is_empty:
            return
        self._add(*checkout())
        parcel = WorkflowExecutionInfo(status=Status.WORKFLOW_EXECUTION_STATUS_RUNNING, task_queue="parcels")
        parcel.execution.MergeFrom(WorkflowExecution(workflow_id="parcel-7781", run_id="parcel-7781-run"))
        parcel.parent_execution.workflow_id = "checkout-7781"
        parcel.type.name, parcel.history_length = "ParcelWorkflow", 5
        parcel.start_time.FromDatetime(NOW - timedelta(minutes=40))
        self.infos += [parcel, *_crowd()]
        for events in (waiting_order(), failed_order(), shipped_order()):
            self._add(events, description_from(events))

    def _add(self, events: list[HistoryEvent], description: Any) -> None:
        info = description.workflow_execution_info
        self.runs[info.execution.workflow_id] = (events, description)
        self.infos.append(info)

    def call(self, method: str, request: Any, timeout: float | None = None) -> Any:
        if self.failing is not None:
            raise self.failing
        answer = _ANSWERS.get(method)
        if method in self.lacking or answer is None:
            return super().call(method, request, timeout)
        return answer(self, request)

    def matching(self, query: str) -> list[WorkflowExecutionInfo]:
        """As far as a scene's filters go: statuses and types, by name."""
        status = next((value for name, value in _NAMES.items() if f"'{name}'" in query), None)
        type = next((name for name in _TYPES if f"'{name}'" in query), None)
        return [info for info in self.infos if status in (None, info.status) and type in (None, info.type.name)]

    def find(self, workflow_id: str) -> tuple[list[HistoryEvent], Any]:
        if workflow_id not in self.runs:
            raise ServerRefused(
                f"workflow not found for ID: {workflow_id}",
                code="NOT_FOUND",
                hint="is the id right, and the namespace?",
            )
        return self.runs[workflow_id]


_NAMES: Mapping[str, Any] = {
    "".join(word.capitalize() for word in name.removeprefix("WORKFLOW_EXECUTION_STATUS_").split("_")): value
    for name, value in Status.items()
}


def _list(server: StagedServer, request: Any) -> Any:
    return ListWorkflowExecutionsResponse(executions=server.matching(request.query))


def _count(server: StagedServer, request: Any) -> Any:
    words = {value: name for name, value in _NAMES.items()}
    counted = Counter(words[info.status] for info in server.infos)
    response = CountWorkflowExecutionsResponse(count=len(server.infos))
    for name, count in counted.items():
        response.groups.add(count=count, group_values=[keyword(name)])
    return response


def _history(server: StagedServer, request: Any) -> Any:
    return GetWorkflowExecutionHistoryResponse(history=History(events=server.find(request.execution.workflow_id)[0]))


def _describe(server: StagedServer, request: Any) -> Any:
    return server.find(request.execution.workflow_id)[1]


def _task_queue(server: StagedServer, request: Any) -> Any:
    response = DescribeTaskQueueResponse()
    if request.task_queue.name == "parcels":
        response.stats.approximate_backlog_count = 1
        response.stats.approximate_backlog_age.FromTimedelta(timedelta(minutes=40))
        return response
    for number in (7, 8):
        poller = response.pollers.add(identity=f"worker-{number}@{request.task_queue.name}")
        poller.last_access_time.FromDatetime(NOW - timedelta(seconds=number))
        poller.deployment_options.build_id = "2026.03.1"
    response.stats.tasks_add_rate = response.stats.tasks_dispatch_rate = 4.2
    return response


def _query(server: StagedServer, request: Any) -> Any:
    if request.execution.workflow_id != "checkout-7781":
        raise ServerRefused("no poller seen for task queue recently, worker may be down", code="FAILED_PRECONDITION")
    answers: dict[str, Callable[[], Payloads]] = {
        "__temporal_workflow_metadata": lambda: Payloads(payloads=[Payload(data=MessageToJson(_METADATA).encode())]),
        "__stack_trace": lambda: payloads(_STACK),
        "status": lambda: payloads({"state": "charging", "attempts": 7, "parcels": ["parcel-7781"], "paid": False}),
    }
    return QueryWorkflowResponse(query_result=answers[request.query.query_type]())


def _endpoints(server: StagedServer, request: Any) -> Any:
    response = ListNexusEndpointsResponse()
    for name, queue in (("risk", "fraud-checks"), ("ledger", "bookings")):
        target = EndpointTarget(worker=EndpointTarget.Worker(namespace="default", task_queue=queue))
        endpoint = Endpoint(id=f"0196f2c1-{name}", version=1, spec=EndpointSpec(name=name, target=target))
        endpoint.created_time.FromDatetime(NOW - timedelta(days=3))
        response.endpoints.append(endpoint)
    return response


_STACK = (
    '  File "/app/checkout.py", line 58, in run\n    await workflow.execute_activity(charge, cart, **retrying)\n'
    '  File "/app/checkout.py", line 71, in wait_for_parcel\n    await parcel\n'
)
_METADATA = WorkflowMetadata(
    definition=WorkflowDefinition(
        type="CheckoutWorkflow",
        query_definitions=[
            WorkflowInteractionDefinition(name="status", description="Where the checkout is, and what it has done"),
            WorkflowInteractionDefinition(name="items", description="What is in the cart"),
        ],
        update_definitions=[WorkflowInteractionDefinition(name="change_address", description="Deliver elsewhere")],
        signal_definitions=[WorkflowInteractionDefinition(name="instructions", description="A word for the courier")],
    )
)
_ANSWERS: dict[str, Callable[[StagedServer, Any], Any]] = {
    "ListWorkflowExecutions": _list,
    "CountWorkflowExecutions": _count,
    "DescribeWorkflowExecution": _describe,
    "GetWorkflowExecutionHistory": _history,
    "DescribeTaskQueue": _task_queue,
    "QueryWorkflow": _query,
    "ListNexusEndpoints": _endpoints,
}
