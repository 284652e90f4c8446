"""A call that never ends is stopped at its run's ceiling, on each real runtime, and goes on with a higher one."""
import json
import os
import uuid

from clis_test import CLIS, RUNTIMES, ModelServer, cli_pids, wait_for
from harness import equal
from service import Service

# A call takes some time, as a real one does, so that few are made between a look and the next.
LOOP = "[[loop:true %s; sleep 0.5]] [[usage:in=10,out=1000]]"
TOKENS_A_CALL = 1010
CALLS_AFTER_MAX = 3


class Asked:
    """What reached the model server for one run, told by a word of its prompt."""

    def __init__(self, server):
        self.server = server
        self.word = "w" + uuid.uuid4().hex

    def requests(self):
        """Their conversations: each call's earlier turns."""
        bodies = [body for body in self.server.bodies() if self.word in json.dumps(body)]
        return [body.get("messages") or body.get("input") for body in bodies]


def begin(service, asked, runtime, *ceiling):
    body = f"return await agent('{LOOP % asked.word}', {{ runtime: '{runtime}' }});"
    script = service.script(f"loop-{runtime}.js", body)
    return service.ok("submit", script, *ceiling)["run_id"]


def await_pause(service, run_id, calls):
    """The paused run's status; `calls`: how many its ceiling allows, the last one past it."""
    wait_for("the pause", lambda: service.ok("status", run_id)["state"] == "paused")
    status = service.ok("status", run_id)
    why = status["waiting_for"][0]
    if "ceiling" not in why:
        raise AssertionError(f"the reason names no ceiling: {status['waiting_for']}")
    equal("failed nodes", status["nodes"].get("failed", 0), 0)
    used = status["usage"]["model_calls"]
    if not calls <= used <= calls + CALLS_AFTER_MAX:
        raise AssertionError(f"{used} calls are counted, where {calls} reach the ceiling: {status}")
    return status


def task_pids(service, runtime, asked):
    """Its CLI's processes, told by the folder in their environment, and the looping command's shell."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as f:
                if asked.word.encode() in f.read():
                    found.append(int(name))
        except OSError:
            pass
    return found + cli_pids(service, runtime)


def check_asked(service, runtime, asked, calls):
    """Nothing is at work any more, and few calls were made past the ceiling."""
    wait_for("the end of its processes", lambda: not task_pids(service, runtime, asked))
    wait_for("the end of its requests", lambda: service.model_server.open_requests() <= 1)  # its own
    made = asked.requests()
    if len(made) > calls + CALLS_AFTER_MAX:
        raise AssertionError(f"{len(made)} requests, where {calls} reach the ceiling")
    return made


def stopped_at_last(check, service, runtime, *ceiling):
    """Runs the check; also one that fails leaves nothing that loops."""
    asked = Asked(service.model_server)
    run_id = begin(service, asked, runtime, *ceiling)
    try:
        check(service, runtime, asked, run_id)
    finally:
        service.ctl("stop", run_id)


def check_tokens(service, runtime, asked, run_id):
    status = await_pause(service, run_id, 5)
    used = status["usage"]["model_calls"] * TOKENS_A_CALL
    equal("overshoot", status["overshoot_tokens"], used - 5000)
    first = check_asked(service, runtime, asked, 5)
    service.ok("unpause", run_id, "--max-tokens", "12000")
    wait_for("the next call", lambda: len(asked.requests()) > len(first))
    resumed = asked.requests()[len(first)]
    if len(resumed) < len(first[-1]):
        raise AssertionError(f"the session does not go on: {len(first[-1])} turns before, {len(resumed)} after")
    status = await_pause(service, run_id, 12)
    equal("overshoot", status["overshoot_tokens"], status["usage"]["model_calls"] * TOKENS_A_CALL - 12000)
    # A call that was stopped in its middle is one that was asked for, twice by now.
    before = check_asked(service, runtime, asked, 13)
    service.ok("stop", run_id)
    equal("state", service.ok("status", run_id)["state"], "killed")
    equal("requests", len(check_asked(service, runtime, asked, 13)), len(before))


def check_cost(service, runtime, asked, run_id):
    wait_for("the pause", lambda: service.ok("status", run_id)["state"] == "paused")
    status = service.ok("status", run_id)
    if "ceiling" not in status["waiting_for"][0]:
        raise AssertionError(f"the reason names no ceiling: {status['waiting_for']}")
    cost = status["usage"]["cost_micros"]
    equal("overshoot", status["overshoot_micros"], cost - 70000)
    check_asked(service, runtime, asked, -(-70000 * status["usage"]["model_calls"] // cost))


def main(build, cases):
    if not all(os.access(os.path.join(CLIS, name), os.X_OK) for name in ("claude", "codex")):
        return  # clis_test counts them as skipped, or as failed
    server = ModelServer()
    saved = dict(os.environ)
    try:
        os.environ.update(server.env)
        with Service(build, executors=RUNTIMES) as service:
            service.model_server = server
            for runtime in RUNTIMES:
                cases.case(f"ceilings: tokens, {runtime}", stopped_at_last, check_tokens, service, runtime,
                           "--max-tokens", "5000")
            for runtime in ("claude", "codex"):
                cases.case(f"ceilings: cost, {runtime}", stopped_at_last, check_cost, service, runtime,
                           "--max-cost", "0.07USD")
    finally:
        os.environ.clear()
        os.environ.update(saved)
        server.close()
