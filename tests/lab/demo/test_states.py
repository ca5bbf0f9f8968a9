# SPDX-License-Identifier: MIT
"""What the agents' logs say about their states."""

import pytest

from demo.states import Change, Follower, Watch, line_state, transitions

LINE = "<6>(MasterDB) Entering CLAIMING STATE from=BACKUP reason=disclaimed term=3 owner=DB_Host1\n"


def test_a_state_line_is_understood():
    assert line_state(LINE, "MasterDB") == ("BACKUP", "CLAIMING", "reason=disclaimed term=3 owner=DB_Host1")


def test_another_instance_is_not_ours():
    assert line_state(LINE, "Reports") is None


def test_other_lines_say_nothing():
    assert line_state("event=reload instance=MasterDB", "MasterDB") is None


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


def test_watch_ends_and_a_log_that_cannot_be_read_is_told():
    watch = Watch({"DB_Host1": lambda: LINE}, "MasterDB", lambda: 7, every_s=0.001)
    watch.start()
    watch.check()
    watch.stop()
    assert not watch.is_alive()
    assert len(watch.followers["DB_Host1"].changes) == 1

    def broken():
        raise OSError("gone")

    watch = Watch({"DB_Host1": broken}, "MasterDB", lambda: 7, every_s=0.001)
    watch.start()
    watch.join(timeout=5)
    with pytest.raises(RuntimeError):
        watch.check()
