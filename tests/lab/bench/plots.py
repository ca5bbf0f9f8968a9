# SPDX-License-Identifier: MIT
"""Pictures of a report, as SVG: fail-over by fault and subject, and cost by number of instances. Pure."""

import math
from typing import Dict, List
from xml.sax.saxutils import escape

COLOURS = {"zonevip": "#0b6e4f", "keepalived": "#b5651d", "keepalived_100ms": "#d9a05b", "aws-vpc-move-ip": "#7d3c98",
           "floor": "#555555"}
WIDTH, LEFT, RIGHT, LINE = 980, 330, 40, 22


def _page(height: int, title: str, body: List[str]) -> str:
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
                      'font-family="sans-serif" font-size="12">',
                      f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
                      f'<text x="16" y="24" font-size="16">{escape(title)}</text>', *body, "</svg>", ""])


class Scale:
    """Logarithmic, from whole power of ten to whole power of ten."""

    def __init__(self, values: List[float]) -> None:
        positive = [value for value in values if value and value > 0] or [1.0]
        self.low = math.floor(math.log10(min(positive)))
        self.high = max(self.low + 1, math.ceil(math.log10(max(positive))))

    def x(self, value: float) -> float:
        part = (math.log10(max(value, 10 ** self.low)) - self.low) / (self.high - self.low)
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    def axis(self, top: int, bottom: int, unit: str) -> List[str]:
        drawn = []
        for power in range(self.low, self.high + 1):
            x = self.x(10.0 ** power)
            drawn.append(f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}" stroke="#dddddd"/>')
            drawn.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{10.0 ** power:g} {unit}</text>')
        return drawn


def spreads(rows: List[Dict], title: str, unit: str) -> str:
    """One line a row: from min to max, with the median as a dot."""
    rows = [one for one in rows if one["median"] is not None]
    scale = Scale([one[word] for one in rows for word in ("min", "max")])
    top, bottom = 40, 44 + LINE * len(rows)
    body = scale.axis(top, bottom, unit)
    for index, one in enumerate(rows):
        y = top + LINE * index + LINE // 2
        colour = COLOURS.get(one["subject"], "black")
        params = " ".join(f"{value}" for value in one["params"].values())
        body.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">'
                    f'{escape(" ".join((one["measure"], params, one["subject"])))}</text>')
        body.append(f'<line x1="{scale.x(one["min"]):.1f}" y1="{y}" x2="{scale.x(one["max"]):.1f}" y2="{y}" '
                    f'stroke="{colour}" stroke-width="4" stroke-linecap="round" opacity="0.5"/>')
        body.append(f'<circle cx="{scale.x(one["median"]):.1f}" cy="{y}" r="5" fill="{colour}"/>')
    return _page(bottom + 30, title, body)
