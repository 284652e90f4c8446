#!/usr/bin/env python3
"""Prints `PASSED FAILED SKIPPED` of a ctest run, counting test cases.

  count_cases.py CASES_DIR CTEST_LOG

GoogleTest binaries leave an XML file each in CASES_DIR; any other ctest test is one case. A binary
that died before it wrote its XML is one failed case.
"""
import os
import re
import sys
import xml.etree.ElementTree as ElementTree


def count_xml(folder):
    passed = failed = skipped = 0
    names = set()
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".xml"):
            continue
        root = ElementTree.parse(os.path.join(folder, name)).getroot()
        names.add(name[: -len(".xml")])
        for case in root.iter("testcase"):
            if case.find("failure") is not None:
                failed += 1
            elif case.find("skipped") is not None or case.get("status") == "notrun":
                skipped += 1
            else:
                passed += 1
    return passed, failed, skipped, names


def main():
    folder, log_path = sys.argv[1:3]
    passed, failed, skipped, counted = count_xml(folder)
    row = re.compile(r"^ *\d+/\d+ +Test +#\d+: +(\S+) +\.*(.*?) +[\d.]+ sec")
    with open(log_path, encoding="utf-8", errors="replace") as log:
        for line in log:
            match = row.match(line)
            if not match or match.group(1) in counted:
                continue
            if "Passed" in match.group(2):
                passed += 1
            elif "Skipped" in match.group(2):
                skipped += 1
            else:
                failed += 1
    print(passed, failed, skipped)


main()
