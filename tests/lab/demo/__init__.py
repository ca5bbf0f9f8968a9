# SPDX-License-Identifier: MIT
"""The scenario played in the lab: what scripts/demo runs after the build. See play.py."""
