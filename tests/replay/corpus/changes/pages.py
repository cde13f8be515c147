"""Versions of the pager that continues as new (`workflows/pages.py`)."""

from __future__ import annotations

from tests.replay.corpus.changes.shapes import ACTIVITY, Change, Outcome, Warned

HISTORIES = {"pages": ("pages-*",)}

CHANGES = (
    Change("pages-as-it-is", "pages", ()),
    Change(
        "pages-never-continues",
        "pages",
        (("if done == per_run:", "if done == per_run * 10:"),),
        (Outcome("WorkflowExecutionContinuedAsNew", "continue-as-new-changed", "activities.fetch_page"),),
    ),
    Change(
        "pages-continues-earlier",
        "pages",
        (("if done == per_run:", "if done == 1:"),),
        (Outcome(f"{ACTIVITY} fetch_page #2", "continue-as-new-changed", "workflow.continue_as_new"),),
    ),
    Change(
        "pages-returns-instead",
        "pages",
        (("workflow.continue_as_new(args=[page, last, per_run])", "return page"),),
        (Outcome("WorkflowExecutionContinuedAsNew", "continue-as-new-changed", "return page"),),
    ),
    Change(
        "pages-other-arguments",
        "pages",
        (("args=[page, last, per_run]", "args=[page, last, per_run + 1]"),),
        (),
        (Warned("WorkflowExecutionContinuedAsNew", "arguments-changed"),),
    ),
    Change(
        "pages-two-items",
        "pages",
        (("for item in items:", "for item in items[:2]:"),),
        (
            Outcome(
                f"{ACTIVITY} store #3",
                "activity-removed",
                "activities.fetch_page",
                only=("pages-chain.1", "pages-chain.2"),
            ),
            Outcome(f"{ACTIVITY} store #3", "activity-removed", "return page"),
        ),
    ),
    Change(
        "pages-loop-by-time",
        "pages",
        (
            ("@workflow.defn", "@workflow.defn(sandboxed=False)"),
            ("import timedelta\n", "import timedelta\nimport time\n"),
            ("if page > last:", "if time.time() > 0:"),
        ),
        (Outcome(f"{ACTIVITY} fetch_page #2", "nondeterministic-time", "return page"),),
    ),
)
