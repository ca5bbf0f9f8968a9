# SPDX-License-Identifier: MIT
"""The soak's drawing and its verdict: pure, so told by numbers."""

import random
import xml.etree.ElementTree as tree

from kit import plot, soak
from vpc import DB_HOSTS


def rounds(count, rss=lambda n: 8000, fds=lambda n: 30, pid=lambda n: 7, minutes=6):
    one = lambda n: {"pid": pid(n), "rss_kb": rss(n), "fds": fds(n), "answer_ms": 1.0}  # noqa: E731
    return [{"round": n + 1, "t_s": n * minutes * 60.0, "faults": [], **{name: one(n) for name in DB_HOSTS}} for n in range(count)]


def test_what_stays_as_it_is_does_not_drift():
    assert soak.verdict(rounds(40)) == []
    dice = random.Random(1)
    assert soak.verdict(rounds(40, rss=lambda n: 8000 + dice.randrange(200))) == []
    assert soak.verdict(rounds(40, rss=lambda n: 8000 + min(n, 15) * 300)) == [], "what is allocated once"


def test_memory_and_descriptors_that_grow_are_named():
    assert any("memory grew" in line for line in soak.verdict(rounds(40, rss=lambda n: 8000 + 100 * n)))
    assert any("an hour" in line for line in soak.verdict(rounds(40, rss=lambda n: 8000 + 130 * n)))
    assert any("descriptors" in line for line in soak.verdict(rounds(40, fds=lambda n: 30 + n)))
    assert any("started anew" in line for line in soak.verdict(rounds(40, pid=lambda n: 7 + n // 20)))


def test_a_round_without_an_owner_is_a_failure():
    lines = rounds(10)
    lines[4] = {"round": 5, "t_s": 100.0, "faults": ["x"], "problem": "no owner"}
    assert soak.verdict(lines) == ["round 5: no owner"]


def test_the_drawing_is_xml_with_a_line_for_each_host_in_each_panel():
    root = tree.fromstring(soak.panels(rounds(10)))
    assert len(root.findall("{http://www.w3.org/2000/svg}polyline")) == 3 * len(DB_HOSTS)
    assert tree.fromstring(plot.panels([("a & b", [("<x>", [])])], "s")) is not None
