"""`operator`, `task-queue` and `activity`."""

from __future__ import annotations

import io
import json
from typing import Any

import grpc
import pytest
from temporalio.api.enums.v1 import IndexedValueType, NamespaceState, TaskQueueType
from temporalio.api.namespace.v1 import NamespaceConfig, NamespaceInfo
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesResponse,
    ClusterMetadata,
    DeleteNamespaceResponse,
    ListClustersResponse,
    ListSearchAttributesResponse,
    RemoveSearchAttributesResponse,
)
from temporalio.api.taskqueue.v1 import (
    PollerInfo,
    TaskQueueStats,
    TaskQueueTypeInfo,
    TaskQueueVersionInfo,
)
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceResponse,
    DescribeTaskQueueResponse,
    GetClusterInfoResponse,
    GetSystemInfoResponse,
    ListNamespacesResponse,
    RegisterNamespaceResponse,
    RespondActivityTaskCompletedByIdResponse,
    RespondActivityTaskFailedByIdResponse,
    UpdateNamespaceResponse,
)

from tests.commands import samples
from tests.commands.conftest import Run, check_golden
from tests.commands.fake_server import FakeServer, Refusal


def described(name: str) -> DescribeNamespaceResponse:
    return DescribeNamespaceResponse(
        namespace_info=NamespaceInfo(
            name=name,
            id="id-1",
            state=NamespaceState.NAMESPACE_STATE_REGISTERED,
            owner_email="a@b",
            data={"team": "blue"},
        ),
        config=NamespaceConfig(workflow_execution_retention_ttl=samples.lasting(72 * 3600)),
    )


# Namespaces.


def test_a_namespace_is_made_with_three_days_of_retention(wfctl: Run, server: FakeServer) -> None:
    server.answers["RegisterNamespace"] = RegisterNamespaceResponse()
    done = wfctl("operator", "namespace", "create", "-n", "orders", "--data", "team=blue", "--email", "a@b")
    assert done.out == "Namespace orders successfully registered.\n"
    sent = server.sent("RegisterNamespace")
    assert (sent.namespace, sent.workflow_execution_retention_period.seconds) == ("orders", 72 * 3600)
    assert (dict(sent.data), sent.owner_email) == ({"team": "blue"}, "a@b")


def test_a_namespace_that_is_there_is_exit_code_6(wfctl: Run, server: FakeServer) -> None:
    server.answers["RegisterNamespace"] = Refusal(grpc.StatusCode.ALREADY_EXISTS, "Namespace already exists")
    assert wfctl("operator", "namespace", "create", "-n", "orders").code == 6


@pytest.mark.parametrize("format", ["text", "json", "jsonl"])
def test_namespaces_are_listed_in_each_format(wfctl: Run, server: FakeServer, format: str) -> None:
    server.answers["ListNamespaces"] = [
        ListNamespacesResponse(namespaces=[described("default")], next_page_token=b"x"),
        ListNamespacesResponse(namespaces=[described("orders")]),
    ]
    check_golden(f"namespaces.{format}.txt", wfctl("operator", "namespace", "list", "-o", format).out)


def test_a_namespace_is_described_by_name_or_id(wfctl: Run, server: FakeServer) -> None:
    server.answers["DescribeNamespace"] = described("orders")
    wfctl("operator", "namespace", "describe", "orders")
    assert server.sent("DescribeNamespace").namespace == "orders"
    wfctl("operator", "namespace", "describe", "--namespace-id", "id-1")
    assert (server.sent("DescribeNamespace").namespace, server.sent("DescribeNamespace").id) == ("", "id-1")
    assert wfctl("operator", "namespace", "describe", "-n", "orders", "--namespace-id", "id-1").code == 2
    assert wfctl("operator", "namespace", "describe", "orders", "-n", "other").code == 2


def test_an_update_keeps_what_is_not_given(wfctl: Run, server: FakeServer) -> None:
    server.answers["DescribeNamespace"] = described("orders")
    server.answers["UpdateNamespace"] = UpdateNamespaceResponse()
    wfctl("operator", "namespace", "update", "-n", "orders", "--retention", "7d", "--data", "x=y")
    sent = server.sent("UpdateNamespace")
    assert sent.update_info.owner_email == "a@b"
    assert dict(sent.update_info.data) == {"team": "blue", "x": "y"}
    assert sent.config.workflow_execution_retention_ttl.seconds == 7 * 86400


def test_a_namespace_is_deleted_after_its_name_was_typed(
    wfctl: Run, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["DeleteNamespace"] = DeleteNamespaceResponse(deleted_namespace="orders-deleted-1")
    monkeypatch.setattr("sys.stdin", io.StringIO("other\n"))
    assert wfctl("operator", "namespace", "delete", "-n", "orders").code == 1
    assert server.requests == []
    monkeypatch.setattr("sys.stdin", io.StringIO("orders\n"))
    assert wfctl("operator", "namespace", "delete", "-n", "orders").code == 0
    assert wfctl("operator", "namespace", "delete", "-n", "orders", "-y").out == "Namespace orders has been deleted.\n"


# Search attributes.


def test_search_attributes_are_added_listed_and_removed(wfctl: Run, server: FakeServer) -> None:
    kinds = IndexedValueType
    server.answers |= {
        "ListSearchAttributes": ListSearchAttributesResponse(
            system_attributes={"WorkflowId": kinds.INDEXED_VALUE_TYPE_KEYWORD},
            custom_attributes={"Tags": kinds.INDEXED_VALUE_TYPE_KEYWORD_LIST},
        ),
        "AddSearchAttributes": AddSearchAttributesResponse(),
        "RemoveSearchAttributes": RemoveSearchAttributesResponse(),
    }
    group = ("operator", "search-attribute")
    assert wfctl(*group, "create", "--name", "Paid", "--type", "bool").code == 0
    assert dict(server.sent("AddSearchAttributes").search_attributes) == {"Paid": kinds.INDEXED_VALUE_TYPE_BOOL}
    done = wfctl(*group, "create", "--name", "Tags", "--type", "Int")
    assert (done.code, done.err) == (6, "error: search attribute Tags is there already, with type KeywordList\n")
    assert wfctl(*group, "create", "--name", "A", "--name", "B", "--type", "Int").code == 2
    assert wfctl(*group, "list").out == "  Name        Type\n  WorkflowId  Keyword\n  Tags        KeywordList\n"
    assert wfctl(*group, "remove", "--name", "Tags", "-y").code == 0
    assert list(server.sent("RemoveSearchAttributes").search_attributes) == ["Tags"]


# The cluster.


def test_the_cluster_is_described(wfctl: Run, server: FakeServer) -> None:
    server.answers |= {
        "GetSystemInfo": GetSystemInfoResponse(
            server_version="1.2.3", capabilities=GetSystemInfoResponse.Capabilities(upsert_memo=True)
        ),
        "GetClusterInfo": GetClusterInfoResponse(
            cluster_name="active", persistence_store="sqlite", visibility_store="sqlite", history_shard_count=1
        ),
        "ListClusters": ListClustersResponse(clusters=[ClusterMetadata(cluster_name="active", cluster_id="c")]),
    }
    cluster = ("operator", "cluster")
    assert wfctl(*cluster, "system").out.splitlines()[1].split() == ["1.2.3", "false", "true", "false"]
    assert wfctl(*cluster, "describe").out.splitlines()[1].split() == ["active", "sqlite", "sqlite"]
    assert wfctl(*cluster, "describe", "--detail").out.splitlines()[1].split()[3] == "1"
    assert json.loads(wfctl(*cluster, "list", "-o", "json").out)[0]["clusterName"] == "active"


def test_health_is_asked_of_the_health_service(run: Run) -> None:
    from concurrent import futures

    from grpc_health.v1 import health, health_pb2, health_pb2_grpc

    servicer = health.HealthServicer()
    service = "temporal.api.workflowservice.v1.WorkflowService"
    running: Any = grpc.server(futures.ThreadPoolExecutor(1))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, running)
    address = f"127.0.0.1:{running.add_insecure_port('127.0.0.1:0')}"
    running.start()
    try:
        servicer.set(service, health_pb2.HealthCheckResponse.SERVING)
        done = run("operator", "cluster", "health", "--address", address)
        assert (done.code, done.out) == (0, "SERVING\n")
        servicer.set(service, health_pb2.HealthCheckResponse.NOT_SERVING)
        assert run("operator", "cluster", "health", "--address", address).code == 1
    finally:
        running.stop(None).wait()


# Task queues.


def queue_with_one_worker() -> DescribeTaskQueueResponse:
    info = TaskQueueTypeInfo(
        pollers=[PollerInfo(identity="worker@host", last_access_time=samples.at(3590), rate_per_second=100000)],
        stats=TaskQueueStats(
            approximate_backlog_count=3,
            approximate_backlog_age=samples.lasting(1.5),
            tasks_add_rate=0.25,
            tasks_dispatch_rate=0.75,
        ),
    )
    version = TaskQueueVersionInfo(types_info={TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW: info})
    return DescribeTaskQueueResponse(versions_info={"": version})


@pytest.mark.parametrize("format", ["text", "json"])
def test_a_task_queue_is_described_in_each_format(wfctl: Run, server: FakeServer, format: str) -> None:
    server.answers["DescribeTaskQueue"] = queue_with_one_worker()
    check_golden(f"task-queue.{format}.txt", wfctl("task-queue", "describe", "-t", "orders", "-o", format).out)
    assert len(server.sent("DescribeTaskQueue").task_queue_types) == 2


def test_a_task_queue_that_nobody_polls_is_remarked_upon(wfctl: Run, server: FakeServer) -> None:
    server.answers["DescribeTaskQueue"] = DescribeTaskQueueResponse()
    done = wfctl("task-queue", "describe", "-t", "ordres", "--task-queue-type", "activity")
    assert done.err.startswith("no worker polls this task queue")
    assert list(server.sent("DescribeTaskQueue").task_queue_types) == [TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY]


# Activities.


def test_an_activity_is_completed_and_failed_by_id(wfctl: Run, server: FakeServer) -> None:
    server.answers |= {
        "RespondActivityTaskCompletedById": RespondActivityTaskCompletedByIdResponse(),
        "RespondActivityTaskFailedById": RespondActivityTaskFailedByIdResponse(),
    }
    activity = ("-a", "5", "-w", "order-1")
    assert wfctl("activity", "complete", *activity, "--result", '{"paid": true}').code == 0
    assert server.sent("RespondActivityTaskCompletedById").result.payloads[0].data == b'{"paid": true}'
    assert wfctl("activity", "complete", *activity, "--result", "{").code == 2
    assert wfctl("activity", "fail", *activity, "--reason", "no", "--detail", "1").code == 0
    failure = server.sent("RespondActivityTaskFailedById").failure
    assert (failure.message, failure.source) == ("no", "CLI")
    assert failure.application_failure_info.non_retryable


def test_older_servers_are_asked_for_pollers_only(wfctl: Run, server: FakeServer) -> None:
    poller = PollerInfo(identity="worker@host", last_access_time=samples.at(3590), rate_per_second=5)
    server.answers["DescribeTaskQueue"] = DescribeTaskQueueResponse(pollers=[poller])
    asked = ("task-queue", "describe", "-t", "orders", "--legacy-mode", "--partitions-legacy", "2")
    assert wfctl(*asked).out.splitlines()[1:] == [
        "  Identity     LastAccessTime  RatePerSecond",
        "  worker@host  10 seconds ago  5",
        "  worker@host  10 seconds ago  5",
    ]
    assert server.sent("DescribeTaskQueue").task_queue.name == "/_sys/orders/1"
    assert [one["partition"] for one in json.loads(wfctl(*asked, "-o", "json").out)["pollers"]] == [0, 1]
