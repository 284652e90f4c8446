"""isolation: 'worktree' through odwd: nodes edit in trees of their own, executors die, and odwctl diff, apply and
merge bring the work back. The commands are real programs, the comparison is git's own."""
import json
import os
import signal

from harness import Repository, equal
from service import Service, fails

SHELL = '[commands.sh]\nprogram = "/bin/sh"\n'


class Bench:
    """A repository, and a service whose command executor knows `sh`."""

    def __init__(self, build):
        self.repository = Repository()
        self.repository.write("a.txt", "one\n")
        self.repository.write("sub/b.txt", "two\n")
        self.repository.commit("first")
        config = os.path.join(self.repository.path, ".git", "executor.toml")
        with open(config, "w") as out:
            out.write(SHELL)
        self.service = Service(build, executors=("command",), executor_flags={"command": ["--config", config]})

    def __enter__(self):
        self.service.__enter__()
        return self

    def __exit__(self, *_):
        self.service.close()
        self.repository.remove()

    def fifo(self, name):
        path = os.path.join(self.service.path, name)
        os.mkfifo(path)
        return path

    def submit(self, commands, wait=True, options="", flags=()):
        """A run with a node in a tree of its own for each of `commands`; its id."""
        nodes = ", ".join(
            f"() => agent('edit {i}', {{runtime: 'command', command: 'sh', args: ['-c', {json.dumps(text)}], "
            f"isolation: 'worktree'{options}}})" for i, text in enumerate(commands, 1))
        script = self.service.script("flow.js", f"return await parallel([{nodes}]);\n", meta=False)
        with open(script) as f:
            body = f.read()
        with open(script, "w") as out:
            out.write("export const meta = {name: 'flow', description: 'x', dialect: 'builtin'};\n" + body)
        run = self.service.ok("submit", script, "--cwd", self.repository.path, *flags)["run_id"]
        if wait:
            self.service.ok("result", run, "--wait")
        return run

    def trees(self):
        return self.repository.git("worktree", "list", "--porcelain").count("worktree ")

    def kill_executor(self):
        process = self.service.processes.pop("command")
        process.send_signal(signal.SIGKILL)
        process.wait()
        return process.args


def check_edits_come_back(build):
    with Bench(build) as bench:
        binary = bytes(range(256)) * 64
        bench.repository.write("big.bin", binary)
        bench.repository.commit("binary")
        run = bench.submit([
            "echo x >> a.txt && rm sub/b.txt",
            "git -c user.name=n -c user.email=e commit -q --allow-empty -m 'the node commits' && echo own > own.txt",
            "printf '\\000\\377\\n' >> big.bin && ln -s a.txt link && chmod +x big.bin",
        ])
        head = bench.repository.git("rev-parse", "HEAD").strip()
        equal("HEAD is untouched", bench.repository.git("status", "--porcelain"), "")
        diff = bench.service.ctl("diff", run).stdout
        for words in ("+x", "deleted file mode", "new file mode 120000", "GIT binary patch"):
            if words not in diff:
                raise AssertionError(f"no {words!r} in {diff[:2000]}")
        merged = bench.service.ok("merge", run)
        equal("merged", merged["commit"], bench.repository.git("rev-parse", "HEAD").strip())
        equal("clean", bench.repository.git("status", "--porcelain"), "")
        equal("history", "the node commits" in bench.repository.git("log", "--format=%s"), True)
        with open(os.path.join(bench.repository.path, "big.bin"), "rb") as f:
            equal("bytes", f.read(), binary + b"\0\xff\n")
        equal("link", os.readlink(os.path.join(bench.repository.path, "link")), "a.txt")
        equal("gone", os.path.exists(os.path.join(bench.repository.path, "sub/b.txt")), False)
        equal("trees left", bench.trees(), 1)
        bench.repository.git("reset", "-q", "--hard", head)
        bench.service.ok("apply", run, "n1")
        equal("applied", bench.repository.git("status", "--porcelain"), " M a.txt\n D sub/b.txt\n")


def check_conflict_touches_nothing(build):
    with Bench(build) as bench:
        run = bench.submit(["echo mine > a.txt", "echo other > a.txt && echo more > more.txt"])
        before = bench.repository.git("rev-parse", "HEAD")
        for verb in ("apply", "merge"):
            done = bench.service.ctl("--json", verb, run)
            if done.returncode == 0 or "a.txt" not in done.stdout + done.stderr:
                raise AssertionError(f"{verb}: status {done.returncode}: {done.stdout} {done.stderr}")
        equal("HEAD", bench.repository.git("rev-parse", "HEAD"), before)
        equal("files", bench.repository.git("status", "--porcelain"), "")
        bench.service.ok("merge", run, "n2")
        equal("one alone", "more.txt" in bench.repository.git("ls-files"), True)


def check_executor_killed_in_the_middle(build):
    with Bench(build) as bench:
        started, go = bench.fifo("started"), bench.fifo("go")
        run = bench.submit([f"echo before > half.txt; echo > {started}; read x < {go}; echo after > whole.txt"], wait=False)
        with open(started) as f:
            f.readline()
        argv = bench.kill_executor()
        with open(go, "w") as f:
            f.write("\n")
        bench.service._spawn("command", argv)
        bench.service.ok("result", run, "--wait")
        status = bench.service.ok("status", run, "--nodes")
        equal("attempts", status["node"][0]["attempts"], 1)
        bench.service.ok("merge", run)
        equal("files", sorted(set(bench.repository.git("ls-files").split()) & {"half.txt", "whole.txt"}),
              ["half.txt", "whole.txt"])


def check_work_of_a_lost_attempt_is_saved(build):
    with Bench(build) as bench:
        started, never = bench.fifo("started"), bench.fifo("never")
        run = bench.submit([f"echo precious > half.txt; echo > {started}; read x < {never}"], wait=False)
        with open(started) as f:
            f.readline()
        bench.service.ctl("stop", run)
        ref = f"refs/odw/{run}/n1/1"
        # The executor answers the cancel once it has saved the tree: draining waits for that.
        process = bench.service.processes.pop("command")
        process.send_signal(signal.SIGTERM)
        process.wait()
        equal("saved", bench.repository.git("show", f"{ref}:half.txt"), "precious\n")
        equal("trees left", bench.trees(), 1)


def check_ignored_paths_by_name(build):
    with Bench(build) as bench:
        bench.repository.write(".gitignore", "out/\n")
        bench.repository.commit("ignore")
        run = bench.submit(["mkdir -p out && echo r > out/report.txt && echo s > out/scratch.txt"],
                           options=", keepIgnored: ['out/report.txt']")
        ref = f"refs/odw/{run}/n1/result"
        equal("kept", bench.repository.git("ls-tree", "-r", "--name-only", ref, "out"), "out/report.txt\n")


def check_base_is_head_at_submit(build):
    with Bench(build) as bench:
        started, go = bench.fifo("started"), bench.fifo("go")
        first = f"echo > {started}; read x < {go}; cat a.txt"
        script = bench.service.script("base.js", f"""
await agent('wait', {{runtime: 'command', command: 'sh', args: ['-c', {json.dumps(first)}], isolation: 'worktree'}});
return await agent('look', {{runtime: 'command', command: 'sh', args: ['-c', 'cat a.txt'], isolation: 'worktree'}});
""")
        run = bench.service.ok("submit", script, "--cwd", bench.repository.path)["run_id"]
        with open(started) as f:
            f.readline()
        bench.repository.write("a.txt", "moved on\n")
        bench.repository.commit("second")
        with open(go, "w") as f:
            f.write("\n")
        result = bench.service.ok("result", run, "--wait")
        if "moved on" in json.dumps(result) or "one" not in json.dumps(result):
            raise AssertionError(f"the base moved: {result}")


def check_uncommitted_edits_are_left_or_carried(build):
    with Bench(build) as bench:
        bench.repository.write("a.txt", "edited here\n")
        bench.repository.write("new.txt", "untracked\n")
        look = ["cat a.txt new.txt > seen.txt; true"]
        left = bench.submit(look)
        equal("left", bench.repository.git("show", f"refs/odw/{left}/n1/result:seen.txt"), "one\n")
        carried = bench.submit(look, flags=("--include-dirty",))
        equal("carried", bench.repository.git("show", f"refs/odw/{carried}/n1/result:seen.txt"),
              "edited here\nuntracked\n")
        bench.service.ok("apply", carried)
        # Only what the node did: the edits themselves are here already.
        equal("applied", bench.repository.git("status", "--porcelain"), " M a.txt\n?? new.txt\n?? seen.txt\n")
        again = bench.service.ok("resume", left, "--include-dirty", "--detach")["run_id"]
        bench.service.ok("result", again, "--wait")
        equal("not answered by the run without them",
              bench.repository.git("show", f"refs/odw/{again}/n1/result:seen.txt"), "edited here\nuntracked\n")


def check_no_repository(build):
    with Bench(build) as bench:
        script = bench.service.script("plain.js", """
try { await agent('x', {runtime: 'command', command: 'sh', args: ['-c', 'true'], isolation: 'worktree'}); return 'ran'; }
catch (error) { return error.message; }
""")
        with open(script) as f:
            body = f.read()
        with open(script, "w") as out:
            out.write(body.replace("description: 'a test'", "description: 'a test', dialect: 'builtin'"))
        done = bench.service.ctl("exec", script, "--cwd", bench.service.path)
        if "no git repository" not in done.stdout:
            raise AssertionError(f"{done.stdout} {done.stderr}")
        run = bench.service.ok("list")["runs"][0]["run_id"]
        fails(bench.service.ctl("merge", run), 5, "worktree")


def main(build, cases):
    for check in (check_edits_come_back, check_conflict_touches_nothing, check_executor_killed_in_the_middle,
                  check_work_of_a_lost_attempt_is_saved, check_ignored_paths_by_name, check_base_is_head_at_submit,
                  check_uncommitted_edits_are_left_or_carried, check_no_repository):
        cases.case("worktrees: " + check.__name__[6:].replace("_", " "), check, build)
