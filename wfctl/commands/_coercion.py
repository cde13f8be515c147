"""Typer's parameters without its validation library.

Typer turns words into values with pydantic, whose import alone costs more than everything else that a command line needs.
The few kinds of parameter that our commands have are read here in a few lines; any other kind is left to typer, and so is
everything when its inside looks different from what is expected here.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Literal, get_args, get_origin

import typer

Reader = Callable[[Any], Any]


def lighten(params: list[Any]) -> None:
    """Give each parameter that can do with it a plain reader in the place of typer's."""
    for param in params:
        descriptor = getattr(param, "type_descriptor", None)
        if descriptor is None or getattr(param, "_runtime_param", param) is not None:
            continue
        reader = _reader(descriptor.annotation, descriptor.parameter_info)
        if reader is not None:
            param._runtime_param = _Plain(reader)


class _Plain:
    """What typer asks to coerce a value."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        is_list = param.multiple or param.nargs == -1
        if value is None:
            return () if is_list else None
        try:
            return [self._reader(item) for item in value] if is_list else self._reader(value)
        except ValueError as error:
            raise typer.BadParameter(str(error), ctx=ctx, param=param) from error


def _reader(annotation: Any, info: Any) -> Reader | None:
    if get_origin(annotation) is list:
        annotation = get_args(annotation)[0]
    if info.parser is not None:
        return lambda value: info.parser(value) if isinstance(value, str) else value
    if annotation is str:
        return str
    if annotation is bool:
        return _read_bool
    if annotation in (int, float) and not info.clamp:
        return lambda value: _read_number(annotation, value, info.min, info.max)
    if get_origin(annotation) is Literal:
        return lambda value: _read_choice(
            {choice: choice for choice in get_args(annotation)}, value, info.case_sensitive
        )
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return lambda value: _read_choice({choice.value: choice for choice in annotation}, value, info.case_sensitive)
    return None


def _read_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in ("true", "t", "yes", "y", "on", "1"):
        return True
    if text in ("false", "f", "no", "n", "off", "0", ""):
        return False
    raise ValueError(f"'{value}' is neither true nor false")


def _read_number(number: type[int] | type[float], value: Any, low: float | None, high: float | None) -> int | float:
    try:
        read = number(value)
    except ValueError:
        raise ValueError(f"'{value}' is not a {'whole number' if number is int else 'number'}") from None
    if (low is not None and read < low) or (high is not None and read > high):
        bounds = (
            f"between {low} and {high}" if None not in (low, high) else f"{'≥' if high is None else '≤'} {low or high}"
        )
        raise ValueError(f"{value} is not {bounds}")
    return read


def _read_choice(choices: dict[Any, Any], value: Any, case_sensitive: bool) -> Any:
    if isinstance(value, Enum):
        return value
    if not case_sensitive:
        value = next((choice for choice in choices if choice.lower() == str(value).lower()), value)
    if value not in choices:
        raise ValueError(f"'{value}' is not one of {', '.join(map(str, choices))}")
    return choices[value]
