# SPDX-License-Identifier: MIT
"""A step is green only if every run held and the figures are within the bar."""

from demo.report import Bar, Run, Step, document, table


def run(gap, **words):
    return Run("DB_Host1", "DB_Host2", 2, gap_ms=gap, **words)


def step(bar, *runs):
    return Step("b", "mysqld stopped", bar, 1, list(runs))


def test_median_decides_not_the_longest():
    assert step(Bar(median_ms=60), run(10.0), run(20.0), run(500.0)).ok
    assert not step(Bar(median_ms=60), run(10.0), run(70.0), run(500.0)).ok


def test_bar_itself_is_allowed():
    assert step(Bar(median_ms=60), run(60.0)).ok
    assert step(Bar(max_ms=5500), run(5500.0)).ok
    assert not step(Bar(max_ms=5500), run(5500.1)).ok


def test_no_gap_means_none_at_all():
    assert step(Bar(max_ms=0), run(0.0)).ok
    assert not step(Bar(max_ms=0), run(0.0), run(20.0)).ok


def test_one_broken_promise_in_one_run_is_enough():
    assert not step(Bar(median_ms=60), run(10.0), run(10.0, broken=["owner is DB_Host1"])).ok


def test_service_that_never_came_back_is_not_a_short_gap():
    bad = step(Bar(median_ms=60), run(10.0), run(None))
    assert not bad.ok
    assert bad.gap["n"] == 1


def test_a_step_that_was_not_played_did_not_hold():
    assert not step(Bar(max_ms=0)).ok
    assert not step(None).ok


def test_a_step_without_clients_has_no_figures():
    bare = step(None, run(0.0))
    assert bare.ok and bare.gap["n"] == 0


def test_report_has_the_agreed_form():
    held = step(Bar(median_ms=60), run(10.0), run(30.0))
    report = document([held], {"commit": "c", "when": "w", "host": {"kernel": "k", "cores": 2}})
    assert report["version"] == 1 and report["ok"] is True
    row = report["steps"][0]
    assert {"id": "b", "name": "mysqld stopped", "ok": True, "owner_before": "DB_Host1",
            "owner_after": "DB_Host2", "route_writes": 2}.items() <= row.items()
    assert row["gap_ms"] == {"n": 2, "min": 10.0, "median": 20.0, "max": 30.0}


def test_report_is_red_when_one_step_is():
    assert document([step(None, run(1.0)), step(Bar(max_ms=0), run(1.0))], {})["ok"] is False


def test_table_names_what_did_not_hold():
    text = table([step(Bar(max_ms=0), run(0.0)), step(Bar(max_ms=0), run(20.0))])
    assert text.splitlines()[-2].endswith("yes") and text.splitlines()[-1].endswith("NO")


def test_disturbed_runs_are_told_and_end_somewhere():
    bad = step(Bar(median_ms=60))
    for _ in range(4):
        assert bad.wants
        assert not bad.book(run(1000.0, late=3))
    assert not bad.wants and not bad.ok
    assert len(document([bad], {})["steps"][0]["disturbed"]) == 4


def test_fewer_runs_than_wanted_do_not_hold():
    few = Step("b", "mysqld stopped", Bar(median_ms=60), 2, [run(10.0)])
    assert few.wants and not few.ok
    few.book(run(10.0, late=2))
    assert few.ok
