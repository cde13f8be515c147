"""A line to type into, which may begin with what others wrote: it holds that, and shows it harmless."""

from __future__ import annotations

from rich.segment import Segment
from textual.strip import Strip
from textual.widgets import Input

from wfctl.view.safe import safe_chars


class TextField(Input):
    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        text = strip.text
        if safe_chars(text) == text:
            return strip
        made = [Segment(safe_chars(segment.text), segment.style, segment.control) for segment in strip]
        return Strip(made).crop(0, max(self.size.width, 1))
