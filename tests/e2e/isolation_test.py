"""What one script does to itself reaches no other: all that misbehave run at once, beside a healthy one."""
import json

import isolation_scripts
from harness import equal
from service import Service

SETTINGS = f"""
script_hosts = 64
[limits]
turn_cpu_ms = {isolation_scripts.TURN_CPU_MS}
heap_bytes_max = {isolation_scripts.HEAP_BYTES_MAX}
result_bytes_max = {isolation_scripts.RESULT_BYTES_MAX}
log_lines_max = {isolation_scripts.LOG_LINES_MAX}
"""
# Beside some 35 others that want a processor each for about a second; two cores do, so it gets its share only.
HEALTHY_FACTOR_MAX = 6
HEALTHY_STEPS = 40
DAEMON_MIB_MAX = 400  # odwd itself, at its largest

HEALTHY = """
const said = [];
for (let i = 0; i < %d; i++) said.push(await agent('[[delay:25]][[say:' + i + ']]'));
const all = await parallel(said.map((text, i) => async () => text + await agent('[[delay:25]][[say:-' + i + ']]')));
return { all, clean: ({}).polluted === undefined && [].map === Array.prototype.map && JSON.stringify([1]) === '[1]',
         args, realm: args instanceof Object, remaining: budget.remaining() === Infinity };
""" % HEALTHY_STEPS
HEALTHY_ARGS = {"list": [1, 2, 3]}
HEALTHY_RESULT = {"all": [f"{i}-{i}" for i in range(HEALTHY_STEPS)], "clean": True, "args": HEALTHY_ARGS,
                  "realm": True, "remaining": True}


def submit(service, name, body):
    return service.ok("submit", service.script(name + ".js", body), "--args", json.dumps(HEALTHY_ARGS))["run_id"]


def run_healthy(service):
    """Its seconds, by the daemon's clock."""
    run = submit(service, "healthy", HEALTHY)
    result = service.result(run)
    equal("the healthy run's exit code, " + result.stderr, result.returncode, 0)
    equal("the healthy run's result", json.loads(result.stdout), HEALTHY_RESULT)
    status = service.ok("status", run)
    return (status["ended_unix_ms"] - status["submitted_unix_ms"]) / 1000


def check_end(service, name, run, ending):
    """The run ended as it must."""
    result = service.result(run)
    status = service.ok("status", run, "--nodes")
    if "error" in ending:
        words, category = ending["error"]
        equal("state", (status["state"], result.returncode), ("failed", 1))
        error = status["error"]
        if words not in error["message"] or category not in ("", error["category"]):
            raise AssertionError(f"{name} ended with {error}, wanted {ending['error']}")
    else:
        equal("exit code, " + result.stderr[:600], result.returncode, 0)
        equal("result", json.loads(result.stdout), ending["result"])
    lines = len(status.get("log", []))
    if lines > ending.get("lines_max", isolation_scripts.LOG_LINES_MAX + 1):
        raise AssertionError(f"{name} stored {lines} lines")


def daemon_mib(service):
    with open(f"/proc/{service.processes['odwd'].pid}/status") as f:
        return int(next(line for line in f if line.startswith("VmHWM")).split()[1]) // 1024


def check_bystander(alone, beside):
    if beside > HEALTHY_FACTOR_MAX * alone:
        raise AssertionError(f"the healthy run took {alone:.2f} s alone and {beside:.2f} s beside the others, "
                             f"more than {HEALTHY_FACTOR_MAX} times that")


def check_daemon(service):
    equal("odwd's exit status", service.processes["odwd"].poll(), None)
    if daemon_mib(service) > DAEMON_MIB_MAX:
        raise AssertionError(f"odwd grew to {daemon_mib(service)} MiB, more than {DAEMON_MIB_MAX}")


def main(build, cases):
    with Service(build, SETTINGS) as service:
        alone = run_healthy(service)
        scripts = isolation_scripts.all_scripts()
        runs = {name: submit(service, name, body) for name, (body, _) in scripts.items()}
        beside = None

        def healthy_beside():
            nonlocal beside
            beside = run_healthy(service)

        cases.case("isolation_a_healthy_run_beside_them_returns_the_same", healthy_beside)
        for name, (_, ending) in scripts.items():
            cases.case(f"isolation_{name}", check_end, service, name, runs[name], ending)
        if beside is not None:
            cases.case(f"isolation_the_healthy_run_keeps_its_pace ({alone:.2f} s alone, {beside:.2f} s beside)",
                       check_bystander, alone, beside)
        cases.case("isolation_odwd_stays_up_and_small", check_daemon, service)
        cases.case("isolation_a_run_afterwards_is_as_fast", lambda: check_bystander(alone, run_healthy(service)))
