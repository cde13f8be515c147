"""Versions of the lottery (`workflows/chance.py`)."""

from __future__ import annotations

from tests.replay.corpus.changes.shapes import ACTIVITY, COMPLETED, Change, Outcome, Warned, act

HISTORIES = {"chance": ("lottery-*",)}

CHANGES = (
    Change("lottery-as-it-is", "chance", ()),
    Change(
        "lottery-by-the-clock",
        "chance",
        (
            ("@workflow.defn", "@workflow.defn(sandboxed=False)"),
            ("import timedelta\n", "import timedelta\nimport time\n"),
            ("if number > 50:", "if time.time() < 0:"),
        ),
        (Outcome(f"{ACTIVITY} notify", "nondeterministic-time", "loses"),),
    ),
    Change(
        "lottery-by-chance",
        "chance",
        (
            ("@workflow.defn", "@workflow.defn(sandboxed=False)"),
            ("import timedelta\n", "import timedelta\nimport random\n"),
            # Always on the other side of the branch, and never the number that was drawn then.
            ("workflow.random().randint(1, 100)", "random.randint(-50, -1)"),
        ),
        (Outcome(f"{ACTIVITY} notify", "nondeterministic-random", "loses"),),
        (Warned(COMPLETED, "workflow-result-changed"),),
    ),
    Change(
        "lottery-by-the-machine",
        "chance",
        (
            ("@workflow.defn", "@workflow.defn(sandboxed=False)"),
            ("import timedelta\n", "import timedelta\nimport os\n"),
            ("if number > 50:", 'if os.environ.get("NO_SUCH_LOTTERY"):'),
        ),
        (Outcome(f"{ACTIVITY} notify", "nondeterministic-env", "loses"),),
    ),
    Change(
        "lottery-by-a-global",
        "chance",
        (
            ("SHORT =", "DRAWN: list[str] = []\nSHORT ="),
            ("if number > 50:", "DRAWN.append(name)\n        if len(DRAWN) > 1:"),
        ),
        (Outcome(f"{ACTIVITY} notify", "nondeterministic-global-state", "loses"),),
    ),
    Change(
        "lottery-other-odds",
        "chance",
        (("number > 50", "number > 1000"),),
        (Outcome(f"{ACTIVITY} notify", "branch-changed", "loses"),),
    ),
    Change(
        "lottery-draws-first",
        "chance",
        (
            ("        ticket = str(workflow.uuid4())\n", ""),
            (
                "        started = workflow.now()",
                "        ticket = str(workflow.uuid4())\n        started = workflow.now()",
            ),
            ("number > 50", "number >= 0 and 'n2' not in name"),
        ),
        (),
        (Warned(f"{ACTIVITY} store", "arguments-changed"), Warned(COMPLETED, "workflow-result-changed")),
    ),
    Change(
        "lottery-store-twice",
        "chance",
        (
            (
                f"        {act('store', 'ticket')}",
                f"        {act('store', 'ticket')}\n        {act('store', 'name')}",
            ),
        ),
        (Outcome(COMPLETED, "activity-added", "activities.store, name"),),
    ),
)
