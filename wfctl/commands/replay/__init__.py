"""`wfctl replay`: new workflow code against the histories of runs that are out there."""

from __future__ import annotations

from wfctl.commands._tree import LazyGroup, Row

_HERE = "wfctl.commands.replay"

app = LazyGroup(
    {
        "check": Row(f"{_HERE}.check:check", "Run the code against histories; say what would break and why"),
        "explain": Row(f"{_HERE}.explain:explain", "Say what a rule means, and how it is mended"),
        "record": Row(f"{_HERE}.record:record", "Collect a small set of histories that stands for many"),
        "refresh": Row(f"{_HERE}.record:refresh", "Bring such a set up to date"),
        "status": Row(f"{_HERE}.status:status", "Say how fresh histories are, and what of the code they cover"),
        "mutate": Row(f"{_HERE}.mutate:mutate", "Measure what the histories would catch"),
        "lint": Row(f"{_HERE}.lint:lint", "Read the code; say what a replay could not repeat"),
    },
    help="Replay histories against your workflow code, before you roll it out.",
)
