#!/bin/sh
# Makes ./configure from configure.ac; needed once after a checkout.
set -e
cd "$(dirname "$0")"
exec autoreconf --force --install --warnings=all,no-obsolete
