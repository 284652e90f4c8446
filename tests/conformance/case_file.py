"""Reads cases/*.cases: scripts and what must come of them, as data.

  === E11 P30 NullPassesOn      ids of the specification, then a name
  result: [1, null]             keys (see README.md), one a line; a key may come several times
  ---                           the script; meta is put before it unless the keys say otherwise
  return ...
  --- file dir/child.js         a file of the case's folder; a line \--- in it is three dashes
"""
import os
import re

ID = re.compile(r"^[A-P][0-9]+$")
KEYS = {
    # how the script is made
    "raw": bool, "meta": str, "source": str, "hex": str, "pad": int,
    # how it is submitted
    "args": str, "flags": str, "then": list, "clock": str, "alone": bool, "repository": bool,
    # what is expected
    "result": str, "exit": int, "error": list, "noerror": list, "category": str, "problem": list, "warning": list,
    "nowarning": list, "log": list, "nolog": list, "node": list, "nodes": int, "at_once": int,
    "phases": str, "summary": list,
    "same_log": str, "said": list, "unsaid": list,
    # why it does not hold yet; the case is run all the same and says so when it does
    "pending": str,
}


class Case:
    """One case: `ids`, `name`, `keys` (see KEYS), `script`, `files` (name -> text)."""

    def __init__(self, ids, name, where):
        self.ids = ids
        self.name = "Spec_" + "_".join(ids + [name])
        self.where = where
        self.keys = {}
        self.script = ""
        self.files = {}

    def get(self, key):
        return self.keys.get(key, [] if KEYS[key] is list else None)

    def set(self, line):
        key, _, value = line.partition(":")
        value = value.strip()
        if key not in KEYS:
            raise ValueError(f"{self.where}: no such key {key!r}")
        if KEYS[key] is list:
            self.keys.setdefault(key, []).append(value)
        elif key in self.keys:
            raise ValueError(f"{self.where}: {key} twice in {self.name}")
        else:
            self.keys[key] = {bool: lambda v: v == "yes", int: int, str: str}[KEYS[key]](value)


def _parse(path):
    cases, part = [], None
    with open(path, encoding="utf-8", newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            where = f"{os.path.basename(path)}:{number}"
            if line.startswith("=== "):
                words = line[4:].split()
                cases.append(Case([w for w in words if ID.match(w)], words[-1], where))
                part = "keys"
            elif line.startswith("---") and line[3:4] in (" ", "\n"):
                part = line[3:].replace(" file ", "", 1).strip()
            elif part == "keys":
                if line.strip() and not line.startswith("#"):
                    cases[-1].set(line)
            elif part == "":
                cases[-1].script += line
            elif part is not None:
                line = line[1:] if line.startswith("\\---") else line
                cases[-1].files[part] = cases[-1].files.get(part, "") + line
    for case in cases:
        case.script = case.script.rstrip("\n") + "\n"
    return cases


def _ids_of(path):
    """{id: reason} of lines `ID reason`; a line of an id alone gives ''."""
    found = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                name, _, reason = line.strip().partition(" ")
                found[name] = reason.strip()
    return found


def load(folder):
    """(cases, ids of the specification, {id: why it has no case})."""
    cases = []
    for name in sorted(os.listdir(os.path.join(folder, "cases"))):
        if name.endswith(".cases"):
            cases += _parse(os.path.join(folder, "cases", name))
    return cases, list(_ids_of(os.path.join(folder, "ids.txt"))), _ids_of(os.path.join(folder, "not_covered.txt"))
