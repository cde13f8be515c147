"""Doing something to runs, activities, schedules: menu, dialog, request, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from textual import work

from wfctl.errors import CommandError
from wfctl.tui.feeds.actions import ACTIONS, RESET
from wfctl.tui.feeds.requests import Action, Done, Field, Values
from wfctl.tui.feeds.resets import preview, read_items
from wfctl.tui.models.run import RunRef
from wfctl.tui.screens.base import View, told
from wfctl.tui.screens.dialogs import Dialog, Menu
from wfctl.view.safe import safe_line

Target = TypeVar("Target")
Note = Callable[[Values], str]


class Acting(View):
    """A screen from which something can be done. Whatever it is done to was selected when the menu opened."""

    def selected_runs(self) -> list[tuple[RunRef, bool]]:
        """Which runs an action is for, and whether each is open."""
        return []

    def reset_event(self) -> int | None:
        """The event that a reset is offered at."""
        return None

    async def reset_items(self, ref: RunRef) -> Sequence[Any]:
        """The events that a reset would leave behind or tell again."""
        found = await self.ask_source(read_items, self.source, ref)
        return found or ()

    def acted(self) -> None:
        """Something was done: look again."""
        self.action_look_again()

    def may_act(self) -> bool:
        if self.source.read_only:
            self.notify("this is read-only", severity="warning")
            return False
        return True

    @work(group="action")
    async def action_act(self) -> None:
        """The menu of what can be done to the selected runs."""
        runs = self.selected_runs()
        if runs:
            refs = [ref for ref, _ in runs]
            await self.choose([action for action in ACTIONS if _fits(action, runs)], refs, *_named(refs))

    @work(group="action")
    async def act_on(self, actions: Sequence[Action[Target]], target: Target, name: str, where: str = "") -> None:
        """The same for one thing of another kind."""
        await self.choose(actions, [target], name, where)

    async def choose(
        self, actions: Sequence[Action[Target]], targets: Sequence[Target], name: str, where: str = ""
    ) -> None:
        if not self.may_act():
            return
        options = [(action.key, action.name, action.note) for action in actions]
        chosen = await self.app.push_screen_wait(Menu(name, options))
        action = next((action for action in actions if action.name == chosen), None)
        if action is not None:
            await self.perform(action, targets, name, where)

    async def perform(self, action: Action[Target], targets: Sequence[Target], name: str, where: str = "") -> None:
        """Ask what it needs to know and whether it is meant, and do it. `where` says which run it is of."""
        source = self.source
        if action.changes and not self.may_act():
            return
        fields, note = await self._prepared(action, targets)
        before = await self._before(action, targets[0])
        if before is None:
            return
        fields = [replace(field, default=before.get(field.name, field.default)) for field in fields]
        values = await self.app.push_screen_wait(
            Dialog(
                action.name,
                action.what.replace("{id}", name) + where,
                fields,
                verb=action.name,
                destructive=action.destructive,
                must_type=str(len(targets)) if action.destructive and len(targets) > 1 else action.must_type,
                note=note,
            )
        )
        if values is None:
            return
        values = {**before, **values}
        done, failed = list[Done](), list[CommandError]()
        for target in targets:
            try:
                done.append(await self.call(action.run, source, target, values))
            except CommandError as error:
                failed.append(error)
        self._tell(action.name, len(targets), done, failed)
        self.acted()

    async def _before(self, action: Action[Target], target: Target) -> Values | None:
        """What the fields hold at first; None after a notice of why that cannot be told."""
        if action.prefill is None:
            return {}
        found: Values | None = await self.ask_source(action.prefill, self.source, target)
        return found

    async def _prepared(self, action: Action[Target], targets: Sequence[Target]) -> tuple[Sequence[Field], Note | None]:
        """The fields of the dialog, and what it says of them: a reset is offered at an event, and shows what that costs."""
        target = targets[0]
        if action is not RESET or len(targets) > 1 or not isinstance(target, RunRef):
            return action.fields, None
        event, items = self.reset_event(), await self.reset_items(target)
        fields = [
            replace(field, default=str(event)) if field.name == "event" and event else field for field in action.fields
        ]
        return fields, lambda values: preview(items, values["event"])

    def _tell(self, name: str, count: int, done: Sequence[Done], failed: Sequence[CommandError]) -> None:
        if count == 1:
            if done and done[0].answer:
                self.console.show_answer(done[0].answer)
            self.report(done[0].said if done else "", failed[0] if failed else None)
            return
        text = f"{name.lower()}: {len(done)} done"
        if failed:
            text += f", {len(failed)} failed, first: {failed[0].message}"
        self.notify(safe_line(text), severity="warning" if failed else "information", markup=False)

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
            self.notify(safe_line(told(error)), severity="error", timeout=10, markup=False)

    async def ask_source(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The answer, or None after a notice of why there is none."""
        try:
            return await self.call(function, *arguments)
        except CommandError as error:
            self.report("", error)
            return None


def _named(refs: Sequence[RunRef]) -> tuple[str, str]:
    """What a dialog calls these runs, and which run it is."""
    if len(refs) > 1:
        return f"{len(refs)} workflows", ""
    return refs[0].workflow_id, f" (run {refs[0].run_id})" if refs[0].run_id else ""


def _fits(action: Action[RunRef], runs: Sequence[tuple[RunRef, bool]]) -> bool:
    if len(runs) > 1 and not action.batchable:
        return False
    return all(action.of_open if is_open else action.of_closed for _, is_open in runs)
