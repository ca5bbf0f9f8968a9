#!/bin/bash
# SPDX-License-Identifier: MIT
# The lab's notify script: writes down when it was called and with what.
set -eu
printf '%s %s\n' "$EPOCHREALTIME" "$*" >>/run/zonevip-script/notify.log
