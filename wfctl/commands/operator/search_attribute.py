"""`operator search-attribute`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from wfctl.commands._session import session
from wfctl.errors import CommandError, ExitCode, UsageMistake


class Kind(StrEnum):
    TEXT = "Text"
    KEYWORD = "Keyword"
    INT = "Int"
    DOUBLE = "Double"
    BOOL = "Bool"
    DATETIME = "Datetime"
    KEYWORD_LIST = "KeywordList"


def create(
    ctx: typer.Context,
    name: Annotated[list[str], typer.Option("--name", help="Name; repeatable, with a --type for each.")],
    type: Annotated[list[Kind], typer.Option("--type", case_sensitive=False, help="Type; repeatable.")],
) -> None:
    """Add custom search attributes to a namespace.

    wfctl operator search-attribute create --name CustomerId --type Keyword
    """
    if len(name) != len(type):
        raise UsageMistake(f"{len(name)} names but {len(type)} types are given")
    with session(ctx) as opened:
        from temporalio.api.enums.v1 import IndexedValueType
        from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest

        wanted = {
            one: IndexedValueType.Value(f"INDEXED_VALUE_TYPE_{kind.name}") for one, kind in zip(name, type, strict=True)
        }
        there = opened.operator_service.ListSearchAttributes(
            ListSearchAttributesRequest(namespace=opened.namespace)
        ).custom_attributes
        for one, kind_number in wanted.items():
            if one in there and there[one] != kind_number:
                has = _kind_name(there[one])
                raise CommandError(
                    f"search attribute {one} is there already, with type {has}", exit_code=ExitCode.ALREADY_EXISTS
                )
        opened.operator_service.AddSearchAttributes(
            AddSearchAttributesRequest(namespace=opened.namespace, search_attributes=wanted)
        )
        opened.out.line(opened.out.paint("Search attributes have been added", "green"))


def list_attributes(ctx: typer.Context) -> None:
    """List the search attributes of a namespace: the system's, then its own."""
    with session(ctx) as opened:
        from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest

        answer = opened.operator_service.ListSearchAttributes(ListSearchAttributesRequest(namespace=opened.namespace))
        opened.message(answer)
        rows = [
            (name, _kind_name(attributes[name]))
            for attributes in (answer.system_attributes, answer.custom_attributes)
            for name in sorted(attributes)
        ]
        opened.out.table(("Name", "Type"), rows)


def remove(
    ctx: typer.Context,
    name: Annotated[list[str], typer.Option("--name", help="Name; repeatable.")],
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask before.")] = False,
) -> None:
    """Remove custom search attributes from a namespace.

    wfctl operator search-attribute remove --name CustomerId
    """
    with session(ctx) as opened:
        from temporalio.api.operatorservice.v1 import RemoveSearchAttributesRequest

        opened.confirm(f"Remove search attribute {', '.join(name)}?", already=yes)
        opened.operator_service.RemoveSearchAttributes(
            RemoveSearchAttributesRequest(namespace=opened.namespace, search_attributes=name)
        )
        opened.out.line(opened.out.paint("Search attributes have been removed", "green"))


def _kind_name(number: int) -> str:
    from temporalio.api.enums.v1 import IndexedValueType

    from wfctl.view.enums import camel

    return camel(IndexedValueType.Name(number), "INDEXED_VALUE_TYPE_")  # type: ignore[arg-type]
