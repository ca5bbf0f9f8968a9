# SPDX-License-Identifier: MIT
"""Draws the timeline picture of a demo: one panel for each fault, on its own scale.

A panel has one lane per database host (which state its agent was in), one per route table (which
host it pointed at), one for the parameter and one for the clients (a tick per request: who answered
it, or that nobody did), all on one time axis that counts from the fault. The gap that clients saw is
shaded across all lanes.

Pure: takes panels, returns the text of an SVG file; tested by test_timeline.py. No script, no font
and no colour from outside, so the picture looks the same in a browser, on a code host and in print.
"""

from dataclasses import dataclass, field
from html import escape
from math import ceil, floor, log10
from typing import List, NamedTuple, Optional, Tuple

from .gaps import Request

WIDTH = 1120
LEFT = 150
RIGHT = 24
LANE = 22
LANE_GAP = 6
HEAD = 46
AXIS = 30
LEGEND = 74

STATE_COLOURS = {
    "MASTER": "#2e7d32", "CLAIMING": "#f9a825", "BACKUP": "#90a4ae", "FAULT": "#c62828",
    "MAINT": "#6a1b9a", "INIT": "#cfd8dc", "down": "#37474f", "unknown": "#eceff1",
}
HOST_COLOURS = {"DB_Host1": "#1565c0", "DB_Host2": "#ef6c00"}
NOBODY = "#eceff1"
FAILED = "#d50000"
GAP = "#ffcdd2"
FAULT_MARK = "#b71c1c"


class Band(NamedTuple):
    since_ns: int
    until_ns: int
    word: str  # a state, a host or "": decides colour and label


class Lane(NamedTuple):
    label: str
    bands: List[Band]


class Mark(NamedTuple):
    at_ns: int
    text: str


@dataclass
class Panel:
    title: str
    zero_ns: int  # the fault: 0 on the axis
    since_ns: int
    until_ns: int
    lanes: List[Lane] = field(default_factory=list)
    requests: List[Request] = field(default_factory=list)
    gap: Optional[Tuple[int, int]] = None
    marks: List[Mark] = field(default_factory=list)

    @property
    def height(self) -> int:
        return HEAD + (len(self.lanes) + 1) * (LANE + LANE_GAP) + AXIS + 16


def bands(changes: List[Tuple[int, str]], since_ns: int, until_ns: int) -> List[Band]:
    """Bands of the window from (time, new word) changes in order; the last change before the window
    holds at its begin, and equal neighbours are one band."""
    found: List[Band] = []
    word = "unknown"
    start = since_ns
    for at, new in changes:
        if new == word:
            continue
        if at > until_ns:
            break
        if at > since_ns:
            found.append(Band(start, at, word))
            start = at
        word = new
    found.append(Band(start, until_ns, word))
    return found


def colour(word: str) -> str:
    return STATE_COLOURS.get(word) or HOST_COLOURS.get(word) or NOBODY


def ticks(since_s: float, until_s: float, about: int = 10) -> List[float]:
    """Round values (1, 2 or 5 times a power of ten apart) inside the interval, @about of them."""
    wanted = (until_s - since_s) / about
    power = 10.0 ** floor(log10(wanted))
    step = power * min((1, 2, 5, 10), key=lambda factor: abs(log10(factor * power / wanted)))
    slack = 1e-9  # 0.5 / 0.1 is not always 5
    return [n * step for n in range(ceil(since_s / step - slack), floor(until_s / step + slack) + 1)]


def seconds(value: float, span: float) -> str:
    """As an axis says it: milliseconds when the panel is short."""
    return f"{value * 1000:.0f} ms" if span < 2.5 else f"{value:g} s"


class Drawing:
    """One panel's elements; x() is its time axis."""

    def __init__(self, panel: Panel, top: int):
        self.panel = panel
        self.top = top
        self.out: List[str] = []

    def x(self, at_ns: int) -> float:
        panel = self.panel
        at_ns = min(max(at_ns, panel.since_ns), panel.until_ns)
        share = (at_ns - panel.since_ns) / (panel.until_ns - panel.since_ns)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def rect(self, since_ns: int, until_ns: int, y: float, height: float, fill: str, title: str = ""):
        x0, x1 = self.x(since_ns), self.x(until_ns)
        hint = f"<title>{escape(title)}</title>" if title else ""
        self.out.append(f'<rect x="{x0:.1f}" y="{y:.1f}" width="{max(x1 - x0, 0.8):.1f}" '
                        f'height="{height:.1f}" fill="{fill}">{hint}</rect>')

    def text(self, x: float, y: float, text: str, style: str = ""):
        self.out.append(f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>')

    def line(self, x: float, y0: float, y1: float, style: str):
        self.out.append(f'<line x1="{x:.1f}" y1="{y0:.1f}" x2="{x:.1f}" y2="{y1:.1f}" {style}/>')

    def lane_y(self, index: int) -> int:
        return self.top + HEAD + index * (LANE + LANE_GAP)

    def label(self, index: int, text: str):
        self.text(LEFT - 10, self.lane_y(index) + LANE - 7, text, 'text-anchor="end"')

    def lane(self, index: int, lane: Lane):
        self.label(index, lane.label)
        for band in lane.bands:
            width = self.x(band.until_ns) - self.x(band.since_ns)
            lasted = (band.until_ns - band.since_ns) / 1e6
            self.rect(band.since_ns, band.until_ns, self.lane_y(index), LANE, colour(band.word),
                      f"{lane.label}: {band.word or 'nobody'}, {lasted:.1f} ms")
            word = band.word or "nobody"
            if width > 8 * len(word):
                ink = "#000" if colour(band.word) in (NOBODY, "#f9a825", "#cfd8dc", "#90a4ae") else "#fff"
                self.text(self.x(band.since_ns) + 5, self.lane_y(index) + LANE - 7, word,
                          f'fill="{ink}"')

    def clients(self, index: int):
        y = self.lane_y(index)
        self.label(index, "clients")
        for request in self.panel.requests:
            if not self.panel.since_ns <= request.sent_ns <= self.panel.until_ns:
                continue
            x = self.x(request.sent_ns)
            fill = colour(request.text) if request.good else FAILED
            inset = 5 if request.good else 0
            self.line(x, y + inset, y + LANE - inset, f'stroke="{fill}" stroke-width="1.4"')

    def gap(self):
        if not self.panel.gap:
            return
        begin, end = self.panel.gap
        height = (len(self.panel.lanes) + 1) * (LANE + LANE_GAP)
        self.rect(begin, end, self.lane_y(0) - 6, height + 4, GAP, f"gap {(end - begin) / 1e6:.1f} ms")

    def axis(self):
        panel = self.panel
        y = self.lane_y(len(panel.lanes) + 1)
        since = (panel.since_ns - panel.zero_ns) / 1e9
        until = (panel.until_ns - panel.zero_ns) / 1e9
        for tick in ticks(since, until):
            x = self.x(panel.zero_ns + round(tick * 1e9))
            self.line(x, y, y + 5, 'stroke="#555"')
            self.text(x, y + 18, seconds(tick, until - since),
                      'text-anchor="middle" fill="#555" font-size="11"')

    def mark(self, mark: Mark):
        x = self.x(mark.at_ns)
        self.line(x, self.top + HEAD - 12, self.lane_y(len(self.panel.lanes) + 1),
                  f'stroke="{FAULT_MARK}" stroke-width="1.5" stroke-dasharray="4 3"')
        self.text(x + 4, self.top + HEAD - 6, mark.text, f'fill="{FAULT_MARK}" font-size="11"')

    def draw(self) -> List[str]:
        panel = self.panel
        self.text(12, self.top + 20, panel.title, 'font-size="15" font-weight="bold"')
        self.gap()
        for index, lane in enumerate(panel.lanes):
            self.lane(index, lane)
        self.clients(len(panel.lanes))
        self.axis()
        for mark in panel.marks:
            self.mark(mark)
        return self.out


def legend(y: int) -> List[str]:
    out = []
    x = 12
    words = [(word, STATE_COLOURS[word]) for word in ("MASTER", "CLAIMING", "BACKUP", "FAULT", "INIT",
                                                      "down")]
    words += [(f"points at, answered by {host}", fill) for host, fill in HOST_COLOURS.items()]
    words += [("request failed", FAILED), ("gap clients saw", GAP)]
    for word, fill in words:
        out.append(f'<rect x="{x}" y="{y}" width="12" height="12" fill="{fill}"/>')
        out.append(f'<text x="{x + 16}" y="{y + 10}" font-size="11">{escape(word)}</text>')
        x += 30 + round(6.1 * len(word))
    return out


def draw(title: str, subtitle: str, panels: List[Panel]) -> str:
    """The whole picture."""
    height = LEGEND + sum(panel.height for panel in panels) + 10
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
           f'width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
           f'<text x="12" y="24" font-size="18" font-weight="bold">{escape(title)}</text>',
           f'<text x="12" y="42" fill="#555">{escape(subtitle)}</text>']
    out += legend(54)
    top = LEGEND
    for panel in panels:
        out.append(f'<line x1="0" y1="{top}" x2="{WIDTH}" y2="{top}" stroke="#ddd"/>')
        out += Drawing(panel, top).draw()
        top += panel.height
    out.append("</svg>")
    return "\n".join(out) + "\n"
