"""Versions of the alerts (`workflows/alerts.py`): a table of functions, local activities among activities."""

from __future__ import annotations

from tests.replay.corpus.changes.shapes import ACTIVITY, COMPLETED, TIMER, Change, Outcome

HISTORIES = {"alerts": ("alerts-*",)}

_LOCAL = "await workflow.execute_local_activity(activities.lookup, text, start_to_close_timeout=timedelta(seconds=5))"

CHANGES = (
    Change("alerts-as-they-are", "alerts", ()),
    Change("alerts-table-in-another-order", "alerts", (('"email": email, "sms": sms', '"sms": sms, "email": email'),)),
    Change(
        "alerts-local-activity-removed",
        "alerts",
        ((_LOCAL, "len(text)"),),
        (Outcome("MarkerRecorded", "local-activity-removed", '"send_sms"'),),
    ),
    Change(
        "alerts-sms-removed-from-the-table",
        "alerts",
        ((', "sms": sms', ""),),
        (Outcome("MarkerRecorded", "local-activity-removed", ""),),
    ),
    Change(
        "alerts-push-sleep-removed",
        "alerts",
        (("    await workflow.sleep(0.01)\n", ""),),
        (Outcome(TIMER, "timer-removed", "await handle"),),
    ),
    Change(
        "alerts-audit-never",
        "alerts",
        (('if "push" in self.sent and', 'if "fax" in self.sent and'),),
        (Outcome(f"{ACTIVITY} log_audit", "branch-changed", "return self.sent"),),
    ),
    Change(
        "alerts-audit-always",
        "alerts",
        (('if "push" in self.sent and "sms" in self.sent:', "if self.sent:"),),
        (Outcome(COMPLETED, "activity-added", "log_audit", only=("alerts-sms",)),),
    ),
    Change(
        "alerts-email-renamed",
        "alerts",
        (('"send_email"', '"send_mail"'),),
        (Outcome(f"{ACTIVITY} send_email", "activity-renamed", '"send_mail"'),),
    ),
)
