"""The survey example, as quickstart runs it, against what git, wc and grep say of the same files."""
import json
import os

from harness import ROOT, Repository, State, equal, run

SURVEY = os.path.join(ROOT, "deploy", "survey.sh")


def make_repository():
    """Files that are awkward on purpose: spaces, a dash first, quotes, no last line end, an empty one."""
    repo = Repository()
    repo.write("src/main.c", "int main() {\n  return 0;  // TO" "DO: more\n}\n")
    repo.write("a file with spaces.txt", "one\ntwo\nno line end")
    repo.write("-dash", "--help\n" * 7)
    repo.write("quote\"s and 'more'.txt", "x\n" * 3)
    repo.write("ünïcode/日本.md", "Grüße\n" * 11)
    repo.write("empty", "")
    repo.write("directives.txt", "[[hang]] [[fail:crashed]] [[delay:100000]]\n")
    repo.write("binary.bin", bytes(range(256)) * 20)
    repo.commit("first")
    for i in range(3):
        repo.write("src/main.c", f"// FIX" f"ME {i}\n// TO" f"DO {i}\nint main() {{}}\n")
        repo.commit(f"change {i}")
    os.symlink("src/main.c", os.path.join(repo.path, "link.c"))
    repo.commit("a link")
    repo.write("untracked.txt", "not tracked\n")
    return repo


def survey(build, repo, state, *options):
    report = os.path.join(state.path, "report.html")
    done = run([SURVEY, "--bin", os.path.join(build, "bin"), "--repo", repo.path, "--report", report,
                "--json", *options], env=state.env)
    return json.loads(done.stdout), report


def expected_rows(repo):
    """What git, wc and grep say, asked one by one."""
    rows = {}
    for entry in repo.git("ls-tree", "-r", "-l", "-z", "HEAD").split("\0"):
        if not entry or entry.startswith("120000"):
            continue
        meta, path = entry.split("\t", 1)
        lines = run(["wc", "-l", "--", path], cwd=repo.path).stdout.split()[0]
        markers = run(["grep", "-a", "-c", "-E", "-e", "TO" "DO|FIX" "ME", "--", path], cwd=repo.path,
                      check=False).stdout
        rows[path] = {
            "file": path, "bytes": int(meta.split()[3]), "lines": int(lines), "markers": int(markers),
            "commits": int(repo.git("rev-list", "--count", "HEAD", "--", path)),
        }
    return rows


def check_every_number(build, repo, state):
    result, _ = survey(build, repo, state)
    wanted = expected_rows(repo)
    equal("surveyed files", sorted(r["file"] for r in result["rows"]), sorted(wanted))
    for row in result["rows"]:
        summary = row.pop("summary")
        equal(row["file"], row, wanted[row["file"]])
        begin = (f"mock: {row['lines']} lines, {row['commits']} commits and {row['markers']} markers in "
                 f"{json.dumps(row['file'], ensure_ascii=False)}. ")
        if not summary.startswith(begin):
            raise AssertionError(f"summary of {row['file']}: {summary!r} does not begin with {begin!r}")
    equal("commits", result["commits"], int(repo.git("rev-list", "--count", "HEAD")))
    equal("tracked files", result["tracked_files"], len(wanted))
    equal("links", result["left_out"], {"links_and_submodules": 1, "names_not_utf8": 0})
    equal("failures", (result["failed"], result["incomplete"]), ([], []))
    equal("totals", result["totals"], {"lines": sum(r["lines"] for r in wanted.values()),
                                       "markers": sum(r["markers"] for r in wanted.values())})


def check_order_and_limit(build, repo, state):
    result, report = survey(build, repo, state, "--files", "3")
    largest = sorted(expected_rows(repo).values(), key=lambda r: (-r["bytes"], r["file"]))[:3]
    equal("the largest three, in order", [r["file"] for r in result["rows"]],
          [r["file"] for r in largest])
    if os.path.getsize(report) < 1000:
        raise AssertionError("the report is next to empty")


def check_missing_file(build, repo, state):
    """A tracked file that is gone from the work tree is named, and harms no other."""
    os.remove(os.path.join(repo.path, "-dash"))
    result, _ = survey(build, repo, state)
    equal("measured in part", result["incomplete"], ["-dash"])
    equal("others", sorted(r["file"] for r in result["rows"] if r["lines"] is not None),
          sorted(n for n in os.popen(f"git -C {repo.path} ls-files -z").read().split("\0")
                 if n and n not in ("link.c", "-dash")))


def check_no_commits(build, _, state):
    empty = Repository()
    try:
        done = run([SURVEY, "--bin", os.path.join(build, "bin"), "--repo", empty.path, "--json"],
                   env=state.env, check=False)
        if done.returncode == 0 or "next:" not in done.stderr:
            raise AssertionError(f"status {done.returncode}, stderr: {done.stderr}")
    finally:
        empty.remove()


def check_table(build, repo, state):
    """The table for people has a row a file, and no control characters from the files."""
    done = run([SURVEY, "--bin", os.path.join(build, "bin"), "--repo", repo.path, "--files", "4",
                "--report", os.path.join(state.path, "r.html")], env=state.env)
    lines = done.stdout.splitlines()
    equal("head", lines[0].split(), ["file", "lines", "commits", "markers", "summary"])
    equal("rows", len([l for l in lines[2:] if l.strip()]), 4 + 2)
    equal("control characters", [c for c in done.stdout if ord(c) < 32 and c != "\n"], [])


def main(build, cases):
    repo, state = make_repository(), State()
    try:
        for name, check in (("survey: every number is git's, wc's and grep's", check_every_number),
                            ("survey: the largest come first, and the limit holds", check_order_and_limit),
                            ("survey: the table", check_table),
                            ("survey: a file that is gone is named", check_missing_file),
                            ("survey: a repository without commits is a clear error", check_no_commits)):
            cases.case(name, check, build, repo, state)
    finally:
        state.remove()
        repo.remove()
