"""The real claude and codex CLIs, and bamboo, through odwd and odwctl, against the scripted model server."""
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
import urllib.request

from harness import ROOT, Repository, Skipped, equal
from service import Service

CLIS = os.path.join(ROOT, "build/third_party/clis/node_modules/.bin")
FAKE = os.path.join(ROOT, "tests/fakes/fake-model-server.mjs")
KEY = "sk-e2e-4f1a7c0ffee99"
RUNTIMES = ("claude", "codex", "bamboo")
WAIT_SECONDS_MAX = 60
NODES = 100
SCHEMA = '{type: "object", properties: {n: {type: "integer"}}, required: ["n"], additionalProperties: false}'


class ModelServer:
    """The scripted provider, and the environment that leads every runtime to it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="odw-e2e-fake-")
        self.process = subprocess.Popen(["node", FAKE, "--ttl", "600", "--quiet", "--key", KEY],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        url = json.loads(self.process.stdout.readline())["url"]
        self.env = {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": KEY, "OPENAI_BASE_URL": url + "/v1",
                    "OPENAI_API_KEY": KEY, "DEEPSEEK_BASE_URL": url + "/deepseek", "DEEPSEEK_API_KEY": KEY,
                    "PATH": CLIS + ":" + os.environ["PATH"]}

    def open_requests(self):
        with urllib.request.urlopen(self.env["ANTHROPIC_BASE_URL"] + "/__fake/health") as answer:
            return json.load(answer)["open"]

    def close(self):
        self.process.kill()
        self.process.wait()
        os.rmdir(self.folder)


def install():
    """The pinned CLIs; without a registry to get them from, a reason to skip, but never in CI."""
    done = subprocess.run([os.path.join(ROOT, "tests/e2e/install_clis.sh")], capture_output=True, text=True,
                          timeout=900, check=False)
    if done.returncode != 0:
        if os.environ.get("CI"):
            raise AssertionError(f"the CLIs could not be installed: {done.stderr}")
        raise Skipped(f"the CLIs could not be installed: {done.stderr.strip()[-200:]}")


def executor_argv(service, runtime):
    return [os.path.join(service.bin, "odw-executor"), "--runtime", runtime, "--daemon", service.address, "--state",
            os.path.join(service.path, runtime), "--linger-seconds", "120"]


def wait_for(what, condition):
    """Looks again and again: what is waited for lives in a CLI's own children and has no descriptor here."""
    end = time.monotonic() + WAIT_SECONDS_MAX
    pause = threading.Event()
    while time.monotonic() < end:
        if condition():
            return
        pause.wait(0.02)
    raise AssertionError(f"not within {WAIT_SECONDS_MAX} s: {what}")


def result_of(service, run_id):
    done = service.ctl("--json", "result", run_id, "--wait")
    if done.returncode != 0:
        raise AssertionError(f"status {done.returncode}: {done.stdout}{done.stderr}"
                             + "".join(service.log(r)[-600:] for r in RUNTIMES))
    return json.loads(done.stdout)


def submit(service, name, body, cwd=None):
    script = service.script(name + ".js", body)
    done = subprocess.run(service.ctl_argv("--json", "submit", script), cwd=cwd or service.path, capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, timeout=60, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return json.loads(done.stdout)["run_id"]


def check_text_and_schema(service):
    run_id = submit(service, "text", """
const runtimes = %s;
const said = await parallel(runtimes.map((runtime) => () => agent('hello from ' + runtime, { runtime })));
const fits = await parallel(runtimes.map((runtime) => () =>
  agent('[[offschema:1]] [[json:{"n":7}]] ' + runtime, { runtime, schema: %s, maxAttempts: 3 })));
return { said, fits };
""" % (json.dumps(RUNTIMES), SCHEMA))
    result = result_of(service, run_id)
    equal("texts", result["said"], [f"echo: hello from {r}" for r in RUNTIMES])
    equal("structured answers", result["fits"], [{"n": 7}] * len(RUNTIMES))


def check_bad_key(service):
    run_id = submit(service, "bad", """
return await parallel(%s.map((runtime) => async () => {
  return (await agent('[[status:401]] ' + runtime, { runtime })).ok;
}));""" % json.dumps(RUNTIMES))
    equal("outcomes", result_of(service, run_id), [False] * len(RUNTIMES))
    equal("census", service.ok("status", run_id)["census"], {"auth": len(RUNTIMES)})


def check_rate_limit(service):
    """A 429 is waited out: the node's one result comes."""
    run_id = submit(service, "limited", """
return await parallel(%s.map((runtime) => () => agent('r [[status:429:4]] [[retry-after:1]] ' + runtime, { runtime })));
""" % json.dumps(RUNTIMES))
    equal("texts", result_of(service, run_id), [f"echo: r {r}" for r in RUNTIMES])


def check_killed_cli(service, runtime):
    """The node's next attempt goes on; the first one's files are there."""
    work = tempfile.mkdtemp(dir=service.path)
    run_id = submit(service, "killed-" + runtime, """
return await agent('[[run:echo x >> begun; while [ ! -e go ]; do sleep 0.1; done]] [[say:went on]]', { runtime: '%s' });
""" % runtime, cwd=work)
    wait_for("the CLI's command", lambda: os.path.exists(os.path.join(work, "begun")))
    pids = [pid for pid in cli_pids(service, runtime)]
    os.kill(min(pids), signal.SIGKILL)
    with open(os.path.join(work, "go"), "w"):
        pass
    equal("result", result_of(service, run_id), "went on")


def cli_pids(service, runtime):
    """The CLI's processes of this service's executor, told by the session folder in their environment."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/environ", "rb") as f:
                ours = os.path.join(service.path, runtime).encode() in f.read()
            if ours and f"/{runtime}" in os.readlink(f"/proc/{name}/exe"):
                found.append(int(name))
        except OSError:
            pass
    return found


def check_daemon_restart(service):
    """odwd dies while every runtime works: the tasks are adopted and run once."""
    work = tempfile.mkdtemp(dir=service.path)
    run_id = submit(service, "restart", """
return await parallel(%s.map((runtime) => () => agent(
  '[[run:echo x >> begun-' + runtime + '; while [ ! -e go ]; do sleep 0.1; done]] [[say:once]] ' + runtime, { runtime })));
""" % json.dumps(RUNTIMES), cwd=work)
    for runtime in RUNTIMES:
        wait_for(runtime, lambda r=runtime: os.path.exists(os.path.join(work, "begun-" + r)))
    service.restart_after_kill()
    with open(os.path.join(work, "go"), "w"):
        pass
    equal("results", result_of(service, run_id), ["once"] * len(RUNTIMES))
    for runtime in RUNTIMES:
        with open(os.path.join(work, "begun-" + runtime)) as f:
            equal(f"times that {runtime} ran", f.read(), "x\n")


def check_three_trees(service):
    """Three files by three runtimes in three work trees; each executor is killed in mid-edit; the merge is exact."""
    repository = Repository()
    try:
        for runtime in RUNTIMES:
            repository.write(f"{runtime}.txt", f"before {runtime}\n")
        repository.commit("base")
        go = os.path.join(service.path, "go-trees")
        run_id = submit(service, "trees", """
return await parallel(%s.map((runtime) => () => agent(
  '[[write:' + runtime + '.txt:after ' + runtime + '\\\\n]] [[run:while [ ! -e %s ]; do sleep 0.1; done; echo new > new-' +
  runtime + ']] [[say:done]]', { runtime, isolation: 'worktree' })));
""" % (json.dumps(RUNTIMES), go), cwd=repository.path)
        wait_for("edits", lambda: all(edited(service.path, r) for r in RUNTIMES))
        for runtime in RUNTIMES:
            process = service.processes.pop(runtime)
            process.kill()
            process.wait()
            service._spawn(runtime, executor_argv(service, runtime))  # pylint: disable=protected-access
        # Until then bamboo's command, which nobody supervises, is there still.
        wait_for("bamboo's adoption", lambda: "goes on after turn" in service.log("bamboo"))
        with open(go, "w"):
            pass
        equal("results", [part["text"] for part in result_of(service, run_id)], ["done"] * len(RUNTIMES))
        merged = service.ctl("merge", run_id)
        equal("merge, " + merged.stderr, merged.returncode, 0)
        # bamboo does not repeat a command that had begun; the CLIs went on under their supervisors.
        wanted = {f"{runtime}.txt": f"after {runtime}\n" for runtime in RUNTIMES}
        wanted.update({"new-claude": "new\n", "new-codex": "new\n"})
        names = repository.git("ls-tree", "-r", "--name-only", "HEAD").split()
        equal("the merged tree", {name: repository.git("show", f"HEAD:{name}") for name in names}, wanted)
    finally:
        repository.remove()


def edited(folder, runtime):
    for path, _, names in os.walk(os.path.join(folder, runtime, "trees")):
        if f"{runtime}.txt" in names:
            with open(os.path.join(path, f"{runtime}.txt")) as f:
                if f.read() == f"after {runtime}\n":
                    return True
    return False


def check_many(service):
    """Six times as many nodes as slots: none is lost, none is run twice, nothing is left running."""
    run_id = submit(service, "many", f"""
return await parallel(Array.from({{ length: {NODES} }}, (_, i) => () => agent('node ' + i, {{ runtime: 'codex' }})));
""")
    equal("results", result_of(service, run_id), [f"echo: node {i}" for i in range(NODES)])
    equal("runs again", service.ok("status", run_id)["re_executed"], 0)
    equal("processes left", cli_pids(service, "codex"), [])
    for folder in ("tasks", "work"):
        equal(folder, os.listdir(os.path.join(service.path, "codex", folder)), [])


def check_no_key_anywhere(service):
    """After all of the above, and a command that prints its environment: the key is in no file."""
    run_id = submit(service, "leak", """
return await parallel(%s.map((runtime) => () => agent('[[run:env]] [[result]] ' + runtime, { runtime })));
""" % json.dumps(RUNTIMES))
    if KEY in json.dumps(result_of(service, run_id)):
        raise AssertionError("the key is in the result")
    for folder, _, names in os.walk(service.path):
        for name in names:
            path = os.path.join(folder, name)
            if "/home/" in path or not os.path.isfile(path):  # the CLIs' own transcripts
                continue
            with open(path, "rb") as f:
                if KEY.encode() in f.read():
                    raise AssertionError(f"the key is in {path}")


def main(build, cases):
    server = ModelServer()
    try:
        cases.case("clis: the pinned ones are installed", install)
        if not all(os.access(os.path.join(CLIS, name), os.X_OK) for name in ("claude", "codex")):
            return  # counted as skipped, or as failed
        os.environ.update(server.env)
        with Service(build, executors=RUNTIMES) as service:
            for name, check, *args in (
                    ("text and structured answers on three runtimes", check_text_and_schema),
                    ("a refused key is an auth error", check_bad_key),
                    ("a rate limit is waited out", check_rate_limit),
                    ("a killed claude goes on", check_killed_cli, "claude"),
                    ("a killed codex goes on", check_killed_cli, "codex"),
                    ("odwd's death repeats nothing", check_daemon_restart),
                    ("three work trees, executors killed in mid-edit", check_three_trees),
                    ("100 nodes on 16 slots", check_many),
                    ("no key in any file", check_no_key_anywhere)):
                cases.case("clis: " + name, check, service, *args)
    finally:
        server.close()
