#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Holds the status fixtures, and any JSON file named on the command line,
against doc/status.schema.json; and proves that the schema notices mistakes.
Exit status 77, skipped, without python3-jsonschema."""
import copy
import json
import os
import sys

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is not installed")
    sys.exit(77)

TOP = os.environ.get("top_srcdir") or os.path.join(os.path.dirname(__file__), "..")


def load(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return json.load(file)


def mistakes(status):
    """(what is wrong, a status with just that mistake)"""
    for key in ("version", "node", "aws", "notify", "peers", "checks", "instances", "loop"):
        wrong = copy.deepcopy(status)
        del wrong[key]
        yield f"no {key}", wrong
    for path, value in (
        (("version",), 2),
        (("pid",), "812"),
        (("config", "digest"), "xyz"),
        (("aws", "known"), "yes"),
        (("notify", "last"), {"number": 1}),
        (("peers", 0, "heard_ms"), -1),
        (("checks", 0, "verdict"), "ok"),
        (("checks", 0, "health"), "UP"),
        (("instances", 0, "state"), 6),
        (("instances", 0, "state_name"), "Master"),
        (("instances", 0, "vipset"), 1),
        (("instances", 0, "record", "outcome"), "fine"),
        (("instances", 0, "routes", 0, "age_ms"), "old"),
        (("instances", 0, "alias"), None),
    ):
        wrong = copy.deepcopy(status)
        at = wrong
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value
        yield f"{path} = {value}", wrong


def main():
    schema = load(TOP, "doc", "status.schema.json")
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    failed = 0
    files = [os.path.join(TOP, "tests", "unit", "status", name) for name in ("well.json", "trouble.json")]
    for name in files + sys.argv[1:]:
        for error in validator.iter_errors(load(name)):
            failed += 1
            print(f"{name}: {'/'.join(map(str, error.path))}: {error.message}")
    for what, wrong in mistakes(load(files[0])):
        if validator.is_valid(wrong):
            failed += 1
            print(f"the schema does not notice: {what}")
    print("failed" if failed else "the schema holds")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
