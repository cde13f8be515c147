"""A dev server for the tests, started once: TEMPORAL_DEV_SERVER names another binary than `wfctl`."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    server = os.environ.get("TEMPORAL_DEV_SERVER") or shutil.which("wfctl")
    if server is None:
        pytest.fail("no dev server: pip install wfctl, or set TEMPORAL_DEV_SERVER to the path of one")
    async with await WorkflowEnvironment.start_local(dev_server_existing_path=server) as environment:
        yield environment.client
