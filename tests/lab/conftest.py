# SPDX-License-Identifier: MIT
"""Fixtures of the lab's tests: one lab for all tests that leave it as they found it."""

import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
if HERE not in sys.path:
    sys.path.insert(0, HERE)

from labtools import stand_in  # noqa: E402
from vpc import Lab  # noqa: E402


@pytest.fixture(scope="session")
def shared_lab(tmp_path_factory):
    lab = Lab(dir=str(tmp_path_factory.mktemp("lab") / "lab"), bindir=stand_in(tmp_path_factory.mktemp("bin")))
    with lab:
        yield lab


@pytest.fixture
def lab(shared_lab):
    """Faultless, without route, parameter, alias or agents, before and after each test."""
    _reset(shared_lab)
    yield shared_lab
    _reset(shared_lab)
    assert shared_lab.problems() == []


def _reset(lab):
    lab.heal()
    lab.set_route(None)
    for name in lab.summary()["parameters"]:
        lab.set_parameter(None, name)
    for host in ("DB_Host1", "DB_Host2"):
        lab.host(host).agent_stop()
        lab.host(host).notify_stop()
        lab.host(host).mysql_start()
        lab.host(host).exec(["ip", "addr", "flush", "dev", "eth0", "label", "eth0:*"])
