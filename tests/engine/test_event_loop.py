"""The event loop of a server process."""

from __future__ import annotations

import asyncio
import sys

import pytest

from wfctl.devserver.event_loop import new_event_loop


def test_a_server_runs_on_uvloop() -> None:
    uvloop = pytest.importorskip("uvloop", reason="uvloop does not exist for this system")
    loop = new_event_loop()
    assert isinstance(loop, uvloop.Loop)
    loop.close()


def test_without_uvloop_asyncios_own_loop_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    loop = new_event_loop()
    assert isinstance(loop, asyncio.BaseEventLoop)
    loop.close()
