# SPDX-License-Identifier: MIT
"""zonevip.conf as the lab installs it: one identical file on every database host."""

from .errors import LabError
from .layout import CLUSTER, DB_HOSTS, BY_NAME, HEARTBEAT_PORT, INSTANCE, PARAMETER, TABLES, VIP

Words = dict[str, object]


def defaults() -> dict[str, Words]:
    """Block: its words. A list is a block of values, one a line; a dict names sub-blocks."""
    return {
        "global_defs": {"cluster": CLUSTER},
        "heartbeat": {"port": HEARTBEAT_PORT, "key_file": "/etc/zonevip/heartbeat.key", "profile": "safe"},
        "track_mysql": {"socket": "/run/mysqld/mysqld.sock", "user": "zonevip",
                        "interval": 0.5, "timeout": "1.0", "rise": 2, "fall": 2},
        "aws": {"ca_path": "/etc/zonevip/ca"},
        "vip_instance": {"interface": "eth0", "virtual_ipaddress": [f"{VIP}/32 label eth0:1"],
                         "route_table": list(TABLES), "parameter": PARAMETER, "track_mysql": "local",
                         "notify": "/etc/zonevip/notify.sh"},
    }


TITLES = {"track_mysql": " local", "vip_instance": f" {INSTANCE}"}


def conf_text(**changes: Words) -> str:
    """The file; changes are words by block, as heartbeat={'profile': 'fast'}; None leaves one out."""
    blocks = defaults()
    for block, words in changes.items():
        if block not in blocks:
            raise LabError(f"no block '{block}' in zonevip.conf (blocks: {', '.join(blocks)})")
        blocks[block].update(words)
    lines = ["# Written by the lab: the same file on every database host."]
    lines += _block("global_defs", blocks.pop("global_defs"))
    for name in DB_HOSTS:
        host = BY_NAME[name]
        lines += _block(f"node {name}", {"address": host.address, "priority": host.priority})
    for block, words in blocks.items():
        lines += _block(block + TITLES.get(block, ""), words)
    return "\n".join(lines) + "\n"


def _block(title: str, words: Words) -> list[str]:
    lines = ["", f"{title} {{"]
    for word, value in words.items():
        if isinstance(value, list):
            lines += [f"\t{word} {{"] + [f"\t\t{item}" for item in value] + ["\t}"]
        elif isinstance(value, bool):
            lines.append(f"\t{word} {'on' if value else 'off'}")
        elif value is not None:
            lines.append(f"\t{word} {value}")
    return lines + ["}"]
