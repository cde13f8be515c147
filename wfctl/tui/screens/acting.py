"""Doing something to runs: menu, dialog, request, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from textual import work

from wfctl.errors import CommandError, describe
from wfctl.tui.feeds.actions import ACTIONS, Action, Field
from wfctl.tui.models.run import RunRef
from wfctl.tui.screens.base import View
from wfctl.tui.screens.dialogs import Dialog, Menu
from wfctl.view.safe import safe_line

_READ_ONLY = "this is read-only"


class Acting(View):
    """A screen from which runs can be acted on."""

    def selected_runs(self) -> list[tuple[RunRef, bool]]:
        """Which runs an action is for, and whether each is open."""
        return []

    def reset_event(self) -> int | None:
        """The event that a reset is offered at."""
        return None

    def reset_preview(self) -> str:
        """What a reset at the offered event leaves behind and sends again, as far as the screen knows."""
        return ""

    def acted(self) -> None:
        """Something was done: look again."""
        self.action_look_again()

    def may_act(self) -> bool:
        if self.source.read_only:
            self.notify(_READ_ONLY, severity="warning")
            return False
        return True

    @work(group="action")
    async def action_act(self) -> None:
        runs = self.selected_runs()
        if not runs or not self.may_act():
            return
        possible = [action for action in ACTIONS if _fits(action, runs)]
        title = runs[0][0].workflow_id if len(runs) == 1 else f"{len(runs)} workflows"
        options = [(action.key, action.name, action.note) for action in possible]
        chosen = await self.app.push_screen_wait(Menu(title, options))
        action = next((action for action in possible if action.name == chosen), None)
        if action is not None:
            await self._confirm_and_run(action, [ref for ref, _ in runs])

    @work(group="action")
    async def action_one(self, name: str) -> None:
        """An action by its name, without the menu."""
        runs = self.selected_runs()
        action = next(action for action in ACTIONS if action.name == name)
        if not runs or not self.may_act():
            return
        if not _fits(action, runs):
            self.notify(
                f"{name.lower()}: not for {'a closed workflow' if len(runs) == 1 else 'these'}", severity="warning"
            )
            return
        await self._confirm_and_run(action, [ref for ref, _ in runs])

    async def _confirm_and_run(self, action: Action, refs: Sequence[RunRef]) -> None:
        who = refs[0].workflow_id if len(refs) == 1 else f"{len(refs)} workflows"
        what = action.what.replace("{id}", who)
        if len(refs) == 1 and refs[0].run_id:
            what += f" (run {refs[0].run_id})"
        if action.name == "Reset" and len(refs) == 1:
            what += self.reset_preview()
        must_type = ""
        if action.destructive and len(refs) > 1:
            must_type = str(len(refs))
        elif action.name == "Delete":
            must_type = "delete"
        fields = [self._prefilled(field) for field in action.fields]
        dialog = Dialog(
            action.name, what, fields, verb=action.name, destructive=action.destructive, must_type=must_type
        )
        values = await self.app.push_screen_wait(dialog)
        if values is not None:
            await self._run(action, refs, values)

    def _prefilled(self, field: Any) -> Any:
        event = self.reset_event()
        return replace(field, default=str(event)) if field.name == "event" and event else field

    async def _run(self, action: Action, refs: Sequence[RunRef], values: dict[str, str]) -> None:
        source, done, failed = self.source, 0, list[CommandError]()
        said = ""
        for ref in refs:
            try:
                said = await self.call(action.run, source, ref, values)
                done += 1
            except CommandError as error:
                failed.append(error)
        if len(refs) == 1:
            self.report(said, failed[0] if failed else None)
        else:
            text = f"{action.name.lower()}: {done} done"
            if failed:
                text += f", {len(failed)} failed, first: {failed[0].message}"
            self.notify(safe_line(text), severity="warning" if failed else "information", markup=False)
        self.acted()

    async def ask_diff(self, ref: RunRef) -> None:
        """What to compare a run with, and then the comparison."""
        what = f"Compare {ref.workflow_id} with another run. With nothing given, it is the run before it."
        dialog = Dialog("Diff", what, (Field("other", "Workflow id, run id or history file"),), verb="Compare")
        values = await self.app.push_screen_wait(dialog)
        if values is not None:
            self.console.open_diff(ref, values["other"])

    def report(self, said: str, error: CommandError | None) -> None:
        if error is None:
            self.notify(safe_line(said), markup=False)
        else:
            self.notify(safe_line(describe(error).removeprefix("error: ")), severity="error", timeout=10, markup=False)

    async def ask_source(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The answer, or None after a notice of why there is none."""
        try:
            return await self.call(function, *arguments)
        except CommandError as error:
            self.report("", error)
            return None


def _fits(action: Action, runs: Sequence[tuple[RunRef, bool]]) -> bool:
    if len(runs) > 1 and not action.batchable:
        return False
    return all(action.of_open if is_open else action.of_closed for _, is_open in runs)
