"""Dialogs: a question, a form, a menu. Each is told what it is about when it opens and answers only for that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, OptionList
from textual.widgets.option_list import Option

from wfctl.tui.feeds.requests import Field, Values
from wfctl.tui.widgets.field import TextField
from wfctl.view.safe import safe_line, safe_text


class Dialog(ModalScreen[dict[str, str] | None]):
    DEFAULT_CSS = """
    Dialog { align: center middle; background: $background 60%; }
    Dialog > Vertical { width: 72; max-width: 96%; height: auto; max-height: 90%; background: $surface;
        border: round $primary; padding: 0 1; }
    Dialog.destructive > Vertical { border: round $error; }
    Dialog .what { margin: 0 0 1 0; color: $foreground; width: 1fr; height: auto; }
    Dialog .note { margin: 0 0 1 0; color: $warning; width: 1fr; height: auto; }
    Dialog .field { color: $text-muted; height: 1; }
    Dialog VerticalScroll { height: auto; max-height: 14; }
    Dialog Input { border: none; height: 1; padding: 0 1; background: $panel; margin: 0 0 1 0; }
    Dialog Input:focus { border: none; background: $background; }
    Dialog Horizontal { height: 1; align-horizontal: right; }
    Dialog Button { margin: 0 0 0 2; }
    Dialog .wrong { color: $error; height: auto; display: none; }
    Dialog .wrong.shown { display: block; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "refuse", "Cancel")]

    def __init__(
        self,
        title: str,
        what: str,
        fields: Sequence[Field] = (),
        *,
        verb: str = "OK",
        destructive: bool = False,
        must_type: str = "",
        note: Callable[[Values], str] | None = None,
    ) -> None:
        """`note` says what would come of the values as they stand, and is asked again with each change of them."""
        super().__init__(classes="destructive" if destructive else "")
        self._note = note
        self._title, self._what, self._verb = title, what, verb
        self._fields = list(fields)
        self._must_type = must_type

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = Content(safe_line(self._title)).markup
            yield Label(Content(safe_text(self._what)), classes="what")
            if self._note is not None:
                yield Label(
                    Content(safe_text(self._note({field.name: field.default for field in self._fields}))),
                    classes="note",
                )
            with VerticalScroll(can_focus=False):
                for field in self._fields:
                    yield Label(Content(field.label), classes="field")
                    yield TextField(field.default, id=f"field-{field.name}")
                if self._must_type:
                    yield Label(Content(f"Type {safe_line(self._must_type)} to go on"), classes="field")
                    yield TextField(id="must-type")
            yield Label("", classes="wrong")
            with Horizontal():
                yield Button("Cancel", id="refuse", compact=True)
                yield Button(
                    self._verb,
                    id="agree",
                    compact=True,
                    variant="error" if self.has_class("destructive") else "primary",
                )

    def on_mount(self) -> None:
        inputs = list(self.query(Input))
        (inputs[0] if inputs else self.query_one("#agree" if not self.has_class("destructive") else "#refuse")).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        if self._note is not None:
            self.query_one(".note", Label).update(Content(safe_text(self._note(self._values()))))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        inputs = list(self.query(Input))
        at = inputs.index(event.input)
        if at + 1 < len(inputs):
            inputs[at + 1].focus()
        else:
            self._agree()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "agree":
            self._agree()
        else:
            self.dismiss(None)

    def action_refuse(self) -> None:
        self.dismiss(None)

    def _agree(self) -> None:
        values = self._values()
        missing = next((field for field in self._fields if field.needed and not values[field.name].strip()), None)
        if missing is not None:
            self._say(f"{missing.label} is needed")
            self.query_one(f"#field-{missing.name}", Input).focus()
        elif self._must_type and self.query_one("#must-type", Input).value.strip() != self._must_type:
            self._say(f"that is not {safe_line(self._must_type)}")
            self.query_one("#must-type", Input).focus()
        else:
            self.dismiss(values)

    def _values(self) -> dict[str, str]:
        return {field.name: self.query_one(f"#field-{field.name}", Input).value for field in self._fields}

    def _say(self, text: str) -> None:
        wrong = self.query_one(".wrong", Label)
        wrong.update(Content(text))
        wrong.add_class("shown")


class Menu(ModalScreen[str | None]):
    """A short list to choose from, by cursor or by letter."""

    DEFAULT_CSS = """
    Menu { align: center middle; background: $background 60%; }
    Menu > Vertical { width: 64; max-width: 96%; height: auto; max-height: 90%; background: $surface;
        border: round $primary; padding: 0; }
    Menu OptionList { background: $surface; border: none; height: auto; max-height: 20; padding: 0;
        text-wrap: nowrap; text-overflow: ellipsis; }
    Menu OptionList:focus { border: none; background-tint: $foreground 0%; }
    Menu OptionList:focus > .option-list--option-highlighted { background: $primary 15%; color: $foreground; text-style: none; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "refuse", "Cancel"),
        Binding("j", "step(1)", show=False),
        Binding("k", "step(-1)", show=False),
    ]

    def __init__(self, title: str, options: Sequence[tuple[str, str, str]]) -> None:
        """Each option: its letter, its name, what is said of it."""
        super().__init__()
        self._title, self._options = title, options

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = Content(safe_line(self._title)).markup
            yield OptionList(
                *(
                    Option(
                        Content.assemble(
                            (f" {letter or ' '}  ", "$primary"),
                            f"{safe_line(name):<16}",
                            (safe_line(note), "$foreground 70%"),
                        )
                    )
                    for letter, name, note in self._options
                )
            )

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()

    def on_key(self, event: events.Key) -> None:
        for letter, name, _ in self._options:
            if letter and event.character == letter and letter not in "jk":
                # Else the key would go on to the screen below, which may have a use for it too.
                event.stop()
                event.prevent_default()
                self.dismiss(name)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._options[event.option_index][1])

    def action_step(self, by: int) -> None:
        options = self.query_one(OptionList)
        options.action_cursor_down() if by > 0 else options.action_cursor_up()

    def action_refuse(self) -> None:
        self.dismiss(None)
