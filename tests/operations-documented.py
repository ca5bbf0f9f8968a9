#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""doc/operations.md has every event that a program logs and every alert of the rules, and no other."""

import os
import re
import sys

TOP = os.environ.get("top_srcdir") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")


def read(name):
    with open(os.path.join(TOP, name)) as stream:
        return stream.read()


def second_argument(text, start):
    """Of the call whose first argument begins at start: strings and brackets are looked through."""
    depth, comma, at = 0, None, start
    while True:
        string = re.compile(r'"(?:[^"\\]|\\.)*"').match(text, at)
        if string:
            at = string.end()
            continue
        c = text[at]
        if c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        if depth < 0 or (c == "," and depth == 0):
            if comma is not None or depth < 0:
                return text[(comma or start) + (comma is not None):at]
            comma = at
        at += 1


def logged():
    """Names of events; of those that are computed, from the table that they come from."""
    names = set()
    for folder in ("agent", "aws", "conf", "netlink"):
        for where, _, files in os.walk(os.path.join(TOP, folder)):
            for name in files:
                if not name.endswith(".c") or name == "log.c":
                    continue
                text = read(os.path.relpath(os.path.join(where, name), TOP))
                for call in re.finditer(r"\blog_event\(", text):
                    argument = second_argument(text, call.end())
                    found = re.findall(r'"([a-z_]+)"', argument)
                    if not found and "core_note_name" not in argument:
                        sys.exit(f"{name}: this test cannot tell the name of the event in '{argument.strip()}'")
                    names.update(found)
    return names | set(re.findall(r'\[NOTE_[A-Z_]+\] = "([a-z_]+)"', read("agent/core/names.c")))


def main():
    page = read("doc/operations.md")
    events = page.partition("## What the agent logs")[2].partition("## Alerts")[0]
    documented = {name for row in re.findall(r"^\| (`[^|]*) \|", events, re.M) for name in re.findall(r"`([a-z_]+)`", row)}
    have = logged()
    alerts = set(re.findall(r"^\s*- alert: (\w+)", read("conf/monitoring/alerts.yml"), re.M))
    rows = set(re.findall(r"^\| (Zonevip\w+) \|", page, re.M))
    bad = False
    for what, missing in (("logged, not in doc/operations.md", have - documented), ("in doc/operations.md, never logged", documented - have),
                          ("an alert, not in doc/operations.md", alerts - rows), ("in doc/operations.md, no alert", rows - alerts)):
        for name in sorted(missing):
            print(f"{name}: {what}")
            bad = True
    if len(have) < 40:
        print("the list of events has shrunk to nothing")
        bad = True
    sys.exit(bad)


if __name__ == "__main__":
    main()
