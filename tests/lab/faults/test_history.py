# SPDX-License-Identifier: MIT
"""The judge of the fault matrix: one who counts wrong would make a bad agent look good."""

import random

from faults.bounds import Bounds
from faults.history import Event, World, events, judge

A, B = "hostA", "hostB"
TABLES = ("t1", "t2")
VIP, PARAMETER = "10.1.5.5", "Owner"
S = 1_000_000_000
COPY = (32, "eth0", "eth0:1")


def address(t, host, present, copy=COPY):
    return Event(int(t * S), "address", host, (copy, present))


def route(t, table, host):
    return Event(int(t * S), "route", None, (table, host))


def routes(t, host):
    return [route(t, table, host) for table in TABLES]


def owner(t, host):
    return Event(int(t * S), "owner", None, host)


def runs(t, host, value=True):
    return Event(int(t * S), "daemon", host, value)


def still(t, host, service, value):
    return Event(int(t * S), "still", host, (service, value))


STEADY = [runs(0, A), runs(0, B), address(0, A, True), *routes(0, A), owner(0, A)]


def figures(*more, since=1, until=10, hosts=(A, B), tables=TABLES, **words):
    happened = sorted([*STEADY, *more], key=lambda event: event.t_ns)
    return judge(happened, World(hosts, tables, **words), int(since * S), int(until * S))


def seconds(*more, **words):
    return figures(*more, **words).seconds


def test_while_one_host_has_all_three_every_figure_is_zero():
    got = figures()
    assert (got.out_ns, got.dual_ns, got.mis_ns, got.writes, got.last_ns) == (0, 0, 0, 0, 0)


def test_without_the_address_nobody_is_master_and_the_route_leads_astray():
    assert seconds(address(3, A, False), address(5, A, True)) == {"out": 2, "dual": 0, "mis": 2}


def test_one_table_that_names_another_is_no_master_and_misleads():
    assert seconds(route(3, "t2", B), route(4, "t2", A)) == {"out": 1, "dual": 0, "mis": 1}


def test_a_route_that_is_gone_is_an_outage_but_leads_nobody_astray():
    assert seconds(route(3, "t1", None), route(4, "t1", A)) == {"out": 1, "dual": 0, "mis": 0}


def test_the_parameter_must_name_the_master_where_there_is_one():
    moved = owner(3, B), owner(4, A)
    assert seconds(*moved)["out"] == 1
    assert seconds(*moved, with_parameter=False)["out"] == 0


def test_the_address_on_both_is_dual_while_both_daemons_run():
    both = address(3, B, True), address(6, A, False)
    assert seconds(*both)["dual"] == 3
    assert seconds(*both, runs(4, A, False))["dual"] == 1
    assert seconds(*both, still(4, A, "zonevipd", True), still(5, A, "zonevipd", False))["dual"] == 2
    assert seconds(*both, still(4, A, "mysqld", True))["dual"] == 3, "its database says nothing about the daemon"


def test_a_second_copy_of_the_address_on_one_host_is_one_holder():
    other = (24, "eth0", "")
    assert seconds(address(3, A, True, other), address(4, A, False))["out"] == 0
    assert seconds(address(3, A, True, other), address(4, A, False), address(5, A, False, other))["out"] == 5


def test_a_route_to_a_dead_or_stopped_database_is_mis_and_no_outage():
    down, up = Event(3 * S, "database", A, False), Event(5 * S, "database", A, True)
    assert seconds(down, up) == {"out": 0, "dual": 0, "mis": 2}
    assert seconds(still(3, A, "mysqld", True), still(4, A, "mysqld", False))["mis"] == 1
    assert seconds(Event(3 * S, "database", B, False))["mis"] == 0, "nobody is sent there"


def test_what_was_before_and_after_the_window_is_not_counted():
    gone = address(0.5, A, False), address(2, A, True), address(9, A, False)
    assert seconds(*gone, since=1, until=10)["out"] == 2
    assert seconds(*gone, since=3, until=9)["out"] == 0
    calls = [Event(int(t * S), "write", B, "ReplaceRoute") for t in (0.9, 1, 9.9, 10)]
    assert figures(*calls).writes == 2


def test_thaw_and_heal_let_everything_go_on():
    frozen = still(3, A, "zonevipd", True), still(3, A, "mysqld", True), address(3, B, True)
    assert seconds(*frozen)["mis"] == 7
    assert seconds(*frozen, still(4, A, "*", False)) == {"out": 0, "dual": 6, "mis": 1}
    assert seconds(*frozen, still(4, B, "*", False))["mis"] == 7, "the other host's"
    assert seconds(*frozen, Event(4 * S, "still", None, ("*", False)))["dual"] == 6


def test_the_last_bad_moment_is_told():
    assert figures(address(3, A, False), address(5, A, True), address(6, A, False), address(6.5, A, True)).last_ns == 5.5 * S


def test_a_dual_below_what_the_recorder_can_tell_is_none():
    got = figures(address(3, B, True), address(3.001, A, False))
    assert got.dual_ns == S // 1000 and got.seconds["dual"] == 0
    assert figures(address(3, B, True), address(3.002, A, False)).seconds["dual"] == 0.002


def test_the_figures_are_what_a_slow_count_by_the_millisecond_finds():
    """Against a second way to count, on a hundred random stories."""
    for seed in range(100):
        draw = random.Random(seed)
        story = []
        for _ in range(30):
            t, host = draw.randrange(0, 200) / 100, draw.choice((A, B))
            story.append(draw.choice([
                address(t, host, draw.random() < 0.5), route(t, draw.choice(TABLES), draw.choice((A, B, None))), owner(t, host),
                runs(t, host, draw.random() < 0.7), still(t, host, draw.choice(("zonevipd", "mysqld")), draw.random() < 0.5),
                Event(int(t * S), "database", host, draw.random() < 0.5)]))
        story = sorted([*STEADY, *story], key=lambda event: event.t_ns)
        got = judge(story, World((A, B), TABLES), S // 2, 2 * S)
        slow = {"out": 0, "dual": 0, "mis": 0}
        for at in range(S // 2, 2 * S, S // 100):
            world = World((A, B), TABLES)
            for event in story:
                if event.t_ns <= at:
                    world.take(event)
            for name in slow:
                slow[name] += getattr(world, name)() * (S // 100)
        assert (got.out_ns, got.dual_ns, got.mis_ns) == tuple(slow.values()), seed


# --- from the files ----------------------------------------------------------------------------------


def line(t_ns, event, host, **facts):
    return {"t_ns": t_ns, "event": event, "host": host, **facts}


def call(t_ns, action, executed=True, late=0, **params):
    return {"t_ns": t_ns, "action": action, "host": A, "params": params, "executed": executed, "t_executed_ns": t_ns + late}


def read(history=(), calls=()):
    return events(history, calls, VIP, PARAMETER)


def test_other_addresses_routes_and_parameters_are_nobodys_business():
    at = {"prefix": 32, "dev": "eth0", "label": "eth0:1", "present": True}
    assert read([line(1, "address", A, address="10.0.0.1", **at), line(2, "route", None, table="t1", destination="10.9.9.9/32", target=A)],
                [call(3, "PutParameter", Name="Touch", Value="x"), call(4, "DescribeRouteTables"),
                 call(5, "ReplaceRoute", DestinationCidrBlock="10.9.9.9/32"),
                 call(6, "ReplaceRoute", DestinationCidrBlock="10.1.5.5/32", DryRun=True)]) == []
    assert [event.kind for event in read([line(1, "address", A, address=VIP, **at)])] == ["address"]


def test_a_write_counts_when_it_arrives_and_a_put_when_it_is_carried_out():
    got = read(calls=[call(5, "ReplaceRoute", executed=False, DestinationCidrBlock="10.1.5.5/32"),
                      call(6, "PutParameter", late=3, Name=PARAMETER, Value=B), call(7, "PutParameter", False, Name=PARAMETER, Value=A)])
    assert [(event.t_ns, event.kind, event.value) for event in got] == [(5, "write", "ReplaceRoute"), (9, "owner", B)]


def test_an_operators_parameter_and_route_are_seen_too():
    got = read([line(1, "fault", None, what="set-parameter", arguments={"name": PARAMETER, "value": None}),
                line(1, "fault", None, what="set-parameter", arguments={"name": "Touch", "value": "x"}),
                line(2, "route", None, table="t1", destination="10.1.5.5/32", target="web")])
    assert [(event.kind, event.value) for event in got] == [("owner", None), ("route", ("t1", "web"))]


def test_processes_start_stop_stand_still_and_go_on():
    def process(t_ns, service, what):
        return line(t_ns, "process", A, service=service, what=what)

    def fault(t_ns, what, **arguments):
        return line(t_ns, "fault", None, what=what, arguments=arguments)

    got = read([process(1, "zonevipd", "started"), process(2, "zonevipd", "ready"), process(3, "zonevipd", "exited"),
                process(4, "mysqld", "started"), process(5, "mysqld", "ready"), process(6, "mysqld", "stopping"),
                fault(7, "signal", host=A, service="zonevipd", signal="STOP"), fault(8, "signal", host=A, service="zonevipd", signal="HUP"),
                fault(9, "freeze", host=A, services=["mysqld"]), fault(10, "thaw", host=A), fault(11, "heal")])
    assert [(event.t_ns, event.kind, event.host, event.value) for event in got] == [
        (1, "daemon", A, True), (3, "daemon", A, False), (3, "still", A, ("zonevipd", False)),
        (5, "database", A, True), (6, "database", A, False), (7, "still", A, ("zonevipd", True)),
        (9, "still", A, ("mysqld", True)), (10, "still", A, ("*", False)), (11, "still", None, ("*", False))]


def test_lines_under_one_stamp_keep_their_order():
    at = {"prefix": 32, "dev": "eth0", "label": "eth0:1", "address": VIP}
    got = read([line(1, "address", A, present=present, **at) for present in (True, False, True)])
    assert [event.value[1] for event in got] == [True, False, True]


# --- what a row allows -------------------------------------------------------------------------------


def found(**seen):
    return {"out": 0.0, "dual": 0.0, "mis": 0.0, "writes": 0, **seen}


def test_what_is_not_named_must_be_nothing_whatever_the_margin():
    quiet = Bounds(1)
    assert quiet.broken(found(), 0) == []
    for name in ("out", "dual", "mis"):
        assert quiet.broken(found(**{name: 0.01}), 3) == [f"{name.upper()} 0.010 s, bound 0 s"]
    assert quiet.broken(found(writes=1), 3) == ["RW 1, bound 0"]


def test_the_margin_is_for_what_may_take_time_and_mis_may_last_as_long_as_out():
    moves = Bounds(1, out=2, writes=2)
    assert moves.broken(found(out=2, mis=2, writes=2), 0) == []
    assert moves.broken(found(out=2.5), 0) and not moves.broken(found(out=2.5), 1)
    assert moves.broken(found(mis=2.5), 0) and not moves.broken(found(mis=2.5), 1)
    assert moves.broken(found(writes=3), 9) and moves.broken(found(dual=0.1), 9)
    assert Bounds(1, out=2, mis=0).broken(found(mis=0.1), 9)
