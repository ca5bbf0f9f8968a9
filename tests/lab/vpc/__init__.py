# SPDX-License-Identifier: MIT
"""A VPC of four hosts in network namespaces: the lab in which zonevip runs for real.

    from vpc import Lab, now_ns, DB_HOSTS, VIP       (tests/lab must be on sys.path)

    with Lab(bindir="/tmp/build") as lab:            # up; down at the end, also after an exception
        db1 = lab.host("DB_Host1")
        db1.agent_start()                            # returns when the daemon said READY=1
        lab.host("DB_Host2").agent_start()
        lab.wait_owner("DB_Host1", timeout=10)       # all routes and the parameter name it
        since = now_ns()
        db1.mysql_kill()
        lab.wait_owner("DB_Host2", timeout=10)
        print(lab.routes())                          # {'rtb-...': 'DB_Host2', ...}
        print(lab.log(since=since, action="ReplaceRoute"))
        print(lab.history(since=since))

Needs root, /usr/bin/python3 with botocore, iproute2, nftables, openssl, util-linux, mariadb-server.
Nothing exists outside one `unshare --mount --net --pid`; several labs live side by side, each
known by its directory. Scripts reach a running lab by Lab.attach(dir); `scripts/lab` is the same
API as a command.

Time: every stamp is CLOCK_BOOTTIME in nanoseconds (now_ns()), the clock of the daemon.

Lab(dir=None, bindir=None, conf=None, tie=True, sandbox=False)
    dir      state directory, made by up(), removed by down(); default a fresh one under /tmp
    bindir   holds zonevipd, zonevipctl, zonevip-notify, zonevip-cleanup (build or install tree; copied at
             up() into every DB host as `make install` would place them); None: no agents
    conf     text of zonevip.conf instead of the lab's own (lab.conf_text())
    tie      True: the lab dies with this process, whatever ends it; False: it stays until down()
    sandbox  True: the daemons run under mounts and system call filters equal to their units' (sandbox.py)
 .up() .down(keep_logs=False)          up() returns when mysqld answers on both DB hosts (0.8 s; the
                                       first time on a machine 2 s, for mysqld's data directory, which
                                       is kept in ~/.cache/zonevip-lab)
 .host(name) -> Host                   web_host1 web_host2 DB_Host1 DB_Host2
 .routes(destination=VIP+"/32")        {table id: host name | None}: what the kernel is routing by
 .parameter(name="MasterDB_VIP")       (value, version), or (None, 0) when it does not exist
 .holders(address=VIP)                 names of the DB hosts on which the address is present now
 .addresses(host)                      every address there: address prefix dev label
 .owner()                              the host that all routes and the parameter name and that
                                       carries the VIP; None if there is no such host
 .wait_owner(host, timeout)            until it is the owner; raises LabError
 .wait_for(fn, timeout, what)          until fn() is true, tried every 10 ms; returns its value
 .status(host)                         parsed `zonevipctl json` of that host
 .summary()                            tables, parameters, source/dest checks as AWS has them
 .problems()                           parts of the lab itself that have died ([] in good health)
 .set_route(host, table=None)          an operator's hand, past IAM: host None deletes the route
 .set_parameter(value, name=..., type="String", label=None)   the same for the parameter: value None
                                       deletes it
 .log(since=0, action=None, host=None) calls the endpoint answered, see below
 .history(since=0, event=None, host=None)  what happened in the kernel and to processes, see below
 .conf_text(heartbeat={"profile": "fast"}, ...)   the generated configuration, words changed by
                                       block (global_defs heartbeat track_mysql aws vip_instance);
                                       None leaves a word out, a list is a block of lines
 .install_conf(text, host=None) .install_key(bytes, host=None) .install_programs(bindir, host=None)
                                       into one or all DB hosts; nothing is reloaded or restarted
 .replicate(source="DB_Host1")         real replication by GTID from there to the other, from an empty
                                       table mlb.commits on; .unreplicate() undoes it
 .operator                             (access key, secret) of a user with every right, for boto
 .uid(user)                            of zonevip or zonevip-script inside the lab
 Faults, all undone by .heal() and listed by .faults(); more of them,
 such as a shim before libc, a relay for heartbeats, a full disk, in kit/__init__.py:
 .fault(action="*", host=None, resource=None, times=None, **effects) -> rule id; .unfault(id)
    action   'ReplaceRoute', 'ec2', 'ssm', 'sts' or '*'; resource: route table id or parameter
    effects  latency=S (half before, half after it is carried out)  late=S (carried out S later,
             whether or not the caller still waits)  drop=True (carried out, never answered)
             hang=True (not carried out, never answered)  reset=True (carried out, then RST)
             status=503 code='RequestLimitExceeded' message='...' (not carried out)
             html=True (a proxy's HTML error page, with status)  throttle=RATE (calls a second
             that pass, the rest throttled)  truncate=N (answer cut after N body bytes)
             drip=N (body bytes a second)  stale=S (reads show the state of S seconds ago)
             date=S (Date header off by S)  clock=S (AWS's clock is S ahead of this host's: signatures and Date)
             body='gigabyte' 'redirect' 'nested' 'bomb' 'nul' 'utf8' 'twice' (a hostile answer, status 200 or 307)
 .tls(kind, host=None)                 'expired' 'selfsigned' 'wrongname' 'old' (TLS 1.0), 'ok';
                                       for connections made from then on
 .cut(a, b=None, oneway=False)         b None: a is silently off the network (IMDS stays); else
                                       between a and b; oneway: only packets from a to b vanish;
                                       'aws' names the endpoint's side
 .loss(percent, a="DB_Host1", b="DB_Host2", oneway=False, port=None)   port: only that UDP port;
                                       0 percent takes back the one with the same hosts and port
 .sdcheck(host, on)                    the ENI's source/destination check (set at AWS)
 .iam_deny(action, host=None) .iam_allow(action, host=None)   'ec2:ReplaceRoute', 'ssm:*'
 .iam_policy(document, role="zonevip") the role may what this policy document says and nothing else;
                                       None: what it could before
 .instance_state(host, state)          what AWS says of it: 'running' 'stopped' 'terminated' ...; routes
                                       to one that does not run are blackholes
 .delete_table(table)                  a route table is deleted, with its routes
 .security_group(group, **rules)       rules in=[...], out=[...] as cloud/groups.py has them; shown by
                                       DescribeSecurityGroups, not enforced

Host (h = lab.host(name); a web host has only the first group)
 .name .address .spec                  spec: ENI, instance id, MAC (layout.HostSpec)
 .root, .path("/etc/hosts")            how its files are reached from outside
 .exec(argv, input=None, timeout=30, check=True, user=None)  -> subprocess.CompletedProcess (text)
 .popen(argv, **subprocess_args)       subprocess.Popen; ends with SIGKILL when that is ended
 .dns(kind)                            'hang': names leave the hosts file, the resolver never
                                       answers; 'ok'
 .imds(kind)                           'ok' 'off'(403) 'hang' 'slow'(2 s) '401' '404' '503' 'norole'
                                       'expired' 'badsecret' 'flood' (a gigabyte)
 .imds_calls(since=0)                  [t_ns, method, path] of every question to its IMDS
 .announce(path, text)                 what IMDS answers below meta-data/, as 'spot/instance-action'; None: 404
 .rotate_credentials(life_s=None, revoke=False)   IMDS hands out new ones now; revoke: the old ones
                                       are refused as expired
 .mysql_start() .mysql_stop() .mysql_kill()        both end when the process has ended
 .install_secret(name, text)           /etc/zonevip/NAME, readable for the daemon alone
 .mysql(sql) -> rows                   as root over the unix socket
 .agent_start(wait=True) .agent_stop() .agent_restart() .agent_reload()
 .agent_kill(restart=True, cleanup=True)   SIGKILL; restart=False: as if the start limit were
                                       reached, and the on-failure cleanup runs unless cleanup=False
 .agent_watchdog(kills)                False: the supervisor's watchdog only records; True: it kills
 .agent_status() -> dict               supervisor's view: state pid ready restarts last_exit status
 .services() -> {service: view}        the same of zonevipd, zonevip-notify and mysqld
 .notify_start() .notify_stop() .notify_kill()     zonevip-notify (agent_start starts it first)
 .notifications()                      calls of the notify script: [{t_ns, arguments}]
 .pid(service) .outer_pid(service)     inside the lab, and as this side's /proc has it
 .signal(service, "STOP")              a signal to it (STOP and CONT: to its process group)
 .freeze(*services) .thaw()            cgroup freezer; none named: agent, runner and mysqld
 .agent_log() -> str                   what zonevipd wrote to stderr so far

Lines of log():     t_ns t_done_ns host role service action params status code error latency_ms request_id
                    auth (why a signature was refused, or "") executed (bool) t_executed_ns fault (rule ids)
Lines of history(): t_ns event host and, by event:
    address   address prefix dev label present        (every change of an address in a DB host)
    link      dev up
    route     table destination target(host|None)     (what the router's kernel table says now)
    process   service pid what: started ready stopping exited watchdog gave-up cleanup; status
    fault     what, arguments
"""

from .api import Lab, Host
from .errors import LabError
from .clock import now_ns
from .layout import DB_HOSTS, PARAMETER, TABLES, VIP, WEB_HOSTS

__all__ = ["DB_HOSTS", "Host", "Lab", "LabError", "PARAMETER", "TABLES", "VIP", "WEB_HOSTS", "now_ns"]
