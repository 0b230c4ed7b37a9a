"""Plots as inline SVG, for a page that needs nothing else: bars of one row, curves of several series."""
from __future__ import annotations

import math
from html import escape

COLOURS = ("#2563eb", "#d97706", "#059669", "#9333ea", "#dc2626", "#0891b2", "#4b5563", "#be185d")
_BAR_WIDTH, _BAR_HEIGHT, _LABEL_WIDTH, _VALUE_WIDTH = 430, 17, 330, 90
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 620, 340, 70, 46, 14


def bars(items: list[tuple[str, float, str]], reach: float | None) -> str:
    """Horizontal bars, one below the other: (label, value, colour); `reach` is a line across them."""
    longest = max([value for _, value, _ in items] + [reach or 0]) or 1
    height = len(items) * (_BAR_HEIGHT + 3) + 4
    parts = []
    for i, (label, value, colour) in enumerate(items):
        y = i * (_BAR_HEIGHT + 3) + 2
        width = max(1.0, value / longest * _BAR_WIDTH)
        parts.append(f'<text x="{_LABEL_WIDTH - 6}" y="{y + 13}" text-anchor="end">{escape(label)}</text>'
                     f'<rect x="{_LABEL_WIDTH}" y="{y}" width="{width:.1f}" height="{_BAR_HEIGHT}" fill="{colour}"/>'
                     f'<text x="{_LABEL_WIDTH + width + 5:.1f}" y="{y + 13}">{value:,.0f}</text>')
    if reach is not None:
        x = _LABEL_WIDTH + reach / longest * _BAR_WIDTH
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height}" class="reach"><title>reach {reach:,.0f}</title></line>')
    return _svg(_LABEL_WIDTH + _BAR_WIDTH + _VALUE_WIDTH, height, parts)


class Axis:
    """Places values on a line of `length` pixels, evenly or by their logarithm; `binary`: with powers of two as its ticks then."""

    def __init__(self, values: list[float], length: float, *, logarithmic: bool, binary: bool = False) -> None:
        self._logarithmic, self._length, self._binary = logarithmic, length, binary
        self.low = min(values) if logarithmic else 0.0
        self.high = max(values)
        if self.high <= self.low:
            self.high = self.low * 2 or 1.0

    def place(self, value: float) -> float:
        if self._logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low) * self._length
        return (value - self.low) / (self.high - self.low) * self._length

    def ticks(self) -> list[float]:
        if not self._logarithmic:
            step = _round_step(self.high / 5)
            return [step * i for i in range(int(self.high / step) + 1)]
        return [tick for tick in self._candidates() if self.low <= tick <= self.high]

    def _candidates(self) -> list[float]:
        if self._binary:
            return [4.0 ** i for i in range(40)]
        return [factor * 10.0 ** i for i in range(16) for factor in (1, 2, 5)]


def curves(series: list[tuple[str, list[float], list[float]]], x_label: str, y_label: str, *, logarithmic: bool) -> str:
    """Several series over one pair of axes: (name, x, y)."""
    x_axis = Axis([x for _, xs, _ in series for x in xs], _WIDTH - _LEFT - 20, logarithmic=logarithmic, binary=True)
    y_axis = Axis([y for _, _, ys in series for y in ys], _HEIGHT - _BOTTOM - _TOP, logarithmic=logarithmic)
    floor = _HEIGHT - _BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        return _LEFT + x_axis.place(x), floor - y_axis.place(y)

    parts = [f'<path class="axis" d="M{_LEFT} {_TOP}V{floor}H{_WIDTH - 20}"/>']
    for tick in x_axis.ticks():
        x = _LEFT + x_axis.place(tick)
        parts.append(f'<path class="grid" d="M{x:.1f} {_TOP}V{floor}"/><text x="{x:.1f}" y="{floor + 15}" text-anchor="middle">{short(tick)}</text>')
    for tick in y_axis.ticks():
        y = floor - y_axis.place(tick)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - 20}"/><text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{short(tick)}</text>')
    for i, (name, xs, ys) in enumerate(series):
        colour = COLOURS[i % len(COLOURS)]
        points = [place(x, y) for x, y in zip(xs, ys)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"><title>{escape(name)}: {short(at)}, {value:,.0f}</title></circle>'
                  for (x, y), at, value in zip(points, xs, ys)]
        parts.append(f'<rect x="{_WIDTH}" y="{_TOP + 20 * i}" width="11" height="11" fill="{colour}"/>'
                     f'<text x="{_WIDTH + 17}" y="{_TOP + 20 * i + 10}">{escape(name)}</text>')
    parts.append(f'<text x="{(_LEFT + _WIDTH) / 2:.0f}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(x_label)}</text>'
                 f'<text x="14" y="{_HEIGHT / 2:.0f}" text-anchor="middle" transform="rotate(-90 14 {_HEIGHT / 2:.0f})">{escape(y_label)}</text>')
    return _svg(_WIDTH + 300, _HEIGHT, parts)


def short(value: float) -> str:
    """1048576 → 1Mi, 20000 → 20k, 3 → 3."""
    for size, unit in ((1 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki")):
        if value >= size and value % size == 0:
            return f"{value / size:.0f}{unit}"
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def _round_step(step: float) -> float:
    """The next larger of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step)


def _svg(width: float, height: float, parts: list[str]) -> str:
    return f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">{"".join(parts)}</svg>'
