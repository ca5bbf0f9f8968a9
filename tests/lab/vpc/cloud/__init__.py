# SPDX-License-Identifier: MIT
"""The lab's AWS: EC2, SSM and STS over HTTPS, and IMDSv2 on each instance, in one process.

Requests are read and answers written by botocore's service models; signatures are checked by
botocore's signer, a second implementation beside the daemon's. A route that is written here is
in the router's kernel table before the answer leaves.
"""
