# SPDX-License-Identifier: MIT
"""The fault matrix, row by row, in the lab. See conftest.py."""
