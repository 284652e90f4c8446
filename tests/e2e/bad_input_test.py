"""Bad input gets a clear error and loses nothing: scripts, limits, keys, and what a disk may do."""
import collections
import glob
import json
import os
import shutil
import subprocess
import tempfile

from harness import Skipped, equal
from service import CALL_SECONDS_MAX, Service, fails

TMPFS_MIB = 96


# ---- scripts and addresses

def check_syntax_error(_build, service):
    script = service.script("bad.js", "const a = 1;\nconst b = = 2;\n")
    for verb in ("exec", "submit"):
        fails(service.ctl(verb, script), 2, "bad.js:3:11:", "Unexpected token", "  const b = = 2;")
    said = json.loads(service.ctl("--json", "submit", script).stdout)["error"]
    equal("error", (said["code"], said["exit_code"]), ("invalid_argument", 2))
    equal("runs", service.ok("list")["runs"], [])


def check_no_meta(_build, service):
    # Without --dialect it would be the original's, which needs no meta.
    fails(service.ctl("submit", service.script("plain.js", "return 1;\n", meta=False), "--dialect", "builtin"), 2,
          "plain.js:1:1:", "meta", "  return 1;")
    equal("runs", service.ok("list")["runs"], [])


def check_no_script(_build, service):
    fails(service.ctl("submit", os.path.join(service.path, "nowhere.js")), 2, "nowhere.js")


def check_no_daemon(_build, service):
    away = "unix:" + os.path.join(service.path, "nobody.sock")
    for verb in (["list"], ["status", "wf_aaaaaa"], ["submit", service.script("ok.js", "return 1;\n")]):
        done = subprocess.run([os.path.join(service.bin, "odwctl"), "--daemon", away, *verb], text=True,
                              capture_output=True, timeout=CALL_SECONDS_MAX, check=False)
        fails(done, 4, "nobody.sock")


def check_unknown_run(_build, service):
    fails(service.ctl("status", "wf_nobody"), 5, "wf_nobody")
    fails(service.ctl("status", "not an id"), 2, "not an id")


# ---- keys

def check_key_reused(_build, service):
    script = service.script("key.js", "return args;\n")
    first = service.ok("submit", script, "--key", "once", "--args", "1")
    again = service.ok("submit", script, "--key", "once", "--args", "1")
    equal("the same", (again["run_id"], again["existing"]), (first["run_id"], True))
    fails(service.ctl("submit", script, "--key", "once", "--args", "2"), 6, "'once'", first["run_id"])
    service.ok("result", first["run_id"], "--wait")
    service.stop()  # the key is the journal's, not the process's
    service.start()
    again = service.ok("submit", script, "--key", "once", "--args", "1")
    equal("the same after a restart", (again["run_id"], again["existing"]), (first["run_id"], True))
    fails(service.ctl("submit", script, "--key", "once", "--args", "2"), 6, "'once'", first["run_id"])


# ---- limits

def check_limits_at_submit(build):
    settings = "[limits]\nscript_chars_max = 1024\nargs_bytes_max = 1024\nopen_runs_max = 1"
    with Service(build, settings) as service:
        long = service.script("long.js", "// " + "x" * 1024 + "\nreturn 1;\n")
        fails(service.ctl("submit", long), 6, "script_chars_max", "1024")
        short = service.script("short.js", "return args;\n")
        fails(service.ctl("submit", short, "--args", json.dumps("y" * 2000)), 6, "args_bytes_max", "1024")
        hang = service.script("hang.js", "return await agent('[[hang]]');\n")
        run = service.ok("submit", hang)["run_id"]
        fails(service.ctl("submit", short), 6, "open_runs_max", "1 runs are open")
        service.ok("stop", run)
        service.ok("submit", short)


def failed_run(service, body, *options):
    """The error of a run that must fail, and its log."""
    done = service.ctl("exec", service.script("limit.js", body), *options)
    equal("exit code", (done.returncode, done.stdout), (1, ""))
    return done.stderr


def check_limits_in_a_run(build):
    settings = ("[limits]\nlist_length_max = 10\nagents_max = 3\nprompt_bytes_max = 2000\nresult_bytes_max = 5000\n"
                "turn_cpu_ms = 300\nheap_bytes_max = 50000000")
    cases = {
        "list": ("await parallel(Array.from({length: 11}, () => async () => 1));", ("11", "10")),
        "pipeline list": ("await pipeline(Array.from({length: 11}, () => 1), (x) => x);", ("11", "10")),
        "agents": ("for (let i = 0; i < 4; i++) await agent('x');", ("cap reached (3)",)),
        "prompt": ("await agent('x'.repeat(2001));", ("2000",)),
        "result": ("return 'x'.repeat(6000);", ("result_bytes_max", "5000")),
        "time": ("for (;;) {}", ("timed out after 300ms",)),
        "memory": ("const all = []; for (;;) all.push(new Array(100000).fill(all.length));", ("memory",)),
        "deadlock": ("await new Promise(() => {});", ("deadlock",)),
    }
    with Service(build, settings) as service:
        for name, (body, words) in cases.items():
            said = failed_run(service, body + "\n")
            for word in words:
                if word not in said:
                    raise AssertionError(f"limit {name}: no {word!r} in {said!r}")
        equal("the daemon lives on", service.ok("exec", service.script("fine.js", "return 7;\n")), 7)


def check_result_of_a_node(build):
    with Service(build, "[limits]\nresult_bytes_max = 5000") as service:
        body = "return [(await agent('[[big:4]]')).length, await agent('[[big:5]]')];\n"
        run = service.ok("submit", service.script("node.js", body))["run_id"]
        equal("result", service.ok("result", run, "--wait"), [4096, None])
        error = service.ok("status", run, "--nodes")["node"][1]["error"]
        equal("category", error["category"], "output_too_large")
        equal("message", error["message"], "the result is 5120 bytes; the limit is 5000 (result_bytes_max)")


def check_default_limits(_build, service):
    """Those of docs and DESIGN: one more is refused by name, and as many are served."""
    def message(body):
        return service.ok("exec", service.script("default.js", body + "\n"))
    caught = "try { %s; return 'accepted' } catch (e) { return e.message }"
    for body, words in ((caught % "await parallel(Array.from({length: 4097}, () => async () => 1))", ("4097", "4096")),
                        (caught % "for (let i = 0; i < 1001; i++) await agent('x')", ("cap reached (1000)",)),
                        (caught % "await agent('x'.repeat(16777217))", ("16777217", "16777216"))):
        said = message(body)
        for word in words:
            if word not in said:
                raise AssertionError(f"no {word!r} in {said!r}")
    equal("a list of 4,096", message("return (await parallel(Array.from({length: 4096}, () => async () => 1))).length"),
          4096)
    equal("a result of 64 MiB", message("return (await agent('[[big:65536]]')).length"), 64 << 20)
    said = service.ctl("exec", service.script("result.js", "return 'x'.repeat(67108865);\n"))
    equal("exit code", said.returncode, 1)
    if "67108864" not in said.stderr:
        raise AssertionError(said.stderr)
    args = os.path.join(service.path, "args.json")
    size = service.script("args.js", "return args.length;\n")
    for length in (16777214, 16777215):
        with open(args, "w") as out:
            out.write('"' + "y" * length + '"')
        done = service.ctl("exec", size, "--args-file", args)
        if length == 16777214:
            equal("args of 16 MiB", (done.returncode, done.stdout), (0, "16777214\n"))
        else:
            fails(done, 6, "16777217", "16777216", "args_bytes_max")


def check_own_limits_of_a_run(_build, service):
    script = service.script("own.js", "for (let i = 0; i < 4; i++) await agent('x');\n")
    said = service.ctl("exec", script, "--agents-max", "2")
    equal("exit code", said.returncode, 1)
    if "cap reached (2)" not in said.stderr:
        raise AssertionError(said.stderr)


# ---- other versions

def check_executor_of_another_version(build, service):
    def probe(version):
        return subprocess.run([os.path.join(build, "tests", "attach_probe"), service.address, str(version)], text=True,
                              capture_output=True, timeout=CALL_SECONDS_MAX, check=True).stdout
    said = probe(99)
    for word in ("refused: 9", "protocol 99", "protocol 1", "install both from the same release"):
        if word not in said:
            raise AssertionError(f"no {word!r} in {said!r}")
    equal("of this version", probe(1), "accepted\n")


def damage(service, *args):
    subprocess.run([os.path.join(service.tests, "journal_damage"), os.path.join(service.data, "journal"), *args],
                   check=True, timeout=CALL_SECONDS_MAX, stdin=subprocess.DEVNULL)


def check_journal_of_another_version(build):
    with Service(build) as service:
        run = service.ok("submit", service.script("a.js", "return 1;\n"))["run_id"]
        service.ok("result", run, "--wait")
        service.stop()
        damage(service, "schema", "99")
        status, said = service.refused_start()
        if status == 0 or "schema 99" not in said or "schema 1" not in said:
            raise AssertionError(f"status {status}: {said}")
        damage(service, "schema", "1")
        service.start()
        equal("the result", service.ok("result", run), 1)


# ---- damage

def check_record_that_does_not_parse(build):
    """It costs the run that it belongs to a named error; runs beside it finish."""
    with Service(build) as service:
        waiting = service.script("wait.js", "return [await agent('[[delay:1500]]a'), await agent('b')];\n")
        broken, whole = (service.ok("submit", waiting)["run_id"] for _ in range(2))
        done = service.ok("submit", service.script("done.js", "return await agent('c');\n"))["run_id"]
        service.ok("result", done, "--wait")
        service.stop()
        damage(service, "garble", broken, "2")
        service.start()
        equal("the run beside it", service.ok("result", whole, "--wait"), ["mock: a", "mock: b"])
        equal("the run before it", service.ok("result", done), "mock: c")
        status = service.ok("status", broken)
        equal("state", status["state"], "failed")
        for word in (broken, "2", "damaged"):
            if word not in status["error"]["message"]:
                raise AssertionError(f"no {word!r} in {status['error']}")
        fails(service.ctl("result", broken), 1, "damaged")
        if broken not in service.log():
            raise AssertionError("the log does not name the damaged run")


def check_flipped_byte_in_a_table(build):
    """A table block that does not check: its run is an error by name, the others are read."""
    with Service(build) as service:
        script = service.script("fill.js", "const all = [];\nfor (let i = 0; i < 150; i++) all.push(await agent("
                                "`${args} ${i} ${'y'.repeat(i)} ${Math.imul(i, 2654435761)}`));\nreturn all.length;\n")
        runs = [service.ok("submit", script, "--args", str(i))["run_id"] for i in range(6)]
        for run in runs:
            equal("result", service.ok("result", run, "--wait"), 150)
        service.stop()
        damage(service, "flush")
        table = max(glob.glob(os.path.join(service.data, "journal", "*.sst")), key=os.path.getsize)
        with open(table, "r+b") as f:
            f.seek(os.path.getsize(table) // 3)
            byte = f.read(1)[0]
            f.seek(-1, os.SEEK_CUR)
            f.write(bytes([byte ^ 0x40]))
        service.start()
        outcomes = collections.Counter()
        for run in runs:
            done = service.ctl("--json", "status", run, "--nodes")
            outcomes[done.returncode] += 1
            if done.returncode != 0:
                message = json.loads(done.stdout)["error"]["message"]
                if run not in message or "journal" not in message:
                    raise AssertionError(f"{run}: {message}")
        if not 1 <= sum(n for code, n in outcomes.items() if code != 0) <= 2:
            raise AssertionError(f"exit codes of {len(runs)} reads: {dict(outcomes)}")
        equal("new work", service.ok("exec", service.script("new.js", "return await agent('n');\n")), "mock: n")


def check_torn_log(build):
    """The log's last record is cut off, as a power cut does: its group is gone as a whole, the run goes on."""
    with Service(build) as service:
        proof = os.path.join(service.path, "proof")
        body = (f"const all = [];\nfor (let i = 0; i < 30; i++) all.push(await agent(`[[delay:20]][[append:{proof}:"
                "${i}]]${i}`));\nreturn all.length;\n")
        run = service.ok("submit", service.script("seq.js", body))["run_id"]
        read_until_done(service, run, 10)
        service.processes["odwd"].kill()
        service.processes.pop("odwd").wait()
        log = max(glob.glob(os.path.join(service.data, "journal", "*.log")), key=os.path.getmtime)
        with open(log, "r+b") as f:
            data = f.read().rstrip(b"\0")
            f.truncate(len(data) - 3)
        service.start()
        equal("result", service.ok("result", run, "--wait"), 30)


# ---- a full disk

class Disk:
    """A small tmpfs to fill. A context manager; Skipped where nothing may be mounted."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="odw-e2e-disk-")
        self.filler = os.path.join(self.path, "filler")

    def __enter__(self):
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={TMPFS_MIB}m,mode=0700", "tmpfs", self.path],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            os.rmdir(self.path)
            raise Skipped("a tmpfs cannot be mounted here: " + done.stderr.strip())
        return self

    def fill(self):
        with open(self.filler, "wb", buffering=0) as out:
            try:
                while True:
                    out.write(bytes(1 << 16))
            except OSError:
                pass

    def free(self):
        os.unlink(self.filler)

    def __exit__(self, *_):
        subprocess.run(["umount", "--lazy", self.path], check=False)
        shutil.rmtree(self.path, ignore_errors=True)


def read_until_done(service, run, count):
    """Follows a run until `count` of its nodes are done."""
    watch = subprocess.Popen(service.ctl_argv("--json", "watch", run), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, text=True)
    try:
        for line in watch.stdout:
            count -= json.loads(line).get("node", {}).get("state") == "done"
            if count == 0:
                return
        raise AssertionError("the run ended first")
    finally:
        watch.kill()
        watch.communicate()


def check_full_disk(build):
    with Disk() as disk, Service(build, data=os.path.join(disk.path, "daemon")) as service:
        before = service.ok("submit", service.script("before.js", "return await agent('early');\n"))["run_id"]
        equal("a run before", service.ok("result", before, "--wait"), "mock: early")
        proof = os.path.join(service.path, "proof")
        body = ("const sizes = [];\nfor (let i = 0; i < 60; i++) sizes.push((await agent("
                f"`[[delay:50]][[append:{proof}:${{i}}]][[big:512]]`)).length);\nreturn sizes.length;\n")
        run = service.ok("submit", service.script("big.js", body))["run_id"]
        read_until_done(service, run, 5)
        waiting = subprocess.Popen(service.ctl_argv("result", run, "--wait"), stdin=subprocess.DEVNULL, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        disk.fill()
        said = waiting.stderr.readline()  # why it waits longer
        if "journal" not in said or "No space left" not in said:
            raise AssertionError(said)
        fails(service.ctl("status", run), 4, "journal", "No space left")
        fails(service.ctl("submit", service.script("late.js", "return 1;\n")), 4, "journal")
        done = service.ctl("--json", "doctor")
        equal("doctor's exit code", done.returncode, 1)
        if "journal" not in done.stdout or "No space left" not in done.stdout:
            raise AssertionError(done.stdout)
        if "Free the disk and restart" not in service.log():
            raise AssertionError("odwd's log does not say what to do")
        disk.free()
        service.stop()
        service.start()
        equal("the run before", service.ok("result", before), "mock: early")
        equal("who waited all the time", waiting.communicate(timeout=CALL_SECONDS_MAX)[0], "60\n")
        equal("the run that was stopped", service.ok("result", run, "--wait"), 60)
        with open(proof) as f:
            times = collections.Counter(f.read().split())
        equal("executions of each node", (set(times.values()), len(times)), ({1}, 60))


def main(build, cases):
    shared = (("bad input: a script that does not parse", check_syntax_error),
              ("bad input: a script without meta", check_no_meta),
              ("bad input: no script", check_no_script),
              ("bad input: no daemon", check_no_daemon),
              ("bad input: an unknown run", check_unknown_run),
              ("bad input: a run's own limit", check_own_limits_of_a_run),
              ("bad input: the default limits", check_default_limits),
              ("bad input: an executor of another protocol version", check_executor_of_another_version),
              ("bad input: an idempotency key with another body", check_key_reused))
    try:
        service = Service(build)
        with service:
            for name, check in shared:
                cases.case(name, check, build, service)
    except AssertionError as problem:
        cases.case("bad input: a daemon to try it on", lambda: (_ for _ in ()).throw(problem))
    for name, check in (("bad input: limits at submit", check_limits_at_submit),
                        ("bad input: limits in a run", check_limits_in_a_run),
                        ("bad input: a node's result past the run's limit", check_result_of_a_node),
                        ("bad input: a journal of another version", check_journal_of_another_version),
                        ("bad input: a record that does not parse", check_record_that_does_not_parse),
                        ("bad input: a flipped byte in a table", check_flipped_byte_in_a_table),
                        ("bad input: a torn log", check_torn_log),
                        ("bad input: a full disk", check_full_disk)):
        cases.case(name, check, build)
