"""seeds.py FOLDER: inputs to begin with, FOLDER/TARGET/*, made from the conformance cases and the JSON Schema suites."""
import hashlib
import json
import os
import sys

sys.dont_write_bytecode = True
TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TESTS, name) for name in ("conformance", "e2e")]

import case_file  # noqa: E402
from runner import source_of  # noqa: E402

SCRIPT_BYTES_MAX = 1500
SUITES = (("/usr/share/json-schema-test-suite/tests/draft7", "http://json-schema.org/draft-07/schema#"),
          ("/usr/share/perl5/auto/share/dist/Test-JSON-Schema-Acceptance/tests/draft2020-12", None))


def write(folder, target, content):
    os.makedirs(os.path.join(folder, target), exist_ok=True)
    with open(os.path.join(folder, target, hashlib.sha256(content).hexdigest()[:16]), "wb") as out:
        out.write(content)


def scripts(folder):
    for case in case_file.load(os.path.join(TESTS, "conformance"))[0]:
        source = b"" if case.get("pad") else source_of(case, 1)
        if 0 < len(source) <= SCRIPT_BYTES_MAX:
            write(folder, "loader", b"\0" + source)  # 0: whatever dialect it has


def schemas(folder):
    for suite, draft in SUITES:
        for name in sorted(os.listdir(suite)) if os.path.isdir(suite) else []:
            if not name.endswith(".json"):
                continue
            with open(os.path.join(suite, name), encoding="utf-8") as text:
                groups = json.load(text)
            for group in groups:
                schema, value = group["schema"], group["tests"][0]["data"]
                if draft and isinstance(schema, dict):
                    schema = {"$schema": draft, **schema}
                write(folder, "schema", (json.dumps(schema) + "\0" + json.dumps(value)).encode())
                write(folder, "canonical_json", json.dumps(value, indent=1).encode())


scripts(sys.argv[1])
schemas(sys.argv[1])
