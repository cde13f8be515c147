"""The SDK's sandbox, entered and left faster, with the very same rules.

A history of eleven events enters the sandbox six times, and each time the SDK runs through some twenty generators to put its
import function and its five builtins where the thread finds them. Here the same places are written by plain code. A class
that is decorated as a workflow has each of its members, those of `object` too, checked against a protocol; that is answered
at once for what cannot be an update handler. Together that is a fifth of the time a small history takes.

Each part looks first whether the SDK is what it expects, and leaves it alone otherwise.
"""

from __future__ import annotations

import builtins
import functools
import sys
from types import BuiltinFunctionType, FunctionType, GetSetDescriptorType, MappingProxyType, WrapperDescriptorType
from typing import Any

import temporalio.workflow  # noqa: F401 -- the modules below are parts of it
from temporalio.worker.workflow_sandbox import _importer as importer
from temporalio.worker.workflow_sandbox import _restrictions as restrictions

_APPLIED = {
    "Importer",
    "_builtins_restricted",
    "_thread_local_current",
    "_thread_local_import",
    "_thread_local_sys_modules",
    "applied",
    "builtins",
    "current_importer",
    "import_func",
    "importer",
    "new_modules",
    "sys",
}
_OVERRIDE = {"applied_counter", "applied_counter_lock", "current", "getattr", "maybe_current", "orig", "setattr"}
_RESTRICTED = {"ExitStack", "_trace", "applied", "builtins", "enter_context", "restricted_builtins"}
_NEVER_HANDLERS = frozenset(
    {
        BuiltinFunctionType,
        GetSetDescriptorType,
        MappingProxyType,
        WrapperDescriptorType,
        type(str.join),
        type(None),
        str,
        property,
    }
)


def install() -> None:
    if _is_expected():
        _enter_plainly()
    _tell_handlers_quickly()


def _is_expected() -> bool:
    try:
        return (
            _names(importer.Importer.applied) == _APPLIED
            and _names(importer.Importer._builtins_restricted) == _RESTRICTED
            and _names(importer._ThreadLocalOverride.applied) == _OVERRIDE
            and _names(importer._ThreadLocalCallable.__call__) == {"current"}
        )
    except AttributeError:
        return False


def _names(function: Any) -> set[str]:
    """The names a function uses: what it does, told in a way that holds for all versions of Python."""
    return set(getattr(function, "__wrapped__", function).__code__.co_names)


# Entering and leaving


class _Applied:
    """What `Importer.applied` does, without a generator for each of its places."""

    __slots__ = ("_before", "_importer", "_places", "_was")

    def __init__(self, wanted: Any) -> None:
        self._importer = wanted
        self._places = wanted.__dict__.get("_wfctl_places") or _places(wanted)

    def __enter__(self) -> None:
        current = importer.Importer._thread_local_current
        self._was = current.__dict__.get("importer")
        current.importer = self._importer
        before: list[Any] = []
        self._before = before
        for override, owner, name, value in self._places:
            mine = override.thread_local.__dict__
            before.append(mine.get("data"))
            with override.applied_counter_lock:
                override.applied_counter += 1
                if getattr(owner, name) is not override:
                    setattr(owner, name, override)
            mine["data"] = value

    def __exit__(self, *_: object) -> None:
        before = self._before
        for override, owner, name, _value in reversed(self._places):
            was = before.pop()
            if was is None:
                override.thread_local.__dict__.pop("data", None)
            else:
                override.thread_local.__dict__["data"] = was
            with override.applied_counter_lock:
                override.applied_counter -= 1
                if override.applied_counter == 0:
                    setattr(owner, name, override.orig)
        importer.Importer._thread_local_current.importer = self._was


def _places(wanted: Any) -> list[tuple[Any, Any, str, Any]]:
    """Where an importer puts what: the override, what it is an attribute of, the attribute, and the value."""
    places = [
        (importer._thread_local_sys_modules, sys, "modules", wanted.new_modules),
        (importer._thread_local_import, builtins, "__import__", wanted.import_func),
    ]
    places += [(override, builtins, name, _quick(value)) for name, override, value in wanted.restricted_builtins]
    wanted._wfctl_places = places
    return places


def _enter_plainly() -> None:
    def applied(self: Any) -> _Applied:
        return _Applied(self)

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self.thread_local.__dict__.get("data", self.orig)(*args, **kwargs)

    setattr(importer.Importer, "applied", applied)  # noqa: B010 -- mypy forbids the assignment
    setattr(importer._ThreadLocalCallable, "__call__", call)  # noqa: B010


# isinstance and issubclass


def _quick(restricted: Any) -> Any:
    """The sandbox's `isinstance` and `issubclass`, which see through its proxies, in one call in place of five."""
    if not isinstance(restricted, functools.partial) or restricted.func.__name__ != "unwrap_second_param":
        return restricted
    original = restricted.args[0]
    proxy, unwrap = restrictions._RestrictedProxy, restrictions.RestrictionContext.unwrap_if_proxied

    def check(a: Any, b: Any) -> Any:
        if type(a) is proxy:
            a = unwrap(a)
        if type(b) is proxy:
            b = unwrap(b)
        return original(a, b)

    return check


# Update handlers


def _tell_handlers_quickly() -> None:
    definition: Any = sys.modules.get("temporalio.workflow._definition")
    protocol: Any = getattr(definition, "UpdateMethodMultiParam", None)
    if "_defn" not in getattr(protocol, "__protocol_attrs__", ()):
        return

    class Quickly(type):
        def __instancecheck__(cls, member: Any) -> bool:
            kind = type(member)
            if kind in _NEVER_HANDLERS or (kind is FunctionType and "_defn" not in member.__dict__):
                return False
            return isinstance(member, protocol)

    definition.UpdateMethodMultiParam = Quickly("UpdateMethodMultiParam", (), {})
