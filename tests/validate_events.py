#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Checks JSON lines of change events against docs/events.schema.json.

Usage: validate_events.py FILE…    exit status: 0 all valid, 1 not, 77 jsonschema is missing"""

import json
import pathlib
import sys

try:
    import jsonschema
except ImportError:
    sys.exit(77)

SCHEMA = pathlib.Path(__file__).resolve().parent.parent / "docs" / "events.schema.json"


def problems(paths):
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    for path in paths:
        lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, 1):
            for error in validator.iter_errors(json.loads(line)):
                yield f"{path}:{number}: {'/'.join(map(str, error.path))}: {error.message}"


def main():
    found = list(problems(sys.argv[1:]))
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
