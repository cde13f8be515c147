"""Search attributes: list, add, remove. A new one is usable as soon as the call that adds it returns."""

from __future__ import annotations

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    AddSearchAttributesResponse,
    ListSearchAttributesRequest,
    ListSearchAttributesResponse,
    RemoveSearchAttributesRequest,
    RemoveSearchAttributesResponse,
)
from temporalio.api.workflowservice.v1 import GetSearchAttributesRequest, GetSearchAttributesResponse

from wfctl.devserver.core.errors import InvalidArgument
from wfctl.devserver.core.visibility import attributes
from wfctl.devserver.rpc.backend import Backend, Call


async def add_search_attributes(
    backend: Backend, request: AddSearchAttributesRequest, call: Call
) -> AddSearchAttributesResponse:
    if request.namespace:
        backend.namespaces.resolve(request.namespace)
    if not request.search_attributes:
        raise InvalidArgument("SearchAttributes are not set on request.")
    for name, value_type in request.search_attributes.items():
        if attributes.is_reserved(name):
            raise InvalidArgument(f"Search attribute {name} is reserved by system.")
        if value_type not in IndexedValueType.values():
            raise InvalidArgument(f"Unknown search attribute type: {value_type}.")
    _require_namespace(request.namespace)
    await backend.namespaces.add_search_attributes(request.namespace, dict(request.search_attributes))
    return AddSearchAttributesResponse()


async def remove_search_attributes(
    backend: Backend, request: RemoveSearchAttributesRequest, call: Call
) -> RemoveSearchAttributesResponse:
    if request.namespace:
        backend.namespaces.resolve(request.namespace)
    if not request.search_attributes:
        raise InvalidArgument("SearchAttributes are not set on request.")
    _require_namespace(request.namespace)
    custom = backend.namespaces.resolve(request.namespace).search_attributes
    for name in request.search_attributes:
        if name not in custom and (name in attributes.SYSTEM or name in attributes.PREDEFINED):
            raise InvalidArgument(f"Unable to remove non-custom search attributes: {name}.")
    await backend.namespaces.remove_search_attributes(request.namespace, request.search_attributes)
    return RemoveSearchAttributesResponse()


async def list_search_attributes(
    backend: Backend, request: ListSearchAttributesRequest, call: Call
) -> ListSearchAttributesResponse:
    _require_namespace(request.namespace)
    namespace = backend.namespaces.resolve(request.namespace)
    return ListSearchAttributesResponse(
        custom_attributes=namespace.search_attributes,
        system_attributes={**attributes.SYSTEM, **attributes.PREDEFINED},
    )


async def get_search_attributes(
    backend: Backend, request: GetSearchAttributesRequest, call: Call
) -> GetSearchAttributesResponse:
    """The old call without a namespace: what every namespace has."""
    return GetSearchAttributesResponse(keys={**attributes.SYSTEM, **attributes.PREDEFINED})


def _require_namespace(name: str) -> None:
    if not name:
        raise InvalidArgument("Namespace is not set on request.")


RPCS = {
    "AddSearchAttributes": add_search_attributes,
    "RemoveSearchAttributes": remove_search_attributes,
    "ListSearchAttributes": list_search_attributes,
    "GetSearchAttributes": get_search_attributes,
}
