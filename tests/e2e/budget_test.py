"""The ceilings of a day: a run that meets one is paused, says so, survives a kill -9, and goes on at midnight."""
import time

from harness import equal
from recovery_test import DAY_MS, advance, result, submit
from service import CALL_SECONDS_MAX, Service

SETTINGS = "[budget]\nday_tokens_max = 100"
CALL = "await agent('[[usage:in=60,out=20]]call');"


def await_pause(service, run_id):
    """What the run says it waits for."""
    give_up = time.monotonic() + CALL_SECONDS_MAX
    while True:
        run = service.ok("status", run_id)
        if run["state"] == "paused":
            return run
        if time.monotonic() > give_up:
            raise AssertionError(f"{run_id} is not paused: {run}")


def check_day(build):
    with Service(build, SETTINGS, flags=("--clock=manual",)) as service:
        # 80 tokens, 80 more though cut short to the 20 that are left, and no third.
        run_id = submit(service, "flow.js", 3 * CALL + "return 'done';")
        run = await_pause(service, run_id)
        equal("done", run["nodes"]["done"], 2)
        why = run["waiting_for"][0]
        if not why.startswith("paused: day ceiling: ") or "of 100 tokens used today (UTC)" not in why:
            raise AssertionError(why)
        if "day ceiling" not in service.ctl("status", run_id).stdout:
            raise AssertionError("status does not say why the run waits")
        service.ctl("unpause", run_id)
        await_pause(service, run_id)
        service.restart_after_kill()
        service.ctl("unpause", run_id)
        equal("after a kill", await_pause(service, run_id)["nodes"]["done"], 2)
        advance(service, DAY_MS - advance(service, 0) % DAY_MS)
        equal("result", result(service, run_id), "done")
        # What it used on the new day counts for others, also after another kill.
        service.restart_after_kill()
        other = submit(service, "other.js", 2 * CALL + "return 'too';")
        equal("before the ceiling", await_pause(service, other)["nodes"]["done"], 1)
        advance(service, DAY_MS)
        equal("result", result(service, other), "too")


CHECKS = (("the ceiling of a day", check_day),)


def main(build, cases):
    for name, check in CHECKS:
        cases.case(f"budget: {name}", check, build)
