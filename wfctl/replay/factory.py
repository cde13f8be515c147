"""Worker factories: take a worker's settings without a server.

A project's own function makes the `Worker` or the `Replayer`, so that its data converter, interceptors and sandbox are
those of production. While it runs, `Worker(…)` only notes its arguments and `Client.connect(…)` opens no connection.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from temporalio.client import Client
from temporalio.service import ServiceClient
from temporalio.worker import Replayer, Worker

_TAKEN = (
    "workflow_runner",
    "unsandboxed_workflow_runner",
    "interceptors",
    "workflow_failure_exception_types",
    "debug_mode",
    "plugins",
    "build_id",
    "identity",
    "data_converter",
    "namespace",
    "header_codec_behavior",
)


class NotAFactory(Exception):
    """The named thing is neither a workflow nor makes a worker."""


def configuration(value: Any) -> tuple[list[type], dict[str, Any]]:
    """The workflows and the Replayer options that a factory, or what it made, stands for."""
    if isinstance(value, Replayer | Mapping):
        return _from(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _from(value)
    if not callable(value):
        raise NotAFactory(f"a {type(value).__name__}")
    with _no_server() as workers:
        made = asyncio.run(_called(value))
        if made is None and workers:  # a main() that makes its worker and would run it
            made = workers[0]
        return _from(made)


async def _called(function: Any) -> Any:
    arguments = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.default is not parameter.empty or parameter.kind in (
            parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD
        ):  # fmt: skip
            continue
        arguments.append(await Client.connect("localhost:7233", lazy=True))
    made = function(*arguments)
    return await made if inspect.isawaitable(made) else made


def _from(made: Any) -> tuple[list[type], dict[str, Any]]:
    if isinstance(made, Replayer):
        config: dict[str, Any] = dict(made.config())
        config["plugins"] = made.plugins
    elif isinstance(made, Worker):
        config = vars(made).get("_wfctl_arguments") or dict(made.config())
    elif isinstance(made, Mapping):
        config = dict(made)
    elif isinstance(made, Sequence) and made and all(inspect.isclass(item) for item in made):
        return list(made), {}
    else:
        raise NotAFactory(f"neither a workflow class nor a function that makes a Worker, but {type(made).__name__}")
    client = config.get("client")
    if isinstance(client, Client):
        of_client = client.config()
        config.setdefault("data_converter", of_client["data_converter"])
        config.setdefault("namespace", of_client["namespace"])
        if "header_codec_behavior" in of_client:
            config.setdefault("header_codec_behavior", of_client["header_codec_behavior"])
        shared = [one for one in of_client["interceptors"] if hasattr(one, "workflow_interceptor_class")]
        config["interceptors"] = [*shared, *(config.get("interceptors") or ())]
    options = {name: config[name] for name in _TAKEN if config.get(name) is not None}
    return list(config.get("workflows") or ()), options


@contextmanager
def _no_server() -> Iterator[list[Worker]]:
    made: list[Worker] = []

    def note(self: Worker, client: Any = None, **arguments: Any) -> None:
        vars(self)["_wfctl_arguments"] = {"client": client, **arguments}
        made.append(self)

    async def leave(self: Worker, *_: Any) -> Worker:
        return self

    class_of_workers: Any = Worker
    class_of_services: Any = ServiceClient
    kept = {
        name: getattr(class_of_workers, name) for name in ("__init__", "run", "__aenter__", "__aexit__", "shutdown")
    }
    connect = class_of_services.__dict__["connect"]

    async def connect_lazily(config: Any) -> Any:
        config.lazy = True
        return await connect.__func__(config)

    class_of_workers.__init__ = note
    for name in ("run", "__aenter__", "__aexit__", "shutdown"):
        setattr(class_of_workers, name, leave)
    class_of_services.connect = staticmethod(connect_lazily)
    try:
        yield made
    finally:
        for name, function in kept.items():
            setattr(class_of_workers, name, function)
        class_of_services.connect = connect
