# SPDX-License-Identifier: MIT
"""The one exception of the lab: a sentence for whoever runs it."""


class LabError(Exception):
    """The lab cannot do what was asked, and says why."""
