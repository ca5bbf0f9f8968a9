# SPDX-License-Identifier: MIT
"""The lab's network, its faults, and how it comes and goes."""

import ipaddress
import os
import signal
import subprocess
import time

import pytest
from labtools import HERE, inside

from vpc import DB_HOSTS, TABLES, VIP, Lab, LabError, freezer, lifecycle, now_ns
from vpc.layout import BY_NAME, HOSTS, SUBNETS, TABLE_OF

TOOL = os.path.join(os.path.dirname(os.path.dirname(HERE)), "scripts", "lab")
ALIAS = ["ip", "addr", "add", VIP + "/32", "dev", "eth0", "label", "eth0:1"]


def tcp(lab, host, address, port=3306, timeout=0.4):
    return inside(lab.host(host), "tcp", address=address, port=port, timeout=timeout)["result"]


def udp(lab, sender, receiver, count=1000, port=7112, to=None, source="0.0.0.0"):
    """How many of count packets arrive: unlike TCP, this shows one direction."""
    ready = f"{lab.dir}/udp-ready"
    listener = lab.host(receiver).popen(
        ["/usr/bin/python3", f"{HERE}/inside.py", "udp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    listener.stdin.write('{"listen": %d, "seconds": 0.6, "ready": "/run/lab/udp-ready"}' % port)
    listener.stdin.close()
    lab.wait_for(lambda: os.path.exists(ready), 5, "the listener")
    inside(lab.host(sender), "udp", to=to or lab.host(receiver).address, port=port, count=count, source=source)
    got = int(listener.stdout.read().split(":")[1].strip(" }\n"))
    listener.wait(5)
    listener.stdout.close()
    return got


def server(lab, host, address=VIP):
    """Name of the host whose mysqld answers at the address, asked from a web host."""
    asked = lab.host(host).exec(["mariadb", "--no-defaults", "-h", address, "-u", "webapp", "-pplay-ball-30", "-BN",
                                 "--connect-timeout=2", "-e", "SELECT @@hostname, COUNT(*) FROM mlb.teams"])
    name, teams = asked.stdout.split()
    assert teams == "30"
    return name


# --- the network ---


def test_four_subnets_in_two_zones_and_hosts_that_know_their_names(lab):
    assert [(subnet.cidr, subnet.zone[-1]) for subnet in SUBNETS] == [
        ("10.0.1.0/24", "a"), ("10.0.2.0/24", "a"), ("10.0.3.0/24", "b"), ("10.0.4.0/24", "b")]
    assert len(set(TABLE_OF.values())) == 2 and TABLE_OF["DB_Host1"] == TABLE_OF["DB_Host2"]
    for spec in HOSTS:
        host = lab.host(spec.name)
        assert host.exec(["hostname"]).stdout == spec.name + "\n"
        show = host.exec(["ip", "-br", "addr", "show", "eth0"]).stdout.split()
        assert show[1] == "UP" and f"{spec.address}/24" in show
        assert open(host.path("/sys/class/net/eth0/address")).read().strip() != ""
        assert ("10.1.5.5 DB_Host" in open(host.path("/etc/hosts")).read()) == (not spec.database)
        for name, value in (("ip_forward", "0"), ("conf/eth0/rp_filter", "0"), ("conf/all/rp_filter", "0")):
            assert host.exec(["cat", "/proc/sys/net/ipv4/" + name]).stdout.strip() == value


def test_every_host_reaches_every_database_through_the_router(lab):
    for spec in HOSTS:
        for name in DB_HOSTS:
            if spec.name != name:
                assert tcp(lab, spec.name, BY_NAME[name].address) == "ok"


def test_who_nobody_is_answers_with_silence(lab):
    for address in (VIP, "10.0.2.99", "10.0.9.9", "198.51.100.7"):
        assert tcp(lab, "web_host1", address) == "TimeoutError", address


def test_the_route_decides_who_answers_at_the_vip_and_each_table_by_itself(lab):
    for name in DB_HOSTS:
        lab.host(name).exec(ALIAS)
    lab.set_route("DB_Host1")
    assert [server(lab, "web_host1"), server(lab, "web_host2")] == ["DB_Host1", "DB_Host1"]
    lab.set_route("DB_Host2")
    assert [server(lab, "web_host1"), server(lab, "web_host2")] == ["DB_Host2", "DB_Host2"]
    lab.set_route("DB_Host1", table=TABLE_OF["DB_Host1"])
    assert server(lab, "web_host1") == "DB_Host2"
    assert lab.routes() == {TABLES[0]: "DB_Host2", TABLES[1]: "DB_Host1"}
    lab.set_route(None)
    assert tcp(lab, "web_host1", VIP) == "TimeoutError"


def test_a_route_to_a_host_without_the_alias_is_silent(lab):
    lab.set_route("DB_Host1")
    assert tcp(lab, "web_host1", VIP) == "TimeoutError"


def test_source_destination_check_drops_the_vips_packets_both_ways(lab):
    lab.host("DB_Host1").exec(ALIAS)
    lab.set_route("DB_Host1")
    to_vip = {"sender": "web_host1", "receiver": "DB_Host1", "to": VIP}
    from_vip = {"sender": "DB_Host1", "receiver": "DB_Host2", "source": VIP}
    for on, result, arrive in ((False, "ok", 20), (True, "TimeoutError", 0)):
        lab.sdcheck("DB_Host1", on)
        assert tcp(lab, "web_host1", VIP) == result
        assert udp(lab, **to_vip, count=20) == arrive
        assert udp(lab, **from_vip, count=20) == arrive
        assert tcp(lab, "web_host1", "10.0.2.10") == "ok"


def test_the_check_set_at_aws_is_the_check_of_the_router(lab):
    lab.host("DB_Host1").exec(ALIAS)
    lab.set_route("DB_Host1")
    keys = dict(zip(("key", "secret"), lab.operator))
    for on, result in ((True, "TimeoutError"), (False, "ok")):
        modify = ("ec2", "modify_network_interface_attribute",
                  {"NetworkInterfaceId": BY_NAME["DB_Host1"].eni, "SourceDestCheck": {"Value": on}})
        assert inside(lab.host("DB_Host1"), "boto", calls=[modify], **keys)[0]["ok"]
        assert tcp(lab, "web_host1", VIP) == result
        assert lab.summary()["source_dest_check"]["DB_Host1"] is on


def test_a_cut_host_is_silent_and_hears_nothing_and_heals(lab):
    lab.cut("DB_Host1")
    assert tcp(lab, "web_host1", "10.0.2.10") == "TimeoutError"
    assert tcp(lab, "DB_Host1", "10.0.4.10") == "TimeoutError"
    assert tcp(lab, "DB_Host1", "203.0.113.10", 443) == "TimeoutError"
    assert [udp(lab, *pair, count=20) for pair in (DB_HOSTS, DB_HOSTS[::-1])] == [0, 0]
    imds = lab.host("DB_Host1").exec(["/usr/bin/python3", "-c", "import socket; "
                                      "socket.create_connection(('169.254.169.254', 80), 1); print('ok')"])
    assert imds.stdout == "ok\n" and lab.host("DB_Host1").mysql("SELECT 1") == [["1"]]
    assert tcp(lab, "web_host1", "10.0.4.10") == "ok"
    lab.heal()
    assert tcp(lab, "web_host1", "10.0.2.10") == "ok"


def test_a_one_way_cut_and_loss_hit_what_they_name(lab):
    lab.cut("DB_Host1", "DB_Host2", oneway=True)
    assert udp(lab, "DB_Host1", "DB_Host2") == 0
    assert udp(lab, "DB_Host2", "DB_Host1") == 1000
    assert tcp(lab, "web_host1", "10.0.2.10") == "ok"
    lab.heal()
    lab.loss(30)
    assert 600 < udp(lab, "DB_Host1", "DB_Host2") < 800
    assert 600 < udp(lab, "DB_Host2", "DB_Host1") < 800
    lab.loss(100, port=7112)
    lab.loss(0)
    assert udp(lab, "DB_Host1", "DB_Host2") == 0
    assert udp(lab, "DB_Host1", "DB_Host2", port=7113) == 1000
    lab.loss(0, port=7112)
    assert lab.faults() == [] and udp(lab, "DB_Host1", "DB_Host2") == 1000


def test_cut_from_aws_leaves_the_peer(lab):
    lab.cut("DB_Host2", "aws")
    assert tcp(lab, "DB_Host2", "203.0.113.10", 443) == "TimeoutError"
    assert tcp(lab, "DB_Host2", "10.0.2.10") == "ok"


def test_a_hanging_resolver_never_answers_and_otherwise_names_fail_fast(lab):
    host = lab.host("DB_Host1")
    resolve = ["/usr/bin/python3", "-c", "import socket, time; t = time.monotonic()\ntry:\n"
               " print(socket.gethostbyname('ec2.us-east-1.amazonaws.com'))\nexcept OSError: print('failed')\n"
               "print(time.monotonic() - t)"]
    assert host.exec(resolve).stdout.split()[0] == "203.0.113.10"
    host.dns("hang")
    with pytest.raises(subprocess.TimeoutExpired):
        host.exec(resolve, timeout=1.5)
    assert {"kind": "dns", "what": "hang on DB_Host1"} in lab.faults()
    lab.heal()
    assert host.exec(resolve).stdout.split()[0] == "203.0.113.10"
    unknown = [word.replace("ec2.", "nobody.") for word in resolve]
    said, seconds = host.exec(unknown).stdout.split()
    assert said == "failed" and float(seconds) < 1


def test_unknown_hosts_are_refused(lab):
    for wrong in (lambda: lab.host("DB_Host9"), lambda: lab.cut("DB_Host9"), lambda: lab.sdcheck("x", True),
                  lambda: lab.loss(5, "DB_Host1", "x"), lambda: lab.loss(101), lambda: lab.set_route("x"),
                  lambda: lab.host("web_host1").mysql_stop(), lambda: lab.host("web_host1").imds("off")):
        with pytest.raises(LabError):
            wrong()


# --- the witness ---


def test_history_has_every_change_of_address_and_route_with_its_time(lab):
    since = now_ns()
    lab.host("DB_Host1").exec(ALIAS)
    assert lab.holders() == ["DB_Host1"]
    lab.set_route("DB_Host1")
    lab.host("DB_Host1").exec(["ip", "addr", "del", VIP + "/32", "dev", "eth0"])
    assert lab.holders() == []
    until = now_ns()
    events = lab.history(since=since, event="address")
    assert [(event["host"], event["address"], event["label"], event["present"]) for event in events] == [
        ("DB_Host1", VIP, "eth0:1", True), ("DB_Host1", VIP, "eth0:1", False)]
    assert since < events[0]["t_ns"] < events[1]["t_ns"] < until
    assert {(event["table"], event["target"]) for event in lab.history(since=since, event="route")} == {
        (table, "DB_Host1") for table in TABLES}


def test_owner_is_who_has_routes_parameter_and_alias(lab):
    lab.set_route("DB_Host2")
    lab.set_parameter("DB_Host2")
    assert lab.owner() is None
    lab.host("DB_Host2").exec(ALIAS)
    lab.wait_owner("DB_Host2", 1)
    lab.set_route("DB_Host1", table=TABLES[0])
    with pytest.raises(LabError, match="waited 0.1 s in vain for DB_Host2"):
        lab.wait_owner("DB_Host2", 0.1)


# --- files and isolation ---


def test_the_machines_own_files_and_network_stay_as_they_are(lab):
    for path in ("/etc/zonevip", "/run/zonevip", "/var/lib/zonevip", "/run/netns/router", "/usr/local/sbin/zonevipd"):
        assert os.path.exists(path) == (path in EXISTED_BEFORE), path
    assert "DB_Host" not in open("/etc/hosts").read()
    links = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout
    assert "DB_Host" not in links and "router" not in links
    assert lab.dir not in open("/proc/self/mountinfo").read()


EXISTED_BEFORE = {path for path in ("/etc/zonevip", "/run/zonevip", "/var/lib/zonevip", "/usr/local/sbin/zonevipd")
                  if os.path.exists(path)}


def test_both_hosts_have_one_configuration_and_one_key_and_only_the_daemon_reads_it(lab):
    uid = lab.uid("zonevip")
    found = []
    for name in DB_HOSTS:
        root = lab.host(name).root
        key, conf = root + "/etc/zonevip/heartbeat.key", root + "/etc/zonevip/zonevip.conf"
        status, conf_status = os.stat(key), os.stat(conf)
        assert (status.st_mode & 0o7777, status.st_uid, status.st_size) == (0o400, uid, 32)
        assert (conf_status.st_mode & 0o7777, conf_status.st_uid, conf_status.st_gid) == (0o640, 0, uid)
        found.append((open(key, "rb").read(), open(conf).read()))
    assert found[0] == found[1] and found[0][1] == lab.conf_text()
    assert lab.host("DB_Host1").exec(["cat", "/etc/zonevip/heartbeat.key"], user="zonevip-script",
                                     check=False).returncode != 0
    lab.install_key(b"x" * 32, "DB_Host1")
    assert open(lab.host("DB_Host1").root + "/etc/zonevip/heartbeat.key", "rb").read() == b"x" * 32
    lab.install_key(found[0][0])
    lab.install_conf(lab.conf_text(heartbeat={"profile": "fast"}), "DB_Host2")
    texts = [open(lab.host(name).root + "/etc/zonevip/zonevip.conf").read() for name in DB_HOSTS]
    assert ["profile fast" in text for text in texts] == [False, True]
    lab.install_conf(lab.conf_text())


def test_the_daemons_user_logs_in_to_mysql_by_its_socket_and_may_not_read_the_data(lab):
    login = ["mariadb", "--no-defaults", "-S", "/run/mysqld/mysqld.sock", "-u", "zonevip", "-BN", "-e"]
    host = lab.host("DB_Host1")
    assert host.exec([*login, "SELECT CURRENT_USER()"], user="zonevip").stdout == "zonevip@localhost\n"
    grants = host.exec([*login, "SHOW GRANTS"], user="zonevip").stdout
    assert "READ_ONLY ADMIN" in grants and "SUPER" not in grants and "ALL PRIVILEGES" not in grants
    assert "denied" in host.exec([*login, "SELECT * FROM mlb.teams"], user="zonevip", check=False).stderr
    assert "denied" in host.exec([*login, "SELECT 1"], user="zonevip-script", check=False).stderr


def test_exec_passes_input_status_and_ends_with_its_caller(lab):
    host = lab.host("web_host1")
    assert host.exec(["cat"], input="through\n").stdout == "through\n"
    assert host.exec(["sh", "-c", "exit 7"], check=False).returncode == 7
    with pytest.raises(LabError, match="exit 3: no"):
        host.exec(["sh", "-c", "echo no >&2; exit 3"])
    process = host.popen(["sleep", "987"])
    lab.wait_for(lambda: "sleep 987" in host.exec(["ps", "ax", "-o", "args"]).stdout, 3, "the sleeper")
    process.kill()
    process.wait()
    lab.wait_for(lambda: "sleep 987" not in host.exec(["ps", "ax", "-o", "args"]).stdout, 3, "its end")


# --- coming and going ---


def gone(lab_dir):
    """Nothing of the lab is left on the machine but perhaps its directory."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline") as cmdline, open(f"/proc/{name}/mountinfo") as mounts:
                if lab_dir in cmdline.read() or lab_dir in mounts.read():
                    return False
        except OSError:
            continue
    groups = [path for root, _ in freezer._roots() for path in os.listdir(root)]
    return not [name for name in groups if name.startswith(freezer.prefix(lab_dir))]


def inner_pids(lab):
    return lifecycle._descendants(lifecycle._keeper_pid(lab.dir))


def test_two_labs_side_by_side_do_not_see_each_other(lab, tmp_path):
    with Lab(dir=str(tmp_path / "other")) as other:
        lab.host("DB_Host1").exec(ALIAS)
        lab.set_route("DB_Host1")
        other.host("DB_Host2").exec(ALIAS)
        other.set_route("DB_Host2")
        other.set_parameter("DB_Host2")
        assert (server(lab, "web_host1"), server(other, "web_host1")) == ("DB_Host1", "DB_Host2")
        assert (lab.parameter(), other.parameter()) == ((None, 0), ("DB_Host2", 1))
        other.cut("DB_Host1")
        assert tcp(lab, "web_host1", "10.0.2.10") == "ok"
    assert server(lab, "web_host1") == "DB_Host1"
    assert gone(str(tmp_path / "other")) and not os.path.exists(tmp_path / "other")


@pytest.mark.parametrize("victim", ["keeper", "unshare", "init", "builder"])
def test_kill_9_of_the_top_leaves_nothing(tmp_path, victim):
    lab = Lab(dir=str(tmp_path / "lab"))
    lab.up()
    lab.host("DB_Host1").freeze("mysqld")
    keeper = lifecycle._keeper_pid(lab.dir)
    unshare, init, builder = keeper, 0, 0
    unshare = lifecycle._children(keeper)[0]
    init = lifecycle._children(unshare)[0]
    builder = lifecycle._children(init)[0]
    pids = [keeper, *inner_pids(lab)]
    os.kill({"keeper": keeper, "unshare": unshare, "init": init, "builder": builder}[victim], signal.SIGKILL)
    if victim == "keeper":
        lab.down()  # what the keeper would have done: the freezer's group
    else:
        lab.wait_for(lambda: not lifecycle.is_up(lab.dir), 5, "the keeper to end")
    lab.wait_for(lambda: not [pid for pid in pids if alive(pid)], 5, "every process to be gone")
    assert gone(lab.dir)
    lab.down()
    assert not os.path.exists(lab.dir)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stream:
            return stream.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_dead_labs_directory_can_be_used_again_and_a_live_ones_not(tmp_path):
    first = Lab(dir=str(tmp_path / "lab"))
    first.up()
    with pytest.raises(LabError, match="already up"):
        Lab(dir=first.dir).up()
    os.kill(lifecycle._keeper_pid(first.dir), signal.SIGKILL)
    first.wait_for(lambda: not lifecycle.is_up(first.dir), 5, "the lab's end")
    with pytest.raises(LabError, match="is not up"):
        Lab.attach(first.dir)
    with Lab(dir=first.dir) as second:
        assert second.host("DB_Host1").mysql("SELECT 1") == [["1"]]
    first.down()


def test_the_lab_ends_with_the_script_that_made_it(tmp_path):
    script = (f"import sys, time; sys.path.insert(0, {HERE!r}); from vpc import Lab\n"
              f"lab = Lab(dir={str(tmp_path / 'lab')!r}); lab.up(); print('up', flush=True); time.sleep(60)")
    process = subprocess.Popen(["/usr/bin/python3", "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "up\n"
    assert lifecycle.is_up(str(tmp_path / "lab"))
    process.kill()
    process.wait()
    process.stdout.close()
    Lab.wait_for(lambda: not lifecycle.is_up(str(tmp_path / "lab")), 5, "the lab's end")
    assert gone(str(tmp_path / "lab"))


def test_up_refuses_what_it_should_not_touch_and_says_why(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(LabError, match="not empty and not a lab"):
        Lab(dir=str(tmp_path / "mine")).up()
    Lab(dir=str(tmp_path / "mine")).down()
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    with pytest.raises(LabError, match="lacks zonevipd"):
        Lab(dir=str(tmp_path / "lab"), bindir=str(tmp_path / "mine")).up()
    os.symlink(tmp_path / "mine", tmp_path / "link")
    with pytest.raises(LabError, match="not a directory of ours"):
        Lab(dir=str(tmp_path / "link")).up()


def test_up_is_quick_and_the_vip_is_nowhere_at_first(tmp_path):
    start = time.monotonic()
    with Lab(dir=str(tmp_path / "lab")) as lab:
        assert time.monotonic() - start < 60, "it takes one second; this only catches the absurd"
        assert (lab.routes(), lab.parameter(), lab.holders()) == (dict.fromkeys(TABLES), (None, 0), [])
        for name in DB_HOSTS:
            assert ipaddress.ip_address(VIP) not in [
                ipaddress.ip_address(entry["address"]) for entry in lab.addresses(name)]
        assert lab.host("DB_Host1").services()["mysqld"]["state"] == "active"


def run_tool(lab_dir, *words):
    done = subprocess.run([TOOL, "--dir", lab_dir, *words], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def test_the_command_does_what_the_api_does(tmp_path):
    where = str(tmp_path / "lab")
    assert run_tool(where, "status")[0] == 3
    assert run_tool(where, "exec", "web_host1", "--", "true")[0] == 1
    assert run_tool(where, "up") == (0, f"lab is up in {where}\n", "")
    try:
        assert run_tool(where, "exec", "web_host2", "--", "sh", "-c", "hostname; exit 5")[:2] == (5, "web_host2\n")
        assert run_tool(where, "fault", "cut", "DB_Host1")[0] == 0
        rule = run_tool(where, "fault", "api", "ReplaceRoute", "--latency", "0.5", "--host", "DB_Host1")[1].strip()
        listed = run_tool(where, "status")[1]
        assert "cut DB_Host1" in listed and "latency=0.5" in listed and "mysqld active" in listed
        assert run_tool(where, "fault", "remove", rule)[0] == 0
        assert run_tool(where, "fault", "remove", rule)[2] == f"lab: no fault {rule}\n"
        assert run_tool(where, "mysql-stop", "DB_Host1")[0] == 0
        assert "mysqld inactive" in run_tool(where, "status")[1]
        assert run_tool(where, "heal")[0] == 0 and "fault" not in run_tool(where, "status")[1]
        assert "without programs" in run_tool(where, "agent", "start", "DB_Host1")[2]
    finally:
        assert run_tool(where, "down")[0] == 0
    assert gone(where) and not os.path.exists(where)
    assert run_tool(where, "down")[0] == 0


def test_every_module_is_below_its_size_and_in_the_distribution():
    top = os.path.dirname(os.path.dirname(HERE))
    with open(os.path.join(top, "Makefile.am")) as stream:
        named = set(stream.read().split())
    for folder, _, names in os.walk(os.path.join(HERE, "vpc")):
        for path in (os.path.join(folder, name) for name in names if name.endswith(".py")):
            with open(path) as stream:
                assert sum(1 for _ in stream) <= 500, path
            assert os.path.relpath(path, top) in named, path


