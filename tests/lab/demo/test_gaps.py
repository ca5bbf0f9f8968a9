# SPDX-License-Identifier: MIT
"""The arithmetic of gaps: a wrong one would make a bad agent look good."""

import pytest

from demo import gaps

MS = 1_000_000


def lines(pattern, start_ms=1000, every_ms=10):
    """'1' answered by DB_Host1, '2' by DB_Host2, 'x' refused after 1 ms, 't' no answer in time,
    '.' nothing sent: one character per period."""
    out = []
    for i, c in enumerate(pattern):
        sent = (start_ms + i * every_ms) * MS
        if c in "12":
            out.append(f"{sent}\t{sent + MS}\tok\tDB_Host{c}\n")
        elif c in "xt":
            out.append(f"{sent}\t{sent + (MS if c == 'x' else 250 * MS)}\tfail\t2002 no\n")
    return out


def trace(pattern, **words):
    return gaps.parse(lines(pattern, **words))


def only(pattern):
    found = gaps.outages(trace(pattern).requests)
    assert len(found) == 1
    return found[0]


def test_gap_is_from_last_good_send_to_first_good_send():
    outage = only("111xxx222")
    assert outage.gap_ms == 40.0
    assert outage.failed == 3
    assert outage.last_good.text == "DB_Host1"
    assert outage.first_good.text == "DB_Host2"


def test_no_failure_is_no_outage():
    assert gaps.outages(trace("1112222").requests) == []


def test_one_lucky_answer_does_not_end_an_outage():
    outage = only("11xxx2xxx222")
    assert outage.gap_ms == 80.0
    assert outage.failed == 6


def test_failures_far_apart_are_two_outages():
    found = gaps.outages(trace("11x" + "2" * 15 + "x22").requests)
    assert [o.gap_ms for o in found] == [20.0, 20.0]


def test_an_outage_that_never_ends_has_no_gap():
    outage = only("111xxxx")
    assert outage.gap_ms is None
    assert outage.first_good is None


def test_an_outage_whose_begin_was_not_seen_has_no_gap():
    assert only("xx222").gap_ms is None


def test_order_is_by_sending_not_by_answer():
    # The request at 1020 ms is written last, because its failure took 250 ms.
    text = lines("11t222")
    outage = gaps.outages(gaps.parse(text[:2] + text[3:] + [text[2]]).requests)[0]
    assert outage.gap_ms == 20.0


def test_time_in_which_the_loop_sent_nothing_counts_against_the_agent():
    assert only("11x...2").gap_ms == 50.0


def test_window_takes_a_request_that_was_in_flight_at_the_fault():
    found = gaps.outages_within(trace("111t1" + "2" * 20), 1040 * MS, 1200 * MS)
    assert len(found) == 1


def test_window_leaves_out_what_ended_before_it():
    assert gaps.outages_within(trace("11x" + "1" * 50), 1300 * MS, 1500 * MS) == []
    assert gaps.within(trace("1" * 50), 1300 * MS, 1310 * MS)[0].sent_ns == 1300 * MS


def test_half_a_line_at_the_end_is_left_for_later():
    text = lines("11")
    assert len(gaps.parse(text + ["103000000\t10"]).requests) == 2


def test_a_foreign_line_is_an_error_not_a_silence():
    with pytest.raises(ValueError):
        gaps.parse(["1\t2\tmaybe\tx\n"])


def test_own_lateness_is_kept():
    assert gaps.parse(["# skipped 7 123\n", "# end sent=1\n"]).late == [(123, 7)]


def test_widest_spacing_is_between_good_requests():
    assert gaps.widest_ms(trace("11x1..1").requests) == 30.0
    assert gaps.widest_ms([]) == 0.0


def test_spread_is_min_median_max():
    assert gaps.spread([30.04, 10, 20]) == {"n": 3, "min": 10, "median": 20, "max": 30.0}
    assert gaps.spread([])["median"] is None


def test_a_move_without_failures_takes_one_period():
    assert gaps.handover_ms(trace("111222").requests, 1030 * MS, "DB_Host2") == 10.0
    assert gaps.handover_ms(trace("11.222").requests, 1025 * MS, "DB_Host2") == 20.0


def test_a_move_of_long_ago_is_not_this_one():
    assert gaps.handover_ms(trace("122222111.2").requests, 1050 * MS, "DB_Host2") == 20.0


def test_a_move_that_did_not_happen_takes_no_time():
    assert gaps.handover_ms(trace("111111").requests, 0, "DB_Host2") is None
    assert gaps.handover_ms(trace("222").requests, 0, "DB_Host2") is None
