"""examples/migrate_api.js on a real repository: claude, codex and bamboo, each by its real program, edit it at the
same time against the scripted model; the merge is what sed and git say."""
import json
import os

from clis_test import CLIS, RUNTIMES, ModelServer
from harness import ROOT, Repository, equal
from service import Service

EXAMPLE = os.path.join(ROOT, "examples", "migrate_api.js")
PARTS = {"net": ["net/a.c", "net/b.c"], "ui": ["ui/main.c"], "store": ["store/s.c"]}
FILES = sorted(path for paths in PARTS.values() for path in paths)
# What the scripted model does instead of thinking: the change itself, in the words that the example's user adds.
HOW = "[[run:sed -i 's/old_log(\\(.*\\))/log(INFO, \\1)/' FILES]] [[say:Replaced.]]"


LOOK = '[[json:{"verdict":"merge","why":"nothing else"}]]'


def source(name):
    return f'#include "log.h"\nvoid {name}(void) {{\n  old_log("{name}");\n  keep("{name}");\n}}\n'


def make_repository():
    repository = Repository()
    for path in FILES:
        repository.write(path, source(path.split("/")[0]))
    repository.write("untouched.c", source("untouched"))
    repository.commit("base")
    return repository


def migrate(service, repository, how=HOW, parts=None):
    args = {"from": "old_log(x)", "to": "log(INFO, x)", "parts": parts or PARTS, "how": how, "look": LOOK}
    run = service.ok("submit", EXAMPLE, "--cwd", repository.path, "--args", json.dumps(args))["run_id"]
    done = service.ctl("--json", "result", run, "--wait")
    if done.returncode not in (0, 3):  # 3: not all is good
        raise AssertionError(f"status {done.returncode}: {done.stdout}{done.stderr}")
    return run, json.loads(done.stdout)


def check_three_runtimes_change_it(service):
    repository = make_repository()
    try:
        run, result = migrate(service, repository)
        equal("verdicts", {p["name"]: (p["by"], p["reader"], p["verdict"]) for p in result["parts"]},
              {"net": ("claude", "codex", "merge"), "ui": ("codex", "bamboo", "merge"),
               "store": ("bamboo", "claude", "merge")})
        equal("the repository until then", repository.git("status", "--porcelain"), "")
        nodes = service.ok("status", run, "--nodes")["node"]
        equal("who edited", sorted(n["runtime"] for n in nodes if n.get("isolation") == "worktree"), sorted(RUNTIMES))
        merged = service.ok("merge", run)
        equal("merged", (merged["ok"], merged["files"]), (True, FILES))
        equal("the branch", repository.git("rev-parse", "HEAD").strip(), merged["commit"])
        for path in FILES:
            part = path.split("/")[0]
            equal(path, repository.git("show", f"HEAD:{path}"),
                  source(part).replace(f'old_log("{part}")', f'log(INFO, "{part}")'))
        equal("what nobody was asked for", repository.git("show", "HEAD:untouched.c"), source("untouched"))
        equal("merge commits", repository.git("log", "--merges", "--format=%s").split("\n")[:-1],
              [f"Merge node {node} of {run}" for node in reversed(merged["nodes"])])
        again = service.ctl("merge", run)
        equal("a second merge", again.stdout,
              f"nothing to merge: the current branch holds 3 nodes ({', '.join(merged['nodes'])}) already\n")
    finally:
        repository.remove()


def check_a_stranger_is_left(service):
    """A node that also edits what it was not asked for is not to be merged, and the result says why."""
    repository = make_repository()
    try:
        run, result = migrate(service, repository, HOW + " [[run:echo x >> untouched.c]]", {"ui": ["ui/main.c"]})
        equal("result", (result["ok"], result["parts"][0]["verdict"], result["parts"][0]["why"]),
              (False, "leave", "it also changed untouched.c"))
        if "+x" not in service.ctl("diff", run, "n1").stdout:
            raise AssertionError("the diff does not show the stranger")
        equal("the repository", repository.git("status", "--porcelain"), "")
    finally:
        repository.remove()


def main(build, cases):
    if not all(os.access(os.path.join(CLIS, name), os.X_OK) for name in ("claude", "codex")):
        return  # clis_test.py, which runs first, has said so
    server = ModelServer()
    before = dict(os.environ)
    os.environ.update(server.env)
    try:
        with Service(build, executors=RUNTIMES) as service:
            cases.case("examples: migrate_api by three runtimes, merged", check_three_runtimes_change_it, service)
            cases.case("examples: migrate_api leaves a part that went too far", check_a_stranger_is_left, service)
    finally:
        os.environ.clear()
        os.environ.update(before)
        server.close()
