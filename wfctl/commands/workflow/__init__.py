"""`wfctl workflow`: the table of its commands."""

from __future__ import annotations

from wfctl.commands._tree import LazyGroup, Row

_HERE = "wfctl.commands.workflow"

app = LazyGroup(
    {
        "start": Row(f"{_HERE}.start:start", "Start a workflow and say its ids"),
        "execute": Row(f"{_HERE}.start:execute", "Start a workflow, follow it, and print its result"),
        "signal": Row(f"{_HERE}.message:signal", "Send a signal"),
        "signal-with-start": Row(f"{_HERE}.start:signal_with_start", "Send a signal, starting the workflow if need be"),
        "query": Row(f"{_HERE}.message:query", "Ask a workflow for its state"),
        "update": Row(f"{_HERE}.update:app", "Send an update, or look at one"),
        "start-update-with-start": Row(
            f"{_HERE}.update_with_start:start_update_with_start",
            "Send an update, starting the workflow if need be, and wait until it is accepted",
        ),
        "execute-update-with-start": Row(
            f"{_HERE}.update_with_start:execute_update_with_start",
            "Send an update, starting the workflow if need be, and wait for its result",
        ),
        "list": Row(f"{_HERE}.inspect:list_workflows", "List workflows"),
        "count": Row(f"{_HERE}.inspect:count", "Count workflows"),
        "describe": Row(f"{_HERE}.describe:describe", "State of a workflow, and what it waits for"),
        "why": Row(f"{_HERE}.describe:why", "Say in one sentence why a workflow is where it is"),
        "diff": Row(f"{_HERE}.diff:diff", "Compare two runs, and say where they part"),
        "show": Row(f"{_HERE}.history:show", "Event history, as a timeline or as JSON that SDKs replay"),
        "result": Row(f"{_HERE}.history:result", "Wait for a workflow to end and print its result"),
        "trace": Row(f"{_HERE}.trace:trace", "Live tree of a workflow and its children"),
        "stack": Row(f"{_HERE}.message:stack", "Where the workflow's code is waiting"),
        "metadata": Row(f"{_HERE}.message:metadata", "Handlers and details that the workflow declares"),
        "cancel": Row(f"{_HERE}.lifecycle:cancel", "Ask a workflow to cancel itself"),
        "terminate": Row(f"{_HERE}.lifecycle:terminate", "End a workflow by force"),
        "reset": Row(f"{_HERE}.reset:reset", "Run a workflow again from a point in its history"),
        "delete": Row(f"{_HERE}.lifecycle:delete", "Remove a workflow and its history"),
        "pause": Row(f"{_HERE}.lifecycle:pause", "Pause a workflow"),
        "unpause": Row(f"{_HERE}.lifecycle:unpause", "Let a paused workflow go on"),
        "update-options": Row(f"{_HERE}.options:update_options", "Change a workflow's versioning override"),
        "fix-history-json": Row(f"{_HERE}.history:fix_history_json", "Rewrite an older history file in today's JSON"),
    },
    help="Start, list and operate on workflows.",
)
