"""What the runtimes cost beside the models: bamboo's requests in flight and their memory, the executor's own time a
node on a CLI, and a hundred nodes on sixteen CLI slots. Against the scripted model server.
    runtimes.py BUILD_DIR [bamboo|overhead|hundred]..."""
import json
import os
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests/e2e"))

import clis_test  # noqa: E402
from service import Service  # noqa: E402

IN_FLIGHT = 200
HOLD_MS = 4000
RUN_SECONDS_MAX = 580
OVERHEAD_RUNS = 7
CLI_MODEL = "claude-opus-5-5"


def memory_kb(pid, field):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(field))


def run_to_end(service, name, body, cwd=None):
    run_id = clis_test.submit(service, name, body, cwd)
    done = subprocess.run(service.ctl_argv("--json", "result", run_id, "--wait"), text=True, capture_output=True,
                          timeout=RUN_SECONDS_MAX, check=True)
    return run_id, json.loads(done.stdout)


def bamboo(build, server):
    """Target: 200 requests in flight in one executor process on at most 80 MB."""
    with Service(build, executors=("bamboo",), executor_flags={"bamboo": ["--slots", str(IN_FLIGHT)]}) as service:
        executor = service.processes["bamboo"].pid
        run_to_end(service, "warm", "return await agent('hello', {runtime: 'bamboo'});\n")
        idle = memory_kb(executor, "VmRSS:")
        script = service.script("hold.js", f"""
return (await parallel(Array.from({{length: {IN_FLIGHT}}}, (_, i) => () =>
  agent('n' + i + ' [[slow:{HOLD_MS}]]', {{runtime: 'bamboo'}})))).filter(Boolean).length;
""")
        start = time.monotonic()
        run_id = service.ok("submit", script, "--concurrency", str(IN_FLIGHT))["run_id"]
        most_open = 0
        while service.ok("status", run_id)["state"] == "running":
            most_open = max(most_open, server.open_requests() - 1)  # the question itself
        took = time.monotonic() - start
        answered = service.ok("result", run_id)
        peak = memory_kb(executor, "VmHWM:")
    print(f"bamboo: {answered} of {IN_FLIGHT} answered, {most_open} requests open at once, {took:.1f} s "
          f"(each takes {HOLD_MS / 1000} s); executor {idle / 1024:.0f} MB idle, {peak / 1024:.0f} MB at most (target 80)")


WRAPPER = """#!/bin/sh
date +%s%N >> {log}
"{program}" "$@"
status=$?
date +%s%N >> {log}
exit $status
"""


def native(runtime):
    """The CLI's own program: codex is a node script around it."""
    if runtime == "claude":
        return os.path.realpath(os.path.join(clis_test.CLIS, "claude"))
    for path, _, names in os.walk(os.path.join(clis_test.CLIS, "..")):
        if "codex" in names and path.endswith("bin") and "vendor" in path:
            return os.path.join(path, "codex")
    raise FileNotFoundError("codex")


def overhead(build, server):
    """Target: at most 10 ms a node beyond the CLI's own run time. A shell around the CLI writes down when it begins and
    ends; what the node took from its call to its settlement beyond that is ours (and the shell's own two `date`s)."""
    for runtime in ("codex", "claude"):
        with Service(build, executors=()) as service:
            log, wrapper = os.path.join(service.path, "times"), os.path.join(service.path, runtime + "-timed")
            with open(wrapper, "w") as out:
                out.write(WRAPPER.format(log=log, program=native(runtime)))
            os.chmod(wrapper, 0o755)
            config = os.path.join(service.path, "executor.toml")
            with open(config, "w") as out:
                out.write(f'[{runtime}]\nprogram = "{wrapper}"\n')
            service.executor_flags[runtime] = ["--config", config]
            service.spawn_executor(runtime)
            ours, theirs = [], []
            for i in range(OVERHEAD_RUNS + 1):
                run_id, _ = run_to_end(service, f"one{i}", f"return await agent('hello', {{runtime: '{runtime}'}});\n")
                node = service.ok("status", run_id, "--nodes")["node"][0]
                with open(log) as f:
                    began, ended = [int(line) / 1e6 for line in f.read().split()[-2:]]
                theirs.append(ended - began)
                ours.append(node["ended_unix_ms"] - node["called_unix_ms"] - (ended - began))
        print(f"{runtime}: the CLI runs {statistics.median(theirs[1:]):.0f} ms, a node takes "
              f"{statistics.median(ours[1:]):.1f} ms more (n={OVERHEAD_RUNS}, {min(ours[1:]):.1f} to "
              f"{max(ours[1:]):.1f}; target 10)")


def hundred(build, server):
    """100 nodes on 16 CLI slots: none lost, no process left."""
    for runtime in ("codex", "claude"):
        with Service(build, executors=(runtime,), executor_flags={runtime: ["--slots", "16"]}) as service:
            executor = service.processes[runtime].pid
            start = time.monotonic()
            _, said = run_to_end(service, "hundred", f"""
return await parallel(Array.from({{length: 100}}, (_, i) => () => agent('node ' + i, {{runtime: '{runtime}'}})));
""")
            took = time.monotonic() - start
            lost = sum(text != f"echo: node {i}" for i, text in enumerate(said))
            left = clis_test.cli_pids(service, runtime)
            print(f"{runtime}: 100 nodes on 16 slots in {took:.0f} s, {lost} lost, {len(left)} processes left, "
                  f"executor {memory_kb(executor, 'VmHWM:') / 1024:.0f} MB at most")


def main():
    build = os.path.abspath(sys.argv[1])
    clis_test.install()
    server = clis_test.ModelServer()
    os.environ.update(server.env)
    try:
        for part in (bamboo, overhead, hundred):
            if not sys.argv[2:] or part.__name__ in sys.argv[2:]:
                part(build, server)
    finally:
        server.close()


main()
