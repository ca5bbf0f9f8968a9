# SPDX-License-Identifier: MIT
"""The bill of materials of a release, as SPDX 2.3 JSON: sbom.py VERSION EPOCH DEB...

What is said of a library is what Debian's package database says of the one that was linked: name,
version, source package. Nothing depends on the moment or on the machine's name, so the same packages
give the same bytes.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from datetime import datetime, timezone

OURS = "SPDXRef-Package-zonevip"


def output(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def identifier(*words):
    return "SPDXRef-" + "-".join(re.sub(r"[^A-Za-z0-9.-]+", "-", word) for word in words)


def depends(deb):
    """Names of the libraries that dpkg-shlibdeps found, and of what the package asks for by name."""
    fields = output("dpkg-deb", "-f", deb, "Depends").split(",")
    return sorted({field.split("|")[0].split("(")[0].strip() for field in fields})


def library(name):
    version, source, homepage = (output("dpkg-query", "-W", "-f", "${Version}\n${source:Package}\n${Homepage}", name)
                                 .split("\n") + ["", ""])[:3]
    return {"SPDXID": identifier("Package", name), "name": name, "versionInfo": version,
            "supplier": "Organization: Debian", "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
            "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION",
            **({"homepage": homepage} if homepage else {}),
            "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                              "referenceLocator": f"pkg:deb/debian/{name}@{version}?upstream={source}"}]}


def file(path):
    with open(path, "rb") as stream:
        content = stream.read()
    return {"SPDXID": identifier("File", os.path.basename(path)), "fileName": "./" + os.path.basename(path),
            "checksums": [{"algorithm": "SHA1", "checksumValue": hashlib.sha1(content).hexdigest()},
                          {"algorithm": "SHA256", "checksumValue": hashlib.sha256(content).hexdigest()}],
            "licenseConcluded": "MIT", "licenseInfoInFiles": ["NOASSERTION"], "copyrightText": "NOASSERTION"}


def document(version, epoch, debs):
    names = sorted({name for deb in debs if "dbgsym" not in deb for name in depends(deb)})
    installed = [name for name in names
                 if subprocess.run(["dpkg-query", "-W", name], capture_output=True).returncode == 0]
    libraries = [library(name) for name in installed]
    files = [file(deb) for deb in sorted(debs)]
    sums = hashlib.sha256("".join(one["checksums"][1]["checksumValue"] for one in files).encode()).hexdigest()
    ours = {"SPDXID": OURS, "name": "zonevip", "versionInfo": version, "supplier": "NOASSERTION",
            "downloadLocation": "NOASSERTION", "filesAnalyzed": False, "licenseConcluded": "MIT",
            "licenseDeclared": "MIT", "copyrightText": "2026 the zonevip authors"}
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", OURS)]
    relations += [(OURS, "DEPENDS_ON", one["SPDXID"]) for one in libraries]
    relations += [(one["SPDXID"], "GENERATED_FROM", OURS) for one in files]
    return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
            "name": f"zonevip-{version}", "documentNamespace": f"urn:zonevip:spdx:{version}:{sums}",
            "creationInfo": {"created": datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
                             "creators": ["Tool: zonevip-sbom"]},
            "packages": [ours, *libraries], "files": files,
            "relationships": [{"spdxElementId": a, "relationshipType": kind, "relatedSpdxElement": b}
                              for a, kind, b in relations]}


if __name__ == "__main__":
    print(json.dumps(document(sys.argv[1], int(sys.argv[2]), sys.argv[3:]), indent=1))
