"""`wfctl server`: the table of its commands."""

from __future__ import annotations

from wfctl.commands._tree import LazyGroup, Row

_HERE = "wfctl.commands.server"

app = LazyGroup(
    {
        "start": Row(f"{_HERE}.start:start", "Run the dev server; history is kept in .wfctl/dev.db"),
        "start-dev": Row(
            f"{_HERE}.start:start_dev", "Run the dev server with the flags of `temporal server start-dev`"
        ),
    },
    help="Run the dev server.",
)
