# SPDX-License-Identifier: MIT
"""The measurements of scripts/bench; `python3 -m bench --help`. What they mean: doc/performance.md."""
