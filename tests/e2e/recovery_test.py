"""What a kill -9 of odwd must not change beyond a run's own progress: resumed runs, look-ups, a turned clock."""
import os
import subprocess
import time

from harness import equal, run
from service import CALL_SECONDS_MAX, Service, fails

DAY_MS = 24 * 3600 * 1000


def submit(service, name, body, *flags):
    return service.ok("submit", service.script(name, body), *flags)["run_id"]


def result(service, run_id):
    return service.ok("result", run_id, "--wait")


def node_states(service, run_id):
    return [node["state"] for node in service.ok("status", run_id, "--nodes").get("node", [])]


def await_states(service, run_id, states):
    give_up = time.monotonic() + CALL_SECONDS_MAX
    while node_states(service, run_id) != states:
        if time.monotonic() > give_up:
            raise AssertionError(f"nodes: {node_states(service, run_id)}, wanted {states}")


def check_resumed_run(build):
    """Results of the run that is resumed answer calls after a restart too, large ones included."""
    with Service(build) as service:
        body = "return [(await agent('[[big:64]]one')).length, await agent('two')];"
        old = submit(service, "old.js", body)
        result(service, old)
        service.script("new.js", "await agent('[[hang]]wait');" + body)
        new = service.ok("resume", old, "--script", os.path.join(service.path, "new.js"), "--detach")["run_id"]
        fails(service.ctl("delete", old), 6, new)
        service.restart_after_kill()
        fails(service.ctl("delete", old), 6, new)
        service.ok("skip", new, "n1")
        equal("result", result(service, new), [65536, "mock: two"])
        equal("states", node_states(service, new), ["skipped", "cached", "cached"])
        service.ok("delete", old)
        service.restart_after_kill()
        equal("the results are its own by now", result(service, new), [65536, "mock: two"])
        third = service.ok("resume", new, "--detach")["run_id"]
        await_states(service, third, ["running"])
        service.ok("skip", third, "n1")
        result(service, third)
        equal("again", node_states(service, third)[1:], ["cached", "cached"])


def check_key_of_a_deleted_run(build):
    with Service(build) as service:
        first = submit(service, "flow.js", "return 1;", "--key", "nightly")
        result(service, first)
        equal("the same", submit(service, "flow.js", "return 1;", "--key", "nightly"), first)
        service.ok("delete", first)
        second = submit(service, "flow.js", "return 1;", "--key", "nightly")
        if second == first:
            raise AssertionError("the key still names the deleted run")
        fails(service.ctl("status", first), 5)


def check_child_is_what_it_was(build):
    """A child that was found stays as it was for its run, whatever becomes of the file."""
    with Service(build) as service:
        folder = os.path.join(service.path, "project")
        os.makedirs(os.path.join(folder, ".claude", "workflows"))
        run(["git", "-C", folder, "init", "-q"])
        child = os.path.join(folder, ".claude", "workflows", "kid.js")
        with open(child, "w") as out:
            out.write("export const meta = {name: 'kid', description: 'd'};\nreturn [await agent('[[hang]]x'), 'first'];\n")
        run_id = submit(service, "flow.js", "return await workflow('kid');", "--cwd", folder)
        await_states(service, run_id, ["running"])
        os.remove(child)
        service.restart_after_kill()
        service.ok("skip", run_id, "n2")
        equal("result", result(service, run_id), [None, "first"])
        again = submit(service, "flow.js", "return await workflow('kid').catch((e) => e.message);", "--cwd", folder)
        equal("gone", result(service, again), "workflow('kid'): no workflow with that name. Available: none")


def advance(service, by_ms):
    done = subprocess.run([os.path.join(service.tests, "advance_clock"), service.address, str(by_ms)], check=True,
                          capture_output=True, text=True, timeout=CALL_SECONDS_MAX)
    return int(done.stdout)


def check_clock(build):
    """Time moves when it is turned, timers fire one after the other, and a restart never takes it back."""
    with Service(build, flags=("--clock=manual",)) as service:
        run_id = submit(service, "flow.js", """
            const order = [];
            const wait = (ms, name) => new Promise((done) => setTimeout(() => { order.push(name); done(); }, ms));
            await Promise.all([wait(90000, 'late'), wait(5000, 'early').then(() => wait(5000, 'then'))]);
            return order;""")
        start = advance(service, 0)
        advance(service, 9000)
        equal("state", service.ok("status", run_id)["state"], "running")
        now = advance(service, DAY_MS)
        equal("time", now - start, DAY_MS + 9000)
        equal("result", result(service, run_id), ["early", "then", "late"])
        submit(service, "later.js", "return 1;")
        service.restart_after_kill()
        if advance(service, 0) < now:
            raise AssertionError("time went back with the restart")


CHECKS = (("a resumed run", check_resumed_run), ("the key of a deleted run", check_key_of_a_deleted_run),
          ("a child workflow", check_child_is_what_it_was), ("a turned clock", check_clock))


def main(build, cases):
    for name, check in CHECKS:
        cases.case(f"recovery: {name}", check, build)
