# SPDX-License-Identifier: MIT
"""Rows, the floor's sum, bounds and ratios; pictures are well-formed."""

import xml.etree.ElementTree

from bench import plots, report


def sample(ours=20.0):
    rows = [report.row(f"floor.{part}", "floor", "ms", [value]) for part, value in
            (("udp", 0.1), ("address", 0.1), ("route_accepted", 1.0), ("eof_kill9", 7.0))]
    return rows + [report.row("mysqld_kill9.route_accepted", "zonevip", "ms", [ours]),
                   report.row("mysqld_kill9.route_accepted", "aws-vpc-move-ip", "ms", [5000.0])]


def bound(rows, words):
    return next(one for one in report.bounds(rows) if words in one["bound"])


def test_a_row_has_min_median_and_max_of_what_was_seen_and_counts_what_was_not():
    row = report.row("m", "s", "ms", [3.0, None, 1.0, 10.0], tables=4)
    assert (row["n"], row["lost"], row["min"], row["median"], row["max"]) == (3, 1, 1.0, 3.0, 10.0)
    assert row["params"] == {"tables": 4}


def test_a_row_in_which_nothing_was_seen_has_no_figures():
    row = report.row("m", "s", "ms", [None])
    assert (row["n"], row["median"]) == (0, None)


def test_the_floor_of_a_crash_has_the_end_of_the_session_in_it_and_that_of_a_switchover_not():
    assert abs(report.floor_of(sample(), "mysqld_kill9") - 8.2) < 1e-9
    assert abs(report.floor_of(sample(), "switchover") - 1.2) < 1e-9
    assert report.floor_of(sample()[1:], "switchover") is None


def test_a_fail_over_above_one_and_a_half_floors_and_3_ms_does_not_hold():
    assert bound(sample(15.2), "floor")["held"]
    assert not bound(sample(15.4), "floor")["held"]


def test_a_ratio_is_theirs_by_ours():
    assert bound(sample(25.0), "aws-vpc-move-ip")["held"]
    assert not bound(sample(25.1), "aws-vpc-move-ip")["held"]


def test_loss_above_20_percent_is_shown_and_not_judged():
    rows = [report.row("false_takeovers", "zonevip", "", [1.0], loss_percent=percent) for percent in (20, 30)]
    assert [one["held"] for one in report.bounds(rows)] == [False]


def test_what_was_not_measured_has_no_bound():
    assert report.bounds([]) == []


def test_the_table_shows_every_row_and_every_bound():
    rows = sample()
    text = report.table(rows, report.bounds(rows))
    assert all(one["measure"] in text for one in rows)
    assert text.count("yes") + text.count("NO") == len(report.bounds(rows))


def test_a_picture_is_xml_and_has_a_dot_for_every_row_that_was_seen():
    drawn = plots.spreads(sample() + [report.row("m", "zonevip", "ms", [None])], "a < b", "ms")
    root = xml.etree.ElementTree.fromstring(drawn)
    assert len(root.findall("{http://www.w3.org/2000/svg}circle")) == len(sample())
