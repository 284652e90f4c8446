"""odwctl's verbs on real programs: control of runs and nodes, resume, check, plan, saved workflows."""
import json
import os
import subprocess
import tempfile
import threading

from harness import COMMAND_SECONDS_MAX, State, equal, run

EVENT_SECONDS_MAX = 60
META = "export const meta = { name: '%s', description: 'd' };\n"


class Odwctl:
    """The programs of a build on a state folder and a project folder of their own."""

    def __init__(self, build):
        self.program = os.path.join(build, "bin", "odwctl")
        self.state = State()
        self.project = tempfile.TemporaryDirectory(prefix="odw-e2e-project-")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.state.remove()
        self.project.cleanup()

    def __call__(self, *argv, exit_code=0):
        done = run([self.program, *argv], cwd=self.project.name, env=self.state.env, check=False)
        if done.returncode != exit_code:
            raise AssertionError(f"{argv}: exit code {done.returncode}, not {exit_code}\n{done.stdout}\n{done.stderr}")
        return done

    def json(self, *argv, exit_code=0):
        return json.loads(self(*argv, "--json", exit_code=exit_code).stdout)

    def script(self, body, name="flow"):
        path = os.path.join(self.project.name, name + ".js")
        with open(path, "w", encoding="utf-8") as out:
            out.write(META % name + body)
        return path

    def submit(self, body, *flags):
        return self.json("submit", self.script(body), "--backend", "mock", *flags)["run_id"]

    def await_event(self, run_id, wanted):
        """Follows the run until an event satisfies `wanted`."""
        watch = subprocess.Popen([self.program, "watch", run_id, "--json"], text=True, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                                 env={**os.environ, **self.state.env})
        deadline = threading.Timer(EVENT_SECONDS_MAX, watch.kill)
        deadline.start()
        try:
            for line in watch.stdout:
                if wanted(json.loads(line)):
                    return
        finally:
            deadline.cancel()
            watch.kill()
            watch.communicate(timeout=COMMAND_SECONDS_MAX)
        raise AssertionError(f"{run_id} ended, or {EVENT_SECONDS_MAX} s went by, without the event")

    def await_running(self, run_id, node, attempt=1):
        self.await_event(run_id, lambda e: e.get("node", {}).get("node") == node and
                         e["node"]["state"] == "running" and e["node"]["attempt"] >= attempt)


def check_skip(build):
    with Odwctl(build) as odwctl:
        run_id = odwctl.submit("return await agent('[[hang]]x');")
        odwctl.await_running(run_id, "n1")
        odwctl("skip", run_id, "n9", exit_code=5)
        odwctl("skip", run_id, "n1")
        equal("result", odwctl.json("result", run_id, "--wait"), None)
        equal("skipped", odwctl.json("status", run_id)["nodes"]["skipped"], 1)
        odwctl("skip", run_id, "n1", exit_code=6)


def check_restart(build):
    with Odwctl(build) as odwctl:
        run_id = odwctl.submit("return await agent('[[hang]]x');")
        odwctl.await_running(run_id, "n1")
        odwctl("restart", run_id, "1")
        odwctl.await_running(run_id, "n1", attempt=2)
        odwctl("stop", run_id)
        odwctl("result", run_id, "--wait", exit_code=7)


def check_pause(build):
    with Odwctl(build) as odwctl:
        run_id = odwctl.submit("await agent('[[hang]]a'); return await agent('b');")
        odwctl.await_running(run_id, "n1")
        odwctl("pause", run_id, "--reason", "lunch")
        odwctl("pause", run_id, exit_code=6)
        status = odwctl.json("status", run_id)
        equal("state", (status["state"], status["waiting_for"]), ("paused", ["paused: lunch"]))
        odwctl.await_event(run_id, lambda e: e.get("state", {}).get("state") == "paused")
        odwctl("skip", run_id, "n1")
        equal("held", odwctl.json("status", run_id)["nodes"]["total"], 1)
        odwctl("unpause", run_id)
        equal("result", odwctl.json("result", run_id, "--wait"), "mock: b")


def check_delete(build):
    with Odwctl(build) as odwctl:
        open_run = odwctl.submit("return await agent('[[hang]]x');")
        odwctl("delete", open_run, exit_code=6)
        odwctl("stop", open_run)
        ended = odwctl.submit("return 1;")
        odwctl("result", ended, "--wait")
        odwctl("delete", ended)
        odwctl("status", ended, exit_code=5)
        odwctl("delete", ended, exit_code=5)


def check_rerun(build):
    with Odwctl(build) as odwctl:
        good = odwctl.submit("return await agent('a');")
        odwctl("result", good, "--wait")
        odwctl("rerun", good, "--failed", exit_code=6)
        odwctl("rerun", good, exit_code=2)
        mixed = odwctl.submit("return [await agent('a'), await agent('[[fail:refused]]b')];")
        odwctl("result", mixed, "--wait")
        equal("result", odwctl.json("rerun", mixed, "--failed", "-q"), ["mock: a", None])
        newest = odwctl.json("list", "--limit", "1")["runs"][0]
        equal("resumed", (newest["resumed_from"], newest["nodes"]["cached"], newest["nodes"]["failed"]), (mixed, 1, 1))
        nodes = odwctl.json("status", newest["run_id"], "--nodes")["node"]
        equal("origin", nodes[0]["cached_from"], {"run_id": mixed, "node": "n1"})


def check_resume_of_an_open_run(build):
    with Odwctl(build) as odwctl:
        run_id = odwctl.submit("return await agent('[[hang]]x');")
        done = odwctl("resume", run_id, exit_code=6)
        if run_id not in done.stderr or "next: " not in done.stderr:
            raise AssertionError(done.stderr)
        odwctl("stop", run_id)


def check_check(build):
    with Odwctl(build) as odwctl:
        good = odwctl.json("check", odwctl.script("return 1;"))
        equal("good", (good["ok"], good["name"], good["dialect"]), (True, "flow", "builtin"))
        bad = odwctl.json("check", odwctl.script("const a = 1;\nimport('fs');\nconst b = = 2;\n"), exit_code=2)
        equal("bad", (bad["ok"], bad["problems"][0]["line"]), (False, 4))
        shown = odwctl("check", odwctl.script("const b = = 2;\n"), exit_code=2).stdout
        equal("shown", shown.splitlines()[1:], ["    const b = = 2;", "              ^"])
        equal("no run", odwctl.json("list")["runs"], [])


def check_plan(build):
    with Odwctl(build) as odwctl:
        script = odwctl.script("await parallel([1, 2, 3].map((i) => () => agent(`q ${i}`, { phase: 'Ask', model: 'opus' })));"
                               "return await agent('sum', { runtime: 'command', command: 'rm', args: ['-rf', '/'] });")
        plan = odwctl.json("plan", script, "--runtime", "claude")
        equal("nodes", plan["nodes"], 4)
        asked = [g for g in plan["groups"] if g["phase"] == "Ask"]
        equal("group", [(g["nodes"], g["model"], g["currency"]) for g in asked], [(3, "opus", "USD")])
        if not 0 < plan["cost_micros"]["USD"]["low"] < plan["cost_micros"]["USD"]["high"]:
            raise AssertionError(plan)
        equal("nothing stays", odwctl.json("list")["runs"], [])


def check_saved_workflows(build):
    with Odwctl(build) as odwctl:
        odwctl("workflows", "save", odwctl.script("return args ?? 'none';", "say-it"))
        saved = os.path.join(odwctl.project.name, ".odw/workflows/say-it.js")
        os.remove(os.path.join(odwctl.project.name, "say-it.js"))
        equal("by name", odwctl.json("exec", "say-it", "--backend", "mock", "-q", "--args", "5"), 5)
        equal("listed", [(w["name"], w["path"]) for w in odwctl.json("workflows", "list")["workflows"]],
              [("say-it", os.path.realpath(saved))])
        run_id = odwctl.submit("return 'of a run';")
        odwctl("workflows", "save", run_id, "--claude")
        equal("the script of a run", odwctl.json("exec", "flow", "--backend", "mock", "-q"), "of a run")
        unknown = odwctl("exec", "no-such", "--backend", "mock", exit_code=5)
        if "no-such" not in unknown.stderr or "say-it" not in unknown.stderr:
            raise AssertionError(unknown.stderr)
        odwctl("workflows", "remove", "say-it")
        equal("removed", os.path.exists(saved), False)


CHECKS = (("skip", check_skip), ("restart", check_restart), ("pause", check_pause), ("delete", check_delete),
          ("rerun --failed", check_rerun), ("an open run cannot be resumed", check_resume_of_an_open_run),
          ("check", check_check), ("plan", check_plan), ("saved workflows", check_saved_workflows))


def main(build, cases):
    for name, check in CHECKS:
        cases.case(f"verbs: {name}", check, build)
