# SPDX-License-Identifier: MIT
"""Configurations with many virtual addresses, for both kinds of daemon."""

from typing import List, Sequence

from vpc import TABLES, VIP, Lab
from vpc.layout import INSTANCE, PARAMETER


def vips(count: int) -> List[str]:
    """The lab's own first; the others follow from 10.1.6.1 on."""
    return [VIP] + [f"10.1.{6 + number // 250}.{1 + number % 250}" for number in range(1, count)]


def name_of(number: int) -> str:
    return INSTANCE if number == 0 else f"vip{number}"


def conf(count: int, tables: Sequence[str] = TABLES, **changes: dict) -> str:
    """zonevip.conf with so many instances, all on the same server."""
    words = {"virtual_ipaddress": [f"{VIP}/32 label eth0:1"], "route_table": list(tables)}
    text = Lab.conf_text(**{**changes, "vip_instance": {**words, **changes.get("vip_instance", {})}})
    for number, vip in enumerate(vips(count)[1:], 1):
        listed = "".join(f"\t\t{table}\n" for table in tables)
        text += (f"\nvip_instance {name_of(number)} {{\n\tinterface eth0\n"
                 f"\tvirtual_ipaddress {{\n\t\t{vip}/32 label eth0:{number + 1}\n\t}}\n"
                 f"\troute_table {{\n{listed}\t}}\n"
                 f"\tparameter {PARAMETER}_{number}\n\ttrack_mysql local\n}}\n")
    return text
