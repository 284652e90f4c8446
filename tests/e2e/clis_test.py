"""The real claude and codex CLIs, and bamboo, through odwd and odwctl, against the scripted model server."""
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse
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

    def bodies(self):
        with urllib.request.urlopen(self.env["ANTHROPIC_BASE_URL"] + "/__fake/requests?last=500") as answer:
            said = json.load(answer)
        return [request["body"] for request in (said["requests"] if isinstance(said, dict) else said)]

    def open_requests(self):
        with urllib.request.urlopen(self.env["ANTHROPIC_BASE_URL"] + "/__fake/health") as answer:
            return json.load(answer)["open"]

    def close(self):
        self.process.kill()
        self.process.wait()
        os.rmdir(self.folder)


class TlsFront:
    """A context manager: https://localhost:PORT in front of a server on loopback, with a certificate of its own."""

    def __init__(self, url):
        self.upstream = urllib.parse.urlsplit(url)
        self.folder = tempfile.mkdtemp(prefix="odw-e2e-tls-")
        self.certificate = os.path.join(self.folder, "certificate.pem")
        key = os.path.join(self.folder, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                        "-keyout", key, "-out", self.certificate], check=True, capture_output=True, timeout=60)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate, key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self.listener.getsockname()[1]}"
        self.threads = [threading.Thread(target=self._serve, daemon=True)]

    def __enter__(self):
        self.threads[0].start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes the accept
        self.listener.close()
        shutil.rmtree(self.folder)

    def _serve(self):
        while True:
            try:
                plain = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._carry, args=(plain,), daemon=True).start()

    def _carry(self, plain):
        try:
            with self.context.wrap_socket(plain, server_side=True) as inside, \
                    socket.create_connection((self.upstream.hostname, self.upstream.port)) as outside:
                back = threading.Thread(target=_pump, args=(outside, inside), daemon=True)
                back.start()
                _pump(inside, outside)
                back.join()
        except OSError:  # a refused handshake, a client that left
            pass


def _pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def install():
    """The pinned CLIs; without a registry to get them from, a reason to skip, but never in CI."""
    done = subprocess.run([os.path.join(ROOT, "tests/e2e/install_clis.sh")], capture_output=True, text=True,
                          timeout=900, check=False)
    if done.returncode != 0:
        if os.environ.get("CI"):
            raise AssertionError(f"the CLIs could not be installed: {done.stderr}")
        raise Skipped(f"the CLIs could not be installed: {done.stderr.strip()[-200:]}")


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


def check_session_goes_on(service, runtime):
    """The second attempt goes on with the first one's session, in a work tree with the first one's files."""
    repository = Repository()
    try:
        repository.write("a.txt", "a\n")
        repository.commit("base")
        second, go = os.path.join(service.path, "second-" + runtime), os.path.join(service.path, "go-on-" + runtime)
        run_id = submit(service, "session-" + runtime, """
return await agent('[[run:echo x >> begun]] [[run:touch %s; while [ ! -e %s ]; do sleep 0.1; done]] [[say:went on]]',
  { runtime: '%s', isolation: 'worktree', permission: 'full' });
""" % (second, go, runtime), cwd=repository.path)
        wait_for("the second command", lambda: os.path.exists(second))
        os.kill(min(cli_pids(service, runtime)), signal.SIGKILL)
        with open(go, "w"):
            pass
        equal("result", result_of(service, run_id)["text"], "went on")
        node = service.ok("status", run_id, "--nodes")["node"][0]
        equal("attempts", node["attempts"], 2)
        # The scripted model does as the repeated prompt says; a real one sees what the session did already.
        equal("both attempts' lines", repository.git("show", f"refs/odw/{run_id}/n1/result:begun"), "x\nx\n")
        resumed = [body for body in map(json.dumps, service.model_server.bodies())
                   if "The work was interrupted" in body and second in body]
        if not resumed or resumed[0].count("echo x >> begun") < 3:
            raise AssertionError(f"the second attempt's first request has not the first one's words: {resumed[:1]}")
    finally:
        repository.remove()


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
            service.spawn_executor(runtime)
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


def doctor(service, status, *flags, **env):
    """What odwctl doctor finds in `env`: by runtime, or by provider for bamboo's."""
    done = subprocess.run(service.ctl_argv("--json", "doctor", *flags), capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=300, check=False,
                          env={**os.environ, "ODW_STATE": service.path, **env})
    if KEY in done.stdout + done.stderr:
        raise AssertionError("doctor shows the key")
    if done.returncode != status:
        raise AssertionError(f"status {done.returncode}: {done.stdout}{done.stderr}")
    found = json.loads(done.stdout)
    equal("ok", found["ok"], status == 0)
    return {c.get("provider") or c["runtime"]: c for c in found["runtimes"]}, found["checks"]


def check_doctor(service):
    found, _ = doctor(service, 0)
    equal("runtimes", sorted(found), ["claude", "codex", "deepseek"])
    for name, check in found.items():
        equal(name, [check[f] for f in ("set_up", "ok", "key_present", "reachable")], [True] * 4)
    wanted = f"claude {found['claude']['version']}, "
    wait_for("the attached claude's version", lambda: any(
        c["name"] == "executor claude" and c["finding"].startswith(wanted) for c in doctor(service, 0)[1]))
    probed, _ = doctor(service, 0, "--probe")
    for name, check in probed.items():
        equal(name + "'s probe", (check["probe"]["ok"], check["probe"]["usage"]["model_calls"] > 0), (True, True))


def check_doctor_finds_faults(service):
    """An address where nobody listens, and a key that is refused, are faults; what is not there is none."""
    found, _ = doctor(service, 1, DEEPSEEK_BASE_URL="http://user:secret@127.0.0.1:1/v1")
    equal("deepseek", [found["deepseek"][f] for f in ("ok", "reachable", "base_url")],
          [False, False, "http://127.0.0.1:1/v1"])
    equal("the others", [found[r]["ok"] for r in ("claude", "codex")], [True, True])
    found, _ = doctor(service, 1, ANTHROPIC_BASE_URL="ftp://127.0.0.1/")
    equal("claude", [found["claude"][f] for f in ("ok", "problem")],
          [False, "its base URL is no http:// or https:// URL"])
    found, _ = doctor(service, 1, "--probe", DEEPSEEK_API_KEY="sk-wrong-key-0123456789")
    equal("deepseek's probe", found["deepseek"]["probe"]["category"], "AUTH")
    found, _ = doctor(service, 0, PATH="/usr/bin:/bin", DEEPSEEK_API_KEY="", DEEPSEEK_BASE_URL="")
    equal("set up", [c["set_up"] for c in found.values()], [False] * 3)


def check_fallback(build):
    """claude's key is refused: the node goes on with the model that it names next, or that the run names."""
    with Service(build, executors=()) as service:
        service.spawn_executor("claude", env={"ANTHROPIC_API_KEY": "sk-refused-0123456789"})
        service.spawn_executor("bamboo")
        model = "bamboo:deepseek/deepseek-v4-pro"
        of_node = submit(service, "of-node",
                         f"return await agent('go on', {{ runtime: 'claude', fallback: ['{model}'] }});")
        script = service.script("of-run.js", "return await agent('go on too', { runtime: 'claude' });")
        of_run = service.ok("submit", script, "--fallback", model)["run_id"]
        for run_id, text in ((of_node, "echo: go on"), (of_run, "echo: go on too")):
            equal("result", result_of(service, run_id), text)
            status = service.ok("status", run_id, "--nodes")
            equal("the run", (status["state"], status["health"]), ("completed", "ok"))
            node = status["node"][0]
            equal("who answered", (node["runtime"], node["provider"], node["model"]),
                  ("bamboo", "deepseek", "deepseek-v4-pro"))
            equal("attempts", node["attempts"], 2)


def check_shell_has_no_key(service):
    """A command that prints its environment prints no key: there is none, rather than one taken out afterwards."""
    run_id = submit(service, "env", """
return await parallel(%s.map((runtime) => () => agent('[[run:env]] [[result]] ' + runtime, { runtime })));
""" % json.dumps(RUNTIMES))
    for runtime, text in zip(RUNTIMES, result_of(service, run_id)):
        if "ODW_TASK=" not in text:
            raise AssertionError(f"{runtime}: the command printed no environment: {text}")
        for trace in (KEY, "[redacted]", "_API_KEY="):
            if trace in text:
                raise AssertionError(f"{runtime}: {trace} in {text}")


def check_no_network(service):
    """Each runtime answers, so it reached its API; a command of each cannot reach the same server."""
    url = service.model_server.env["ANTHROPIC_BASE_URL"]
    body = """
return await parallel(%s.map((runtime) => () => agent(
  '[[run:curl -s -o /dev/null %s/__fake/health; echo status $?]] [[result]] ' + runtime, { runtime, network: '%s' })));
"""
    run_id = submit(service, "no-network", body % (json.dumps(RUNTIMES), url, "no"))
    # codex's shell says more than the command did.
    texts = [text.split()[-2:] for text in result_of(service, run_id)]
    equal("curl without a network", texts, [["status", "7"]] * len(RUNTIMES))
    for node in service.ok("status", run_id, "--nodes")["node"]:
        equal("not enforced", node.get("not_enforced", []), [])
    run_id = submit(service, "network", body % (json.dumps(RUNTIMES), url, "yes"))
    texts = [text.split()[-2:] for text in result_of(service, run_id)]
    equal("curl with one", texts, [["status", "0"]] * len(RUNTIMES))


def check_no_network_over_tls(build, server):
    """An https:// API is reached by a tunnel to it, and no tunnel leads elsewhere."""
    with TlsFront(server.env["ANTHROPIC_BASE_URL"]) as front, Service(build, executors=()) as service:
        service.spawn_executor("claude", env={"ANTHROPIC_BASE_URL": front.url,
                                              "NODE_EXTRA_CA_CERTS": front.certificate})
        curl = "curl -s -o /dev/null --cacert " + front.certificate
        run_id = submit(service, "tls", """
return await parallel(['%s', '%s'].map((command) => () =>
  agent('[[run:' + command + '; echo status $?]] [[result]]', { runtime: 'claude', network: 'no' })));
""" % (f"{curl} {front.url}/__fake/health", f"{curl} {front.url.replace('localhost', '127.0.0.1')}/__fake/health"))
        # The API itself can be called by whoever has a key; curl's 56: the proxy refused.
        equal("tunnels", [text.strip() for text in result_of(service, run_id)], ["status 0", "status 56"])


def check_any_model(service):
    """Names that nobody has heard of reach the provider as they are."""
    names = {runtime: f"unheard-of-{runtime}-9" for runtime in RUNTIMES}
    run_id = submit(service, "models", """
const names = %s;
return await parallel(Object.keys(names).map((runtime) => () =>
  agent('model of ' + runtime, { runtime, model: names[runtime] })));
""" % json.dumps(names))
    equal("texts", result_of(service, run_id), [f"echo: model of {r}" for r in RUNTIMES])
    asked = {body.get("model") for body in service.model_server.bodies()}
    equal("models that were asked for", sorted(set(names.values()) - asked), [])


def check_no_key_anywhere(service):
    """After all of the above, and files of a node's that hold the key whole and in halves: it is in no file of ours."""
    with tempfile.TemporaryDirectory() as work:
        for name, text in (("whole", KEY), ("left", KEY[:9]), ("right", KEY[9:])):
            with open(os.path.join(work, name), "w") as f:
                f.write(text)
        run_id = submit(service, "leak", """
return await parallel(%s.map((runtime) => () => agent(
  '[[trickle:2]] [[run:cat whole; echo; cat left right]] [[result]] ' + runtime, { runtime })));
""" % json.dumps(RUNTIMES), cwd=work)
        for text in result_of(service, run_id):
            equal("keys taken out of " + text, (text.count("[redacted]"), KEY in text), (2, False))
    reported = service.ctl("report", run_id, "--out", os.path.join(service.path, "report.html"))
    equal("report, " + reported.stderr, reported.returncode, 0)
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
            service.model_server = server
            for name, check, *args in (
                    ("text and structured answers on three runtimes", check_text_and_schema),
                    ("a refused key is an auth error", check_bad_key),
                    ("any model is passed on", check_any_model),
                    ("the shell has no key", check_shell_has_no_key),
                    ("without a network only the API is reached", check_no_network),
                    ("a rate limit is waited out", check_rate_limit),
                    ("a killed claude goes on", check_killed_cli, "claude"),
                    ("a killed codex goes on", check_killed_cli, "codex"),
                    ("a retry of claude goes on with its session", check_session_goes_on, "claude"),
                    ("a retry of codex goes on with its session", check_session_goes_on, "codex"),
                    ("odwd's death repeats nothing", check_daemon_restart),
                    ("three work trees, executors killed in mid-edit", check_three_trees),
                    ("100 nodes on 16 slots", check_many),
                    ("doctor", check_doctor),
                    ("doctor finds faults", check_doctor_finds_faults),
                    ("no key in any file", check_no_key_anywhere)):
                cases.case("clis: " + name, check, service, *args)
        cases.case("clis: a node goes on with its fallback", check_fallback, build)
        cases.case("clis: without a network, over TLS", check_no_network_over_tls, build, server)
    finally:
        server.close()
