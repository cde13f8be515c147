"""Charts as one SVG file: small multiples, both axes logarithmic, so that a straight line is a power. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape

from bench.sizes import Chart

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 460, 300, 62, 16, 52, 64
LEGEND_LINE = 15
COLUMNS = 2
FONT = 'font-family="system-ui, sans-serif" font-size="11" fill="#334155"'
COLORS = ("#2563eb", "#d97706", "#059669", "#db2777")


def svg(charts: list[Chart], caption: str) -> str:
    """All charts, two a row, with a caption below."""
    rows = math.ceil(len(charts) / COLUMNS)
    height = rows * HEIGHT + 28
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {COLUMNS * WIDTH} {height}" {FONT}>',
        f'<rect width="{COLUMNS * WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for at, chart in enumerate(charts):
        x, y = at % COLUMNS * WIDTH, at // COLUMNS * HEIGHT
        parts += [f'<g transform="translate({x} {y})">', *_chart(chart), "</g>"]
    parts += [f'<text x="{LEFT}" y="{height - 10}" fill="#64748b">{escape(caption)}</text>', "</svg>"]
    return "\n".join(parts) + "\n"


def _chart(chart: Chart) -> Iterator[str]:
    points = [point for series in chart.series.values() for point in series]
    across = _Axis([x for x, _ in points], LEFT, WIDTH - RIGHT)
    top = TOP + LEGEND_LINE * (len(chart.series) - 1)
    up = _Axis([y for _, y in points], HEIGHT - BOTTOM, top)
    yield f'<text x="{LEFT}" y="20" font-size="13" font-weight="600" fill="#0f172a">{escape(chart.title)}</text>'
    for tick in across.ticks():
        yield f'<line x1="{across.at(tick):.1f}" x2="{across.at(tick):.1f}" y1="{top}" y2="{HEIGHT - BOTTOM}" stroke="#e2e8f0"/>'
        yield f'<text x="{across.at(tick):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{_short(tick)}</text>'
    for tick in up.ticks():
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{up.at(tick):.1f}" y2="{up.at(tick):.1f}" stroke="#e2e8f0"/>'
        yield f'<text x="{LEFT - 6}" y="{up.at(tick) + 4:.1f}" text-anchor="end">{_short(tick)} ms</text>'
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield f'<text x="{middle}" y="{HEIGHT - BOTTOM + 34}" text-anchor="middle" fill="#64748b">{escape(chart.size)}</text>'
    for number, (name, series) in enumerate(chart.series.items()):
        yield from _series(number, name, series, across, up)


def _series(number: int, name: str, series: list[tuple[float, float]], across: _Axis, up: _Axis) -> Iterator[str]:
    color = COLORS[number % len(COLORS)]
    line = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in series)
    yield f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="1.8"/>'
    for x, y in series:
        yield (
            f'<circle cx="{across.at(x):.1f}" cy="{up.at(y):.1f}" r="3" fill="{color}">'
            f"<title>{escape(name)}: {_short(x)}, {y:.2f} ms</title></circle>"
        )
    y_legend = 36 + number * LEGEND_LINE
    yield f'<rect x="{LEFT}" y="{y_legend - 8}" width="10" height="3" fill="{color}"/>'
    yield f'<text x="{LEFT + 16}" y="{y_legend - 3}">{escape(name)}</text>'


class _Axis:
    """Values to pixels, by powers of ten."""

    def __init__(self, values: list[float], first: float, last: float) -> None:
        self._low = math.floor(math.log10(max(min(values), 0.01)))
        self._high = max(math.ceil(math.log10(max(*values, 0.01))), self._low + 1)
        self._first, self._last = first, last

    def at(self, value: float) -> float:
        share = (math.log10(max(value, 0.01)) - self._low) / (self._high - self._low)
        return self._first + share * (self._last - self._first)

    def ticks(self) -> list[float]:
        return [10.0**power for power in range(self._low, self._high + 1)]


def _short(value: float) -> str:
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.3g}"
