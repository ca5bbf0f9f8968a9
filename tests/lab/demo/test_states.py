# SPDX-License-Identifier: MIT
"""What the agents' logs say about their states."""

from demo.states import Change, Follower, line_state, transitions

LINE = "<6>event=state instance=MasterDB from=BACKUP to=CLAIMING cause=disclaimed op=3\n"


def test_a_state_line_is_understood():
    assert line_state(LINE, "MasterDB") == ("BACKUP", "CLAIMING", "cause=disclaimed op=3")


def test_another_instance_is_not_ours():
    assert line_state(LINE, "Reports") is None


def test_other_lines_say_nothing():
    assert line_state("(MasterDB) Entering MASTER STATE", "MasterDB") is None
    assert line_state("event=claim_failed instance=MasterDB from=1 to=2", "MasterDB") is None


def test_each_line_is_seen_once_and_half_lines_wait():
    text = [LINE[:30]]
    follower = Follower(lambda: text[0], "MasterDB")
    follower.look(1)
    assert follower.changes == []
    text[0] = LINE
    follower.look(2)
    follower.look(3)
    assert [change.at_ns for change in follower.changes] == [2]


def test_transitions_read_as_a_path():
    path = [Change(1, "BACKUP", "CLAIMING", ""), Change(2, "CLAIMING", "MASTER", "")]
    assert transitions(path) == "BACKUP -> CLAIMING -> MASTER"
    assert transitions([]) == "no change"
