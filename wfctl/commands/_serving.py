"""`wfctl tui --serve`: the terminal UI in a browser. Each page that is opened runs the same command line without --serve."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wfctl.commands.server._port import require_free_port
from wfctl.errors import CommandError
from wfctl.output import Output

if TYPE_CHECKING:
    from aiohttp import web

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_PAGE = Path(__file__).parent / "_page"
_OURSELVES = frozenset({"localhost", "127.0.0.1", "::1"})
_PATIENCE_SECONDS = 0.5
"""For open pages, when it is told to stop."""


def serve(out: Output, port: int) -> None:
    """Until it is interrupted. What the browser loads, font included, comes from here: it works without a network."""
    try:
        from aiohttp import web
        from textual_serve.server import Server
    except ImportError as error:
        raise CommandError("--serve needs textual-serve", hint="pip install 'wfctl[serve]'") from error
    try:
        require_free_port("localhost", port)
    except CommandError as error:
        raise CommandError(error.message, hint="choose another with --serve-port") from error

    @web.middleware
    async def only_from_here(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not is_ours(request.headers.get("Host", ""), request.headers.get("Origin")):
            raise web.HTTPForbidden(text="wfctl answers its own page only, and on this machine only\n")
        return await handler(request)

    class Pages(Server):
        async def _make_app(self) -> web.Application:
            app: web.Application = await super()._make_app()
            app.middlewares.append(only_from_here)
            return app

        async def on_startup(self, app: web.Application) -> None:
            """Nothing is said before the port is open."""

        def serve(self, debug: bool = False) -> None:
            web.run_app(
                self._make_app(),
                host=self.host,
                port=self.port,
                access_log=None,
                shutdown_timeout=_PATIENCE_SECONDS,
                print=lambda *_: out.note(f"wfctl tui at {self.public_url}, until ctrl+c"),
            )

    command = shlex.join(without_serve(sys.argv))
    Pages(command, host="localhost", port=port, title="wfctl", templates_path=_PAGE).serve()


def is_ours(host: str, origin: str | None) -> bool:
    """Whether a request is from a page of our own. Any site may send a browser to this port, and a terminal UI can do
    more than look: a foreign page's socket has its own origin, and a name that was turned to this machine is not ours."""
    try:
        name = urlsplit(f"//{host}").hostname
        return name in _OURSELVES and (origin is None or urlsplit(origin).netloc == host)
    except ValueError:
        return False


def without_serve(arguments: list[str]) -> list[str]:
    kept: list[str] = [sys.executable, "-m", "wfctl"]
    skip = False
    for argument in arguments[1:]:
        if skip or argument == "--serve" or argument.startswith("--serve-port"):
            skip = argument == "--serve-port"
            continue
        kept.append(argument)
    return kept
