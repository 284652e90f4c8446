"""Rules that a reader could check with grep: sleeps, notes to self, lengths, READMEs, hosts."""
import posixpath
import re

from tree import CPP, is_test

SOURCES = CPP + (".sh", ".py", ".js", ".mjs", ".ts", ".proto", ".cmake", "CMakeLists.txt")
LINES_ASK = 400
LINES_MAX = 600
FUNCTION_LINES_MAX = 70

_SLEEP = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep|SleepFor|time\.sleep)\s*\(")
_SHELL_SLEEP = re.compile(r"(^|[;&|]|\bdo\b)\s*sleep\s+[\d.$]")
_NOTE = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
_CONTAINER = re.compile(r"(inline )?namespace\b|(class|struct|enum|union|extern)\b[^()]*\{$")
# The survey example searches for such notes, and so do its test and this check.
_NOTE_HOMES = ("examples/survey", "tests/e2e/survey", "tests/tidy/", "deploy/survey")
# The work of a step takes its time there; nothing is waited for.
_SLEEP_IS_THE_WORK = ("tests/crash/crash_step.cc",)
# A program of its own, kept as one file.
_LONG_ON_PURPOSE = ("tests/fakes/fake-model-server.mjs",)
# Written in two halves, so that this file does not name what it forbids.
_HOSTS = re.compile("|".join(re.escape(a + b) for a, b in (
    ("registry.npm", "js.org"), ("npm", "js.com"), ("deb.deb", "ian.org"), ("security.deb", "ian.org"),
    ("snapshot.deb", "ian.org"), ("deb.node", "source.com"), ("pypi", ".org"),
    ("python", "hosted.org"), ("crates", ".io"), ("proxy.golang", ".org"), ("docker", ".io"),
    ("ghcr", ".io"), ("quay", ".io"))))


def _lines(tree, names, pattern, message):
    problems = []
    for name in names:
        for number, line in enumerate(tree.text(name).splitlines(), 1):
            if pattern.search(line):
                problems.append(f"{name}:{number}: {message}: {line.strip()[:80]}")
    return problems


def check_no_sleeps_in_tests(tree):
    """No test sleeps to wait"""
    # A helper below testing/ may pause between two looks at a process that it does not own.
    tests = [n for n in tree.files
             if is_test(n) and not n.startswith("tests/tidy/") and "/testing/" not in n
             and n not in _SLEEP_IS_THE_WORK]
    return (_lines(tree, [n for n in tests if n.endswith(CPP + (".py",))], _SLEEP,
                   "wait on the thing itself, or turn a fake clock") +
            _lines(tree, [n for n in tests if n.endswith(".sh")], _SHELL_SLEEP,
                   "wait on the thing itself"))


def check_no_notes_to_self(tree):
    """No notes to self in the sources"""
    names = [n for n in tree.files if n.endswith(SOURCES) and not n.startswith(_NOTE_HOMES)]
    return _lines(tree, names, _NOTE, "do it now or open an issue")


def check_no_disabled_tests(tree):
    """No disabled test"""
    return _lines(tree, [n for n in tree.sources() if is_test(n)], re.compile(r"\bDISABLED_"),
                  "a test runs or goes")


def check_lengths(tree):
    """No source file is longer than 600 lines"""
    problems = []
    for name in tree.files:
        if not name.endswith(SOURCES) or name in _LONG_ON_PURPOSE:
            continue
        count = tree.text(name).count("\n")
        if count > LINES_MAX:
            problems.append(f"{name}: {count} lines; past {LINES_MAX} split it")
        elif count > LINES_ASK:
            print(f"  note: {name} has {count} lines; past {LINES_ASK} ask why")
    return problems


def check_function_lengths(tree):
    """No function is longer than 70 lines"""
    problems = []
    for name in tree.with_suffix(".cc"):
        start = None
        for number, line in enumerate(tree.text(name).splitlines(), 1):
            # A definition at the left margin; namespaces and classes hold functions, they are none.
            if line.endswith("{") and re.match(r"[A-Za-z]", line) and not _CONTAINER.match(line):
                start = number
            elif start is None and re.match(r"[A-Za-z][^;]*\($|[A-Za-z][^;{]*,$", line):
                start = number
            elif line.startswith("}"):
                if start is not None and number - start + 1 > FUNCTION_LINES_MAX:
                    problems.append(f"{name}:{start}: {number - start + 1} lines")
                start = None
            elif line.endswith(";") and not line.startswith((" ", "\t")):
                start = None
    return problems


def check_readmes(tree):
    """Every source folder has a README"""
    folders = {posixpath.dirname(n) for n in tree.files if n.endswith(SOURCES)}
    files = set(tree.files)
    problems = []
    for folder in sorted(folders - {""}):
        # Folders of data, and parts that their parent's README covers.
        if folder.startswith((".ci", "third_party/cmake", "proto/")):
            continue
        parent = posixpath.dirname(folder)
        covered = {folder} if parent in ("", "daemon", "tests") else {folder, parent}
        if not any(posixpath.join(f, "README.md") in files for f in covered):
            problems.append(f"{folder}: no README.md")
    return problems


def check_no_registry_hosts(tree):
    """No package registry is named in the tree"""
    names = [n for n in tree.files if not n.endswith((".png", ".woff2", ".gz"))]
    return _lines(tree, names, _HOSTS, "registries are the machine's configuration")


def check_pragma_once(tree):
    """Every header starts with what it is for, then #pragma once"""
    problems = []
    for name in tree.with_suffix(".h"):
        text = tree.text(name)
        if "#pragma once" not in text:
            problems.append(f"{name}: no #pragma once")
        elif not text.lstrip().startswith("//"):
            problems.append(f"{name}: does not open with what it is for")
    return problems


CHECKS = [check_no_sleeps_in_tests, check_no_notes_to_self, check_no_disabled_tests, check_lengths,
          check_function_lengths, check_readmes, check_no_registry_hosts, check_pragma_once]
