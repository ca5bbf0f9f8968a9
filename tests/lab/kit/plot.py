# SPDX-License-Identifier: MIT
"""Lines over time as SVG, one panel above the other. Pure: text out of numbers."""

from html import escape

WIDTH, HEIGHT, LEFT, TOP, GAP = 900, 180, 80, 30, 50
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd")
Series = tuple[str, list[tuple[float, float]]]


def _scale(low: float, high: float) -> tuple[float, float]:
    """Room around the values; never nothing."""
    margin = (high - low) * 0.1 or max(abs(high) * 0.1, 1)
    return low - margin, high + margin


def _panel(top: int, title: str, series: list[Series], until: float) -> list[str]:
    values = [value for _, points in series for _, value in points] or [0.0]
    low, high = _scale(min(values), max(values))
    lines = [f'<text x="{LEFT}" y="{top - 8}">{escape(title)}</text>',
             f'<rect x="{LEFT}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#999"/>']
    for share in (0.1, 0.5, 0.9):
        y = top + HEIGHT * (1 - share)
        lines.append(f'<text x="{LEFT - 6}" y="{y + 4:.0f}" text-anchor="end">{low + (high - low) * share:.4g}</text>')
        lines.append(f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#eee"/>')
    for number, (name, points) in enumerate(series):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{LEFT + WIDTH * x / until:.1f},{top + HEIGHT * (1 - (y - low) / (high - low)):.1f}" for x, y in points)
        lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}"/>')
        lines.append(f'<text x="{LEFT + WIDTH - 200 + 100 * number}" y="{top - 8}" fill="{colour}">{escape(name)}</text>')
    return lines


def panels(parts: list[tuple[str, list[Series]]], unit: str) -> str:
    until = max([x for _, series in parts for _, points in series for x, _ in points], default=0) or 1
    lines: list[str] = []
    for number, (title, series) in enumerate(parts):
        lines += _panel(TOP + number * (HEIGHT + GAP), title, series, until)
    height = TOP + len(parts) * (HEIGHT + GAP)
    lines.append(f'<text x="{LEFT + WIDTH}" y="{height - GAP + 18}" text-anchor="end">{until:.4g} {escape(unit)}</text>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 20}" height="{height}" font-family="sans-serif" '
            f'font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(lines) + "\n</svg>\n")
