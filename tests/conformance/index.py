"""The index of README.md: id -> cases, and the checks that no id is left out."""
import collections
import os

BEGIN = "<!-- index: written by main.py --index -->\n"
END = "<!-- end of index -->\n"


def _cases_of(cases):
    found = collections.defaultdict(list)
    for case in cases:
        for name in case.ids:
            found[name].append(case)
    return found


def _cell(cases, reason):
    shown = [case.name.removeprefix("Spec_") for case in cases if not case.get("pending")]
    waiting = collections.defaultdict(list)
    for case in cases:
        if case.get("pending"):
            waiting[case.get("pending")].append(case.name.removeprefix("Spec_"))
    parts = [", ".join(shown)] if shown else []
    parts += [f"pending ({why}): {', '.join(names)}" for why, names in waiting.items()]
    parts += [reason] if reason else []
    return "; ".join(parts).replace("|", "\\|")


def _table(cases, ids, not_covered):
    found = _cases_of(cases)
    passing = sum(1 for name in ids if any(not case.get("pending") for case in found[name]))
    pending = sum(1 for name in ids if found[name] and all(case.get("pending") for case in found[name]))
    lines = [f"{len(ids)} ids: {passing} with cases that must pass, {pending} with pending cases alone, "
             f"{len(ids) - passing - pending} without. {len(cases)} cases.", "",
             "| id | cases, or why there is none |", "|---|---|"]
    lines += [f"| {name} | {_cell(found[name], not_covered.get(name))} |" for name in ids]
    return "\n".join(lines) + "\n"


def _split(folder):
    with open(os.path.join(folder, "README.md"), encoding="utf-8") as text:
        before, _, rest = text.read().partition(BEGIN)
    table, _, after = rest.partition(END)
    return before, table, after


def write(folder, cases, ids, not_covered):
    before, _, after = _split(folder)
    with open(os.path.join(folder, "README.md"), "w", encoding="utf-8") as out:
        out.write(before + BEGIN + _table(cases, ids, not_covered) + END + after)


def check(folder, cases, ids, not_covered):
    """[(check, problem or None)]."""
    found = _cases_of(cases)
    missing = [name for name in ids if name not in found and name not in not_covered]
    unknown = [name for name in [*found, *not_covered] if name not in ids]
    names = collections.Counter(case.name for case in cases)
    twice = [name for name, count in names.items() if count > 1]
    nameless = [case.where for case in cases if not case.ids]
    stale = _split(folder)[1] != _table(cases, ids, not_covered)
    return [
        ("EveryIdHasACaseOrAReason", f"neither in a case nor in not_covered.txt: {missing}" if missing else None),
        ("EveryIdIsOfTheSpecification", f"not in ids.txt: {unknown}" if unknown else None),
        ("NoNameTwice", f"{twice} {nameless}" if twice or nameless else None),
        ("TheIndexIsCurrent", "run tests/conformance/main.py --index" if stale else None),
    ]
