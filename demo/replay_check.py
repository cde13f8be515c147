"""Replays one history against the workflow code of a project: python -m demo.replay_check PROJECT HISTORY.json

Exit code 0 when it replays, 3 when the code no longer agrees with the history. A process of its own, because each
version of the project's code has to be imported afresh.
"""

from __future__ import annotations

import asyncio
import importlib
import re
import sys
from pathlib import Path

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

DISAGREES = 3


async def replay(project: Path, history: Path) -> int:
    sys.path.insert(0, str(project))
    saga = importlib.import_module("workflows").OrderSaga
    recorded = WorkflowHistory.from_json(history.stem, history.read_text(encoding="utf-8"))
    try:
        await Replayer(workflows=[saga]).replay_workflow(recorded)
    except NondeterminismError as error:
        # The sentence for people stands in the middle, quoted, after the error's code.
        found = re.search(r"\[TMPRL1100\] (.*?)(?<!\\)\"", str(error))
        print(f"does not replay: {found[1] if found else error}")
        return DISAGREES
    print("replays")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(replay(Path(sys.argv[1]), Path(sys.argv[2]))))
