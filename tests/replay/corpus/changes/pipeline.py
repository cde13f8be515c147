"""Versions of the pipeline (`workflows/pipeline.py`): decorated functions in a table, behind a partial."""

from __future__ import annotations

from tests.replay.corpus.changes.shapes import ACTIVITY, TIMER, Change, Outcome, Warned

HISTORIES = {"pipeline": ("pipeline-*",)}

_MARKER = "MarkerRecorded"
_CLEAN = '    await workflow.sleep(0.01)\n    return str(await run_activity("transform", data))'
_TABLE = "[extract, clean, load]"
_CHECK = '@logged\nasync def check(data: str) -> str:\n    return str(await run_activity("validate", data))\n\n\n'

CHANGES = (
    Change("pipeline-as-it-is", "pipeline", ()),
    Change("pipeline-one-not-logged", "pipeline", (("@logged\nasync def clean", "async def clean"),)),
    Change(
        "pipeline-other-timeout",
        "pipeline",
        (("timedelta(seconds=10)", "timedelta(seconds=20)"),),
        (),
        (Warned(ACTIVITY, "options-changed"),),
    ),
    Change(
        "pipeline-stage-removed",
        "pipeline",
        ((_TABLE, "[extract, load]"),),
        (Outcome(TIMER, "timer-removed", "", only=("pipeline-all", "pipeline-skip")),),
    ),
    Change(
        "pipeline-stage-added",
        "pipeline",
        (("STAGES: list", _CHECK + "STAGES: list"), (_TABLE, "[extract, check, clean, load]")),
        (Outcome(TIMER, "activity-added", '"validate"'),),
    ),
    Change(
        "pipeline-pause-in-the-decorator",
        "pipeline",
        (("        result = await stage", "        await workflow.sleep(2)\n        result = await stage"),),
        (Outcome(f"{ACTIVITY} extract", "timer-added", "workflow.sleep(2)"),),
    ),
    Change(
        "pipeline-patch-renamed",
        "pipeline",
        (('"publish-results"', '"publish"'),),
        (Outcome(_MARKER, "patch-renamed", "patched"),),
    ),
    Change(
        "pipeline-load-renamed",
        "pipeline",
        (('"load", data', '"store", data'),),
        (Outcome(f"{ACTIVITY} load", "activity-renamed", '"store"'),),
    ),
    Change(
        "pipeline-skip-unheard",
        "pipeline",
        (("    @workflow.signal\n", ""),),
        (Outcome(_MARKER, "signal-handler-changed", "", only=("pipeline-skip",)),),
    ),
)
