# SPDX-License-Identifier: MIT
"""mariadbd for the database hosts: how it is called, and the data directory it starts from.

The data directory is built once (a second or so) and kept as one tar file in the user's cache,
named after everything that went into it, so that a lab comes up in under a second afterwards.
"""

import hashlib
import os
import pwd
import shutil
import stat
import subprocess

from . import kernel
from .errors import LabError
from .layout import APP_PASSWORD, APP_USER, DATABASE, REPL_PASSWORD, REPL_USER
from .network import run

SOCKET = "/run/mysqld/mysqld.sock"
DATADIR = "/var/lib/mysql"
SIZES = ["--innodb-log-file-size=8M", "--innodb-data-file-path=ibdata1:12M:autoextend",
         "--innodb-autoextend-increment=1"]
# Both can be source and replica; what the kernel has survives a kill of mysqld, and the lab has no power cuts.
REPLICATION = ["--log-bin=binlog", "--log-slave-updates", "--relay-log=relay", "--gtid-strict-mode=ON",
               "--binlog-format=ROW", "--sync-binlog=0", "--innodb-flush-log-at-trx-commit=2",
               "--slave-net-timeout=4", "--skip-slave-start", "--max-binlog-size=64M"]
USERS = f"""FLUSH PRIVILEGES;
CREATE USER zonevip@localhost IDENTIFIED VIA unix_socket;
GRANT REPLICA MONITOR, REPLICATION SLAVE ADMIN, READ_ONLY ADMIN, CONNECTION ADMIN, PROCESS ON *.* TO zonevip@localhost;
CREATE DATABASE zonevip;
CREATE TABLE zonevip.heartbeat (node VARCHAR(64) NOT NULL PRIMARY KEY, beat BIGINT NOT NULL) ENGINE=InnoDB;
GRANT SELECT, INSERT, UPDATE ON zonevip.heartbeat TO zonevip@localhost;
CREATE USER {REPL_USER}@'10.0.%' IDENTIFIED BY '{REPL_PASSWORD}';
GRANT REPLICATION SLAVE ON *.* TO {REPL_USER}@'10.0.%';
CREATE USER {APP_USER}@'10.0.%' IDENTIFIED BY '{APP_PASSWORD}';
CREATE DATABASE {DATABASE};
GRANT SELECT, INSERT, UPDATE, DELETE ON {DATABASE}.* TO {APP_USER}@'10.0.%';
USE {DATABASE};
"""


def argv(server_id: int) -> list[str]:
    return ["/usr/sbin/mariadbd", "--no-defaults", "--user=mysql", f"--datadir={DATADIR}", f"--socket={SOCKET}",
            "--pid-file=/run/mysqld/mysqld.pid", "--bind-address=0.0.0.0", "--skip-name-resolve",
            f"--server-id={server_id}", *REPLICATION, "--innodb-buffer-pool-size=16M", "--performance-schema=OFF", *SIZES]


def source_of(address: str, port: int = 3306) -> str:
    """Statements that make an empty replica of another server, from the beginning of its binary log."""
    return ("STOP ALL SLAVES; RESET SLAVE ALL; SET GLOBAL gtid_slave_pos = ''; "
            f"CHANGE MASTER TO MASTER_HOST='{address}', MASTER_PORT={port}, MASTER_USER='{REPL_USER}', "
            f"MASTER_PASSWORD='{REPL_PASSWORD}', MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1; START SLAVE")


def template(cache: str, schema_file: str) -> str:
    """Path of the tar file with the data directory; built if the cache has none for these programs."""
    with open(schema_file) as stream:
        schema = USERS + stream.read()
    version = run(["/usr/sbin/mariadbd", "--version"])
    key = hashlib.sha256(repr((version, SIZES, schema)).encode()).hexdigest()[:16]
    _private(cache)
    path = f"{cache}/mysql-{key}.tar"
    if not os.path.exists(path):
        _build(path, schema)
    return path


def _private(cache: str) -> None:
    """The cache is read as root: nobody else may ever have been able to write there."""
    os.makedirs(cache, mode=0o700, exist_ok=True)
    found = os.lstat(cache)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise LabError(f"{cache}: not a directory that only we can write to; remove it or set XDG_CACHE_HOME")


def _build(path: str, schema: str) -> None:
    """In memory, then into place whole: two labs that build at once do not disturb each other."""
    work = "/run/mysql-template"
    mysql = pwd.getpwnam("mysql")
    os.makedirs(f"{work}/data")
    kernel.mount("tmpfs", work, "tmpfs", 0, f"mode=700,uid={mysql.pw_uid},size=512m")
    os.makedirs(f"{work}/data")
    os.chown(f"{work}/data", mysql.pw_uid, mysql.pw_gid)
    run(["mariadb-install-db", "--no-defaults", "--user=mysql", f"--datadir={work}/data", "--skip-test-db",
         "--auth-root-authentication-method=socket", "--skip-name-resolve", *SIZES])
    done = subprocess.run(["/usr/sbin/mariadbd", "--no-defaults", "--bootstrap", "--user=mysql",
                           f"--datadir={work}/data", *SIZES], input=schema, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise LabError(f"mariadbd --bootstrap refused the schema: {done.stderr.strip()[-400:]}")
    fresh = f"{path}.{os.urandom(4).hex()}"
    try:
        run(["tar", "-cf", fresh, "-C", f"{work}/data", "."])
        os.rename(fresh, path)
    finally:
        if os.path.exists(fresh):
            os.unlink(fresh)
        subprocess.run(["umount", work], check=False)
        shutil.rmtree(work, ignore_errors=True)
