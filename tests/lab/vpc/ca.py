# SPDX-License-Identifier: MIT
"""The lab's certificate authority, and the endpoint's certificates, good and bad."""

import os

from .layout import REGION, SERVICES
from .network import run

NAMES = [f"{service}.{REGION}.amazonaws.com" for service in SERVICES]
NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
KINDS = ("ok", "expired", "selfsigned", "wrongname")


def create(folder: str) -> None:
    """ca.pem, ca.key and hashed/HASH.0, as OpenSSL looks certificates up."""
    os.makedirs(f"{folder}/hashed", exist_ok=True)
    os.chmod(folder, 0o700)
    run(["openssl", "req", "-x509", *NEW_KEY, "-keyout", f"{folder}/ca.key", "-out", f"{folder}/ca.pem",
         "-days", "30", "-subj", "/CN=zonevip lab CA", "-addext", "basicConstraints=critical,CA:TRUE",
         "-addext", "keyUsage=critical,keyCertSign,cRLSign"])
    digest = run(["openssl", "x509", "-hash", "-noout", "-in", f"{folder}/ca.pem"]).strip()
    with open(f"{folder}/ca.pem") as source, open(f"{folder}/hashed/{digest}.0", "w") as target:
        target.write(source.read())


def certificate(folder: str, kind: str) -> tuple[str, str]:
    """(certificate, key) of the endpoint; made when first asked for."""
    cert, key, request = (f"{folder}/{kind}.{suffix}" for suffix in ("pem", "key", "csr"))
    if os.path.exists(cert):
        return cert, key
    names = ["nobody.example"] if kind == "wrongname" else NAMES
    alternative = "subjectAltName=" + ",".join(f"DNS:{name}" for name in names)
    if kind == "selfsigned":
        run(["openssl", "req", "-x509", *NEW_KEY, "-keyout", key, "-out", cert, "-days", "10",
             "-subj", f"/CN={names[0]}", "-addext", alternative])
        return cert, key
    run(["openssl", "req", *NEW_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={names[0]}"])
    with open(f"{folder}/{kind}.ext", "w") as extensions:
        extensions.write(alternative + "\nextendedKeyUsage=serverAuth\n")
    run(["openssl", "x509", "-req", "-in", request, "-CA", f"{folder}/ca.pem", "-CAkey", f"{folder}/ca.key",
         "-out", cert, "-days", "-1" if kind == "expired" else "10", "-extfile", f"{folder}/{kind}.ext",
         "-set_serial", "0x" + os.urandom(8).hex()])
    return cert, key
