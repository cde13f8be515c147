"""What can be done to one pending activity."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen

from wfctl.errors import CommandError
from wfctl.tui.feeds.actions import Field, act_on_activity
from wfctl.tui.models.run import RunRef
from wfctl.tui.screens.acting import Acting
from wfctl.tui.screens.dialogs import Dialog, Menu

_CHOICES = (
    ("c", "complete", "with a result, as if a worker had"),
    ("f", "fail", "with a message"),
    ("p", "pause", "no further attempts until it is unpaused"),
    ("u", "unpause", "let it go on"),
    ("r", "reset", "begin again with the first attempt"),
)
_FIELDS = {
    "complete": [Field("result", "Result, as JSON")],
    "fail": [Field("reason", "Message")],
    "pause": [Field("reason", "Reason")],
}


def act_on(screen: Screen[Any], activity: Any) -> None:
    """The menu of an activity; the run and the activity are those of this moment."""
    if activity is None:
        screen.notify("no activity is selected")
        return
    if isinstance(screen, Acting) and screen.may_act():
        ref = screen.selected_runs()[0][0]
        screen.run_worker(
            _choose_and_run(screen, ref, activity.activity_id, activity.activity_type.name), group="action"
        )


async def _choose_and_run(screen: Acting, ref: RunRef, activity_id: str, name: str) -> None:
    source = screen.source
    title = f"{name} (id {activity_id})"
    chosen = await screen.app.push_screen_wait(Menu(title, _CHOICES))
    if chosen is None:
        return
    what = f"{chosen.capitalize()} activity {title} of {ref.workflow_id} (run {ref.run_id})."
    dialog = Dialog(
        f"{chosen.capitalize()} activity",
        what,
        _FIELDS.get(chosen, []),
        verb=chosen.capitalize(),
        destructive=chosen == "fail",
    )
    values = await screen.app.push_screen_wait(dialog)
    if values is None:
        return
    try:
        said = await screen.call(act_on_activity, source, ref, chosen, activity_id, values)
        screen.report(said, None)
    except CommandError as error:
        screen.report("", error)
    screen.acted()
