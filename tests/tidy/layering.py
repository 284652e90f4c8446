"""Which folder may include which: the table of docs and the proof of it from the includes."""
import posixpath

from tree import is_test

# Folder -> folders that it may include, besides itself and what those may include in turn.
# daemon/main.cc and the other composition roots (main.cc) may include everything.
MAY_INCLUDE = {
    "proto": [],
    "daemon/base": [],
    "daemon/config": ["daemon/base"],
    "daemon/model": ["daemon/base", "proto"],
    "daemon/core": ["daemon/model"],
    "daemon/journal": ["daemon/model"],
    "daemon/script": ["daemon/model"],
    "daemon/hosts": ["daemon/model"],
    "daemon/registry": ["daemon/model"],
    "daemon/metrics": ["daemon/model"],
    "webreport": ["daemon/model"],
    # Reads (get, list, report) see the committed view, so they go to the journal and not to the core;
    # limits of a request are the configuration's.
    "daemon/rpc": ["daemon/core", "webreport", "daemon/journal", "daemon/config"],
    "daemon/http": ["daemon/core", "webreport", "daemon/metrics"],
    # The threads around the core: it feeds inputs in and carries effects out.
    "daemon/loop": ["daemon/core", "daemon/journal", "daemon/hosts", "daemon/config",
                    "daemon/metrics", "daemon/registry", "daemon/rpc"],
    "client": ["daemon/base", "proto"],
    "executors": ["daemon/base", "proto"],
}

# Headers that cost seconds of front end, or a dependency: (what, where they may stand, why).
HEAVY = [
    (("grpcpp/", "grpc/", ".grpc.pb.h"), ("daemon/rpc/", "client/connection", "executors/session"),
     "a grpcpp include costs 2 s of front end"),
    (("v8.h", "v8-", "libplatform/"), ("daemon/script/",), "V8 lives in script/ alone"),
    (("rocksdb/",), ("daemon/journal/rocks_",), "RocksDB is one implementation of Journal"),
    (("git2.h", "git2/"), ("executors/worktree",), "libgit2 is the worktrees' business"),
    (("CLI/",), ("client/", "executors/flags", "executors/pandacode", "daemon/flags"), "CLI11 parses command lines"),
    (("prometheus/",), ("daemon/metrics/",), "all Prometheus handles live in metrics/"),
    (("spdlog/",), ("daemon/base/log",), "logging goes through daemon/base/log.h"),
    (("absl/log/", "absl/base/log_severity"), (), "Debian's abseil has no log library"),
]
# The core decides, and does nothing else: no I/O, clock, threads or libraries in it.
CORE_PURE = ("unistd.h", "sys/", "fcntl.h", "poll.h", "signal.h", "thread", "mutex", "chrono",
             "condition_variable", "fstream", "iostream", "filesystem", "random",
             "absl/synchronization/", "daemon/base/clock.h", "daemon/base/subprocess.h",
             "daemon/base/fd.h", "daemon/base/frame.h", "daemon/base/mutex.h",
             "daemon/base/mailbox.h")


def folder_of(path):
    """The layer a file belongs to, or None (tests, generated code, third parties)."""
    if path.startswith("odw/v1/"):
        return "proto"
    best = None
    for folder in MAY_INCLUDE:
        if path.startswith(folder + "/") and (best is None or len(folder) > len(best)):
            best = folder
    return best


def allowed(folder, seen=None):
    """All that `folder` may include: the closure of the table."""
    seen = set() if seen is None else seen
    if folder not in seen:
        seen.add(folder)
        for lower in MAY_INCLUDE[folder]:
            allowed(lower, seen)
    return seen


def check_known_folders(tree):
    """Every source folder of the product has its place in the table"""
    problems = []
    for name in tree.sources():
        if name.startswith(("daemon/", "client/", "executors/", "webreport/")):
            if folder_of(name) is None and name.count("/") > 1:
                problems.append(f"{name}: its folder is not in tests/tidy/layering.py's table")
    return problems


def check_layers(tree):
    """A folder includes only what stands below it"""
    problems = []
    for name in tree.sources():
        folder = folder_of(name)
        if folder is None or posixpath.basename(name) == "main.cc" or is_test(name):
            continue
        below = allowed(folder)
        for line, _, target in tree.includes(name):
            other = folder_of(target)
            if other is not None and other not in below:
                problems.append(f"{name}:{line}: {folder} must not include {other} ({target})")
    return problems


def check_no_cycles(tree):
    """No two folders include each other, by any way round"""
    edges = {}
    for name in tree.sources():
        here = folder_of(name)
        if here is None or is_test(name) or posixpath.basename(name) == "main.cc":
            continue
        for line, _, target in tree.includes(name):
            there = folder_of(target)
            if there and there != here:
                edges.setdefault(here, {}).setdefault(there, f"{name}:{line}")
    problems, done = [], set()

    def visit(folder, trail):
        if folder in trail:
            loop = trail[trail.index(folder):] + [folder]
            problems.append("cycle: " + " -> ".join(
                f"{a} ({edges[a][b]})" for a, b in zip(loop, loop[1:])) + f" -> {folder}")
            return
        if folder in done:
            return
        done.add(folder)
        for lower in edges.get(folder, {}):
            visit(lower, trail + [folder])

    for folder in sorted(edges):
        visit(folder, [])
    return problems


def _heavy(target):
    """The (homes, why) of a heavy header, or None."""
    for prefixes, homes, why in HEAVY:
        if any(target.endswith(p) if p.endswith("pb.h") else target.startswith(p) for p in prefixes):
            return homes, why
    return None


def check_heavy_headers(tree):
    """Heavy headers stand only where they are allowed"""
    problems = []
    for name in tree.sources():
        if is_test(name) or name.startswith("third_party/"):
            continue
        for line, _, target in tree.includes(name):
            heavy = _heavy(target)
            if heavy and not name.startswith(heavy[0] or ("-",)):
                problems.append(f"{name}:{line}: {target} does not belong here: {heavy[1]}")
            if target.startswith("nlohmann/") and name.endswith(".h"):
                problems.append(f"{name}:{line}: nlohmann only in .cc files")
    return problems


def check_heavy_headers_stay_home(tree):
    """No header of ours brings a heavy one to where it is not allowed"""
    problems = []
    for name in tree.with_suffix(".cc"):
        if is_test(name) or name.startswith("third_party/"):
            continue
        seen, queue = {name}, [(name, [])]
        while queue:
            at, trail = queue.pop()
            for _, _, target in tree.includes(at):
                heavy = _heavy(target)
                if heavy and trail and not name.startswith(heavy[0] or ("-",)):
                    problems.append(f"{name}: gets {target} through {' -> '.join(trail)}")
                elif target in tree.files and target not in seen:
                    seen.add(target)
                    queue.append((target, trail + [target]))
    return problems


def check_core_is_pure(tree):
    """The core includes no clock, thread, lock, file or socket"""
    problems = []
    for name in tree.sources():
        if folder_of(name) != "daemon/core" or is_test(name):
            continue
        for line, _, target in tree.includes(name):
            if target in CORE_PURE or target.startswith(tuple(p for p in CORE_PURE if p[-1] == "/")):
                problems.append(f"{name}:{line}: the core must not include {target}")
    return problems


def check_includes_from_root(tree):
    """Our includes run from the repository's root, and exist"""
    problems = []
    for name in tree.sources():
        for line, kind, target in tree.includes(name):
            if kind != '"' or target.startswith("odw/v1/") or target.endswith(".pb.h"):
                continue
            known = target in tree.files
            if not known and not target.startswith("absl/") and "generated" not in target:
                if target.startswith(("daemon/", "client/", "executors/", "webreport/", "tests/")) \
                        or target.startswith("."):
                    problems.append(f"{name}:{line}: there is no {target} from the root")
    return problems


CHECKS = [check_known_folders, check_layers, check_no_cycles, check_heavy_headers,
          check_heavy_headers_stay_home, check_core_is_pure, check_includes_from_root]
