#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The timers and inequalities that doc/protocol.md shows are those of agent/base/timers.c, none more, none less."""

import os
import re
import sys

TOP = os.environ.get("top_srcdir", os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
UNITS = {"MSEC": 1e-3, "SEC": 1.0}
# The page's letters, for the inequalities.
LETTERS = {"H": "heartbeat", "U": "ack_age", "D": "dead_after", "W": "touch", "L": "param_call", "Sigma": "stale",
           "Q": "poll", "eps": "slack", "F": "lease", "G": "grace", "S": "stagger", "V_fast": "verify_fast",
           "T_claim": "claim"}


def text(name):
    with open(os.path.join(TOP, name), encoding="utf-8") as stream:
        return stream.read()


def source_profiles(code):
    found = {}
    for name, body in re.findall(r"\[TIMERS_([A-Z]+)\] =\s*\{\s*(\..*?)\}", code, re.S):
        found[name.lower()] = {word: int(number) * UNITS[unit] for word, number, unit
                               in re.findall(r"\.(\w+) = (\d+) \* (M?SEC)", body)}
    return found


def page_profiles(page):
    """A cell may hold several timers: the words stand in backquotes, their values between slashes."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")]
            for line in page.partition("## Timers")[2].partition("\n## ")[0].splitlines() if line.startswith("|")]
    columns = rows[0][2:]
    found = {column: {} for column in columns}
    for _, words, *values in rows[2:]:
        words = re.findall(r"`(\w+)`", words)
        for column, value in zip(columns, values):
            value = values[0] if value == "same" else value
            numbers = [float(number) for number in value.split("/")]
            if len(numbers) != len(words):
                sys.exit(f"doc/protocol.md: {words} has {len(numbers)} values for {column}")
            found[column].update(zip(words, numbers))
    return found


def source_rules(code):
    return {" ".join(rule.split()) for rule in re.findall(r'"([a-z_0-9+* ]+ <=? [a-z_0-9+* ]+)"', code)}


def page_rules(page):
    """`3 H <= U < D` is two rules, `2 eps` is 2 * slack."""
    found = set()
    part = page.partition("Checked when the configuration")[2].partition("\n## ")[0]
    for chain in re.findall(r"`([^`]*(?:<|>)[^`]*)`", part):
        sides = re.split(r"\s*(<=|>=|<)\s*", chain)
        for left, sign, right in zip(sides[::2], sides[1::2], sides[2::2]):
            if sign == ">=":
                left, sign, right = right, "<=", left
            found.add(f"{spelled(left)} {sign} {spelled(right)}")
    return found


def spelled(side):
    terms = []
    for term in side.split("+"):
        *factor, letter = term.split()
        terms.append(" * ".join([*factor, LETTERS[letter]]))
    return " + ".join(terms)


def main():
    page, code = text("doc/protocol.md"), text("agent/base/timers.c")
    source, shown = source_profiles(code), page_profiles(page)
    bad = [f"timers.c has the profiles {sorted(source)}, the page {sorted(shown)}"] if set(source) != set(shown) else []
    for profile in sorted(set(source) & set(shown)):
        for word in sorted(set(source[profile]) | set(shown[profile])):
            ours, theirs = source[profile].get(word), shown[profile].get(word)
            if ours is None or theirs is None or abs(ours - theirs) > 1e-9:
                bad.append(f"{profile} {word}: timers.c {ours}, doc/protocol.md {theirs}")
    if any(len(words) < 20 for words in source.values()) or len(source) < 3:
        bad.append("timers.c is not read as it should be: too few timers")
    for rule in sorted(source_rules(code) ^ page_rules(page)):
        bad.append(f"only in {'timers.c' if rule in source_rules(code) else 'doc/protocol.md'}: {rule}")
    if len(source_rules(code)) < 8:
        bad.append("timers.c is not read as it should be: too few inequalities")
    print("\n".join(bad) or f"{sum(map(len, source.values()))} timers and {len(source_rules(code))} inequalities agree")
    return 1 if bad else 0


sys.exit(main())
