"""How a screen looks, as text: what is written where, and in which colours. One file a screen, for review and comparison.

A file holds a screen at every size. The colours have the names that the palette gives them; these are the same in the dark
and in the light, and where they are not (a blend, a colour of Textual's own) both are told, as `dark~light`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any

from rich.cells import get_character_cell_size
from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.command import CommandPalette
from textual.geometry import Region
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input
from textual.widgets._toast import Toast, ToastRack

from wfctl.tui.models.cells import Tone
from wfctl.tui.widgets.palette import DARK, LIGHT, Palette

SNAPSHOTS = Path(__file__).parent / "snapshots"
PICTURES = Path(__file__).parents[2] / "docs" / "tui"
_IN_DOCS = ("list", "timeline")
SIZES = ((80, 24), (120, 40), (200, 60))
_TONES: tuple[Tone, ...] = ("", "dim", "ok", "bad", "warn", "live", "accent")
_GROUNDS = ("background", "surface", "panel", "cursor", "cursor_unfocused", "mark")
_MARKS = {"bold": "!", "italic": "/", "underline": "_", "reverse": "%", "strike": "-"}
_NO_STYLE = Style()
_RANDOM = re.compile(r"terminal-\d+")
_FONT = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)  # fetched from the network by whoever looks at the file

# Text is told apart from its ground by so much (WCAG's measure of contrast); what is merely decorative by less.
LEAST_CONTRAST = 4.5
LEAST_CONTRAST_OF_MARKS = 1.2
_DECORATION = frozenset("▆━╌┊─│╭╮╰╯▁▂▃▄▅▇█▎▌▍▊▔▕▏ ╷")


@dataclass(frozen=True, slots=True)
class Look:
    """A screen at one size in one theme."""

    text: list[str]
    styles: list[list[Style]]
    """Of each character."""
    to_read: tuple[Region, ...]
    """What is there to be read. What a dialog covers is faded, and meant to be."""


def look(app: Any) -> Look:
    strips: list[list[Segment]] = app.screen._compositor.render_strips()[: app.size.height]
    text = ["".join(segment.text for segment in strip) for strip in strips]
    styles = [
        [style for segment in strip for style in (segment.style or _NO_STYLE,) * len(segment.text)] for strip in strips
    ]
    screen = app.screen
    if not isinstance(screen, ModalScreen):
        return Look(text, styles, (screen.region,))
    return _without_what_is_behind(Look(text, styles, tuple(widget.region for widget in _on_top(screen))))


def _on_top(parent: Widget) -> Iterator[Widget]:
    """The widgets that are to be seen; of one that is, its whole region."""
    for widget in parent.children:
        if isinstance(widget, Toast) or (widget.visible and widget.display and not isinstance(widget, ToastRack)):
            yield widget
        elif widget.display:
            yield from _on_top(widget)


def _columns(line: str) -> list[int]:
    """Where each character begins; some are two columns wide."""
    return [0, *accumulate(get_character_cell_size(char) for char in line)][: len(line)]


def _without_what_is_behind(shown: Look) -> Look:
    """A dialog looks as it does over whatever it was opened over."""
    text, styles = [], []
    for y, (line, row) in enumerate(zip(shown.text, shown.styles, strict=True)):
        on_top = [any(region.contains(x, y) for region in shown.to_read) for x in _columns(line)]
        text.append("".join(char if is_on_top else " " for char, is_on_top in zip(line, on_top, strict=True)))
        styles.append([style if is_on_top else _NO_STYLE for style, is_on_top in zip(row, on_top, strict=True)])
    return Look(text, styles, shown.to_read)


@lru_cache(maxsize=4096)
def _colours(style: Style) -> tuple[str, str, str]:
    """Foreground, background and marks."""
    marks = "".join(mark for name, mark in _MARKS.items() if getattr(style, name))
    return _hex(style.color), _hex(style.bgcolor), marks


def _hex(color: RichColor | None) -> str:
    return "" if color is None or color.is_default else color.get_truecolor().hex


@lru_cache(maxsize=2)
def _names(theme: str) -> dict[str, str]:
    """Colours by their names in the palette."""
    palette = Palette(DARK if theme == DARK.name else LIGHT)
    names: dict[str, str] = {}
    for tone in _TONES:
        names.setdefault(palette.color(tone).hex.lower(), tone or "text")
    for ground in _GROUNDS:
        names.setdefault(getattr(palette, ground).hex.lower(), "ground" if ground == "background" else ground)
    return names


@lru_cache(maxsize=4096)
def _word(style: Style, theme: str) -> tuple[str, str]:
    """A style as a word, and the word of its ground alone."""
    foreground, background, marks = _colours(style)
    names = _names(theme)
    ground = names.get(background, background or "none")
    on = "" if ground == "ground" else f"/{ground}"
    return f"{names.get(foreground, foreground or 'none')}{marks}{on}", ground


def _style_line(text: str, dark: list[Style], light: list[Style]) -> str:
    """Runs of one style. Blanks are of the style beside them, if the ground is the same: nobody sees the difference."""
    runs: list[list[Any]] = []
    for (is_blank, one, other), same in groupby(zip((char in " \u00a0" for char in text), dark, light, strict=True)):
        length = len(list(same))
        (word, ground), (in_light, ground_in_light) = _word(one, DARK.name), _word(other, LIGHT.name)
        pair = word if word == in_light else f"{word}~{in_light}"
        grounds = (ground, ground_in_light)
        is_plain = is_blank and not any(mark in word for mark in "_%-")
        if is_plain and not (runs and runs[-1][1] == grounds):
            pair = f"/{ground}" if ground == ground_in_light else f"/{ground}~/{ground_in_light}"
        if runs and (runs[-1][0] == pair or (runs[-1][1] == grounds and is_plain)):
            runs[-1][2] += length
        elif runs and runs[-1][0].startswith("/") and runs[-1][1] == grounds:
            runs[-1] = [pair, grounds, runs[-1][2] + length]
        else:
            runs.append([pair, grounds, length])
    return ", ".join(f"{pair} {length}" for pair, _, length in runs)


def rendered(name: str, looks: list[tuple[tuple[int, int], Look, Look]]) -> str:
    parts = [f"{name}\n"]
    for (width, height), dark, light in looks:
        parts.append(f"\n== {width}x{height}\n")
        parts += [f"{line.rstrip()}\n" for line in dark.text]
        parts.append("-- colours\n")
        lines = [_style_line(*row) for row in zip(dark.text, dark.styles, light.styles, strict=True)]
        at = 1
        for line, same in groupby(lines):
            end = at + len(list(same)) - 1
            parts.append(f"{at}{f'-{end}' if end > at else ''}: {line}\n")
            at = end + 1
    return "".join(parts)


async def looks_of(pilot: Pilot[None], sizes: tuple[tuple[int, int], ...]) -> list[tuple[tuple[int, int], Look, Look]]:
    """At each size, in the dark and in the light; the theme is changed as seldom as can be, for that is dear."""
    for field in pilot.app.screen.query(Input):
        field.cursor_blink = False
    found = []
    for at, size in enumerate(sizes):
        themes = (DARK.name, LIGHT.name) if at % 2 == 0 else (LIGHT.name, DARK.name)
        looks = {theme: await _look_at(pilot, size, theme) for theme in themes}
        found.append((size, looks[DARK.name], looks[LIGHT.name]))
    pilot.app.theme = DARK.name
    return found


async def _look_at(pilot: Pilot[None], size: tuple[int, int], theme: str) -> Look:
    app: Any = pilot.app
    if app.size != size:
        await pilot.resize_terminal(*size)
        await pilot.pause()
    if app.theme != theme:
        app.theme = theme
        await pilot.pause()
        if isinstance(app.screen, CommandPalette):
            app.stylesheet.update(app.screen)  # it keeps the colours that it was opened in, for itself only
            await pilot.pause()
    if directory := os.environ.get("WFCTL_PICTURES"):
        name = f"{app.looked_at}-{size[0]}x{size[1]}-{'dark' if theme == DARK.name else 'light'}.svg"
        Path(directory, name).write_text(svg(app), encoding="utf-8")
    if os.environ.get("UPDATE_PICTURES") and app.looked_at in _IN_DOCS and (size, theme) == ((120, 40), DARK.name):
        (PICTURES / f"{app.looked_at}.svg").write_text(svg(app, app.looked_at), encoding="utf-8")
    return look(app)


def wants_pictures() -> bool:
    return bool(os.environ.get("WFCTL_PICTURES") or os.environ.get("UPDATE_PICTURES"))


async def check_look(pilot: Pilot[None], name: str, sizes: tuple[tuple[int, int], ...] = SIZES) -> None:
    """Compare with what was agreed upon; `UPDATE_SNAPSHOTS=1` agrees to what is there now, and
    `WFCTL_PICTURES=DIRECTORY` draws it, too."""
    app: Any = pilot.app
    app.looked_at = name
    looks = await looks_of(pilot, sizes)
    for size, dark, light in looks:
        assert dark.text == light.text, f"{name} at {size} says something else in the light"
    now = rendered(name, looks)
    path = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(now, encoding="utf-8")
    assert path.exists(), f"{path.name} is not there; UPDATE_SNAPSHOTS=1 makes it"
    assert now == path.read_text(encoding="utf-8"), f"{name} looks different (UPDATE_SNAPSHOTS=1 takes it as it is)"
    for size, dark, light in looks:
        _check_contrast(f"{name} at {size}", dark, light)


def _check_contrast(where: str, *looks: Look) -> None:
    """Whatever is written can be read."""
    seen = {
        (char in _DECORATION, *_colours(style), char)
        for shown in looks
        for y, (line, styles) in enumerate(zip(shown.text, shown.styles, strict=True))
        for x, char, style in zip(_columns(line), line, styles, strict=True)
        if char not in " \u00a0" and any(region.contains(x, y) for region in shown.to_read)
    }
    bad: dict[str, set[str]] = {}
    for is_decoration, foreground, background, marks, char in seen:
        if foreground and background and "%" not in marks:
            ratio = _ratio(foreground, background)
            if ratio < (LEAST_CONTRAST_OF_MARKS if is_decoration else LEAST_CONTRAST):
                bad.setdefault(f"{foreground} on {background}, {ratio:.1f} to 1", set()).add(char)
    assert not bad, f"{where}: hard to read: {bad}"


@lru_cache(maxsize=4096)
def _ratio(one: str, other: str) -> float:
    light, dark = sorted((_luminance(Color.parse(one)), _luminance(Color.parse(other))), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: Color) -> float:
    parts = [part / 255 for part in color.rgb]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def svg(app: Any, name: str = "terminal") -> str:
    """The screen as a picture that needs nothing from elsewhere."""
    drawn = _RANDOM.sub(name, app.export_screenshot(simplify=True, title="wfctl tui"))
    return _FONT.sub("", drawn).replace("<text ", '<text xml:space="preserve" ')
