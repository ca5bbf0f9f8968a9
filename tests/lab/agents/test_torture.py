# SPDX-License-Identifier: MIT
"""A fixed sample of what scripts/torture does whole."""

from kit import shim, torture

SAMPLE = 14
STRIDE = 23  # calls of the start between two failures


def test_a_sample_of_failing_calls_at_the_start_is_survived_or_explained(lab):
    host = lab.host("DB_Host1")
    host.notify_start()
    report = torture.Report()
    campaign = torture.Campaign(lab, shim.ALLOC | shim.KERNEL, report, print)
    campaign.start(SAMPLE, float("inf"), STRIDE)
    assert report.places >= SAMPLE // 2, "hardly a call failed: the shim does not take hold"
    assert report.ended >= 1, "none of the early ones ended it: what failed was not what it needs"
    assert report.findings == []
