# SPDX-License-Identifier: MIT
from conftest_agents import lab, pair, real_lab  # noqa: F401
