"""Colours by meaning: a tone becomes a style of the theme in use; and the themes of our own."""

from __future__ import annotations

from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.theme import Theme

from wfctl.tui.models.cells import Cell, Part, Tone
from wfctl.view.safe import safe_line

DARK = Theme(
    name="wfctl-dark",
    dark=True,
    primary="#6cb0ff",
    secondary="#8a94a6",
    accent="#b9a1f5",
    foreground="#dde2ea",
    background="#12151a",
    surface="#171b21",
    panel="#20252d",
    success="#79c487",
    warning="#e2b44c",
    error="#fa8083",
    variables={"footer-key-foreground": "#6cb0ff", "footer-background": "#171b21", "block-cursor-text-style": "none"},
)
LIGHT = Theme(
    name="wfctl-light",
    dark=False,
    primary="#1656b3",
    secondary="#5d6675",
    accent="#6538b5",
    foreground="#23272e",
    background="#fcfcfb",
    surface="#f3f4f5",
    panel="#e7e9ec",
    success="#176b32",
    warning="#7d5200",
    error="#b32424",
    variables={"footer-key-foreground": "#1656b3", "footer-background": "#f3f4f5", "block-cursor-text-style": "none"},
)


class Palette:
    """The theme's colours as styles."""

    def __init__(self, theme: Theme) -> None:
        fallback_background, fallback_text = ("#121212", "#e0e0e0") if theme.dark else ("#ffffff", "#202020")
        background = Color.parse(theme.background or fallback_background)
        foreground = Color.parse(theme.foreground or fallback_text)
        primary = Color.parse(theme.primary)
        self.background = background
        self.surface = Color.parse(theme.surface or background.hex)
        self.panel = Color.parse(theme.panel or background.blend(foreground, 0.1).hex)
        self.cursor = background.blend(primary, 0.20 if theme.dark else 0.14)
        self.cursor_unfocused = background.blend(foreground, 0.10)
        self.mark = background.blend(Color.parse(theme.accent or theme.primary), 0.17 if theme.dark else 0.13)
        self.stripe = background.blend(foreground, 0.035)
        self._colors: dict[Tone, Color] = {
            "": foreground,
            "dim": foreground.blend(background, 0.33 if theme.dark else 0.28),
            "strong": foreground,
            "ok": Color.parse(theme.success or "#4caf50"),
            "bad": Color.parse(theme.error or "#e53935"),
            "warn": Color.parse(theme.warning or "#f9a825"),
            "live": primary,
            "accent": Color.parse(theme.accent or theme.primary),
        }

    def color(self, tone: Tone) -> Color:
        return self._colors[tone]

    def style(self, tone: Tone, background: Color | None = None, *, bold: bool = False) -> Style:
        return _style(self._colors[tone].rgb, (background or self.background).rgb, bold or tone == "strong")

    def found(self, style: Style | None) -> Style:
        """What somebody looked for."""
        ground = Style(color=_hex(self.background.rgb), bgcolor=_hex(self._colors["warn"].rgb))
        return style + ground if style is not None else ground

    def soft(self, tone: Tone, amount: float, background: Color | None = None) -> Style:
        """The tone's colour, faded towards the background."""
        ground = background or self.background
        return _style(self._colors[tone].blend(ground, amount).rgb, ground.rgb, False)


@lru_cache(maxsize=1024)
def _style(color: tuple[int, int, int], background: tuple[int, int, int], bold: bool) -> Style:
    return Style(color=_hex(color), bgcolor=_hex(background), bold=bold)


def _hex(rgb: tuple[int, int, int]) -> str:
    return f"#{rgb[0]:02x}{rgb[1]:02x}{rgb[2]:02x}"


def safe_parts(cell: Cell) -> Cell:
    """The last gate before the terminal: whatever a model missed is caught here."""
    return tuple(Part(safe_line(part.text), part.tone) for part in cell)


def segments(cell: Cell, palette: Palette, background: Color | None = None) -> list[Segment]:
    return [Segment(part.text, palette.style(part.tone, background)) for part in safe_parts(cell)]
