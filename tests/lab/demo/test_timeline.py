# SPDX-License-Identifier: MIT
"""The picture shows what was measured, at the place where it was measured."""

import xml.etree.ElementTree as ET

import pytest

from demo import timeline
from demo.gaps import Request
from demo.timeline import Band, Lane, Mark, Panel

MS = 1_000_000
NS = "{http://www.w3.org/2000/svg}"


def panel(**words):
    return Panel(title="(b) stopped", zero_ns=1000 * MS, since_ns=500 * MS, until_ns=1500 * MS, **words)


def svg(*panels):
    return ET.fromstring(timeline.draw("zonevip", "today", list(panels)))


def rects(root, title):
    return [r for r in root.iter(NS + "rect")
            if title in "".join(t.text or "" for t in r.iter(NS + "title"))]


def x_of(share):
    return timeline.LEFT + share * (timeline.WIDTH - timeline.LEFT - timeline.RIGHT)


def test_band_lies_where_its_times_say():
    root = svg(panel(lanes=[Lane("DB_Host1", [Band(500 * MS, 750 * MS, "MASTER"),
                                              Band(750 * MS, 1500 * MS, "FAULT")])]))
    master, fault = rects(root, "MASTER")[0], rects(root, "FAULT")[0]
    assert float(master.get("x")) == pytest.approx(x_of(0), abs=0.1)
    assert float(fault.get("x")) == pytest.approx(x_of(0.25), abs=0.1)
    assert float(fault.get("width")) == pytest.approx(x_of(1) - x_of(0.25), abs=0.1)
    assert fault.get("fill") == timeline.STATE_COLOURS["FAULT"]


def test_gap_is_shaded_over_its_length():
    root = svg(panel(gap=(1000 * MS, 1100 * MS)))
    shade = rects(root, "gap 100.0 ms")[0]
    assert float(shade.get("width")) == pytest.approx(x_of(0.6) - x_of(0.5), abs=0.1)


def test_a_request_is_coloured_by_who_answered_it():
    sent = [Request(600 * MS, 601 * MS, True, "DB_Host1"), Request(700 * MS, 950 * MS, False, "2002"),
            Request(800 * MS, 801 * MS, True, "DB_Host2"), Request(1700 * MS, 1701 * MS, True, "DB_Host2")]
    strokes = [line.get("stroke") for line in svg(panel(requests=sent)).iter(NS + "line")]
    assert strokes.count(timeline.HOST_COLOURS["DB_Host1"]) == 1
    assert strokes.count(timeline.FAILED) == 1
    assert strokes.count(timeline.HOST_COLOURS["DB_Host2"]) == 1  # the one outside is not drawn


def test_text_from_outside_cannot_break_the_picture():
    root = svg(panel(marks=[Mark(1000 * MS, "kill -9 <mysqld> & \"more\"")]))
    assert any(t.text == 'kill -9 <mysqld> & "more"' for t in root.iter(NS + "text"))


def test_axis_counts_from_the_fault():
    texts = [t.text for t in svg(panel()).iter(NS + "text")]
    assert "0 ms" in texts and "-500 ms" in texts and "500 ms" in texts


def test_bands_hold_the_last_word_before_the_window():
    changes = [(100, "BACKUP"), (400, "BACKUP"), (700, "CLAIMING"), (720, "MASTER"), (2000, "FAULT")]
    assert timeline.bands(changes, 500, 1000) == [
        Band(500, 700, "BACKUP"), Band(700, 720, "CLAIMING"), Band(720, 1000, "MASTER")]


def test_bands_of_silence_are_unknown():
    assert timeline.bands([], 0, 10) == [Band(0, 10, "unknown")]


@pytest.mark.parametrize("since, until", [(-0.3, 0.7), (-2.0, 9.0), (-0.01, 0.02), (0.0, 120.0)])
def test_ticks_are_few_and_inside(since, until):
    found = timeline.ticks(since, until)
    assert 4 <= len(found) <= 16
    assert all(since - 1e-6 <= tick <= until + 1e-6 for tick in found)


def test_panels_do_not_overlap():
    root = svg(panel(lanes=[Lane("a", [])]), panel())
    assert float(root.get("height")) >= timeline.LEGEND + panel(lanes=[Lane("a", [])]).height + panel().height
