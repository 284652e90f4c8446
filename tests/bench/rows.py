"""The rows of the speed table. Each takes a Bench and returns a Row; times are milliseconds."""
import dataclasses
import os
import shutil
import statistics
import subprocess
import threading
import time

import daemon as daemons
from daemon import BenchError, Daemon, cpu_ms, memory_kb, wait_until


@dataclasses.dataclass
class Row:
    name: str
    value: float               # the median
    unit: str
    target: float
    stretch: float = None
    samples: int = 1
    floor: float = None        # the same run's floor, same unit
    cap: int = None            # concurrency cap of a run
    slots: int = None
    syncs: float = None        # of the journal, a sample
    cpu_node_ms: float = None  # odwd's CPU a node
    notes: str = ""

    def verdict(self):
        if self.stretch is not None and self.value <= self.stretch:
            return "stretch"
        return "ok" if self.value <= self.target else "MISSED"


class Bench:
    """What the rows share: where the programs are, the floors, and how often to measure."""

    def __init__(self, build, floors, quick):
        self.build = build
        self.floors = floors
        self.quick = quick

    def samples(self, full):
        return max(1, min(full, 3)) if self.quick else full


def _throughput(bench, name, target, stretch, script, args, nodes, floor, samples, slots=64, limits=None,
                notes=lambda daemon, before: "", **options):
    """Medians of `samples` equal loads on one daemon, each with its floor right before it."""
    times, floor_times, syncs, cpu = [], [], [], []
    with Daemon(bench.build, slots=slots, limits=limits) as daemon:
        daemon.run("sequence.js", {"n": 20})  # warm
        before = daemon.info()
        for _ in range(samples):
            floor_times.append(bench.floors.engine(floor)[floor]["ms"])
            syncs_before, cpu_before = daemon.syncs(), cpu_ms(daemon.process.pid)
            times.append(daemon.run(script, args, **options)["ms"])
            cpu.append((cpu_ms(daemon.process.pid) - cpu_before) / nodes)
            syncs.append((daemon.syncs() or 0) - (syncs_before or 0))
        return Row(name, statistics.median(times) / 1000, "s", target, stretch, samples,
                   statistics.median(floor_times) / 1000, daemon.limits["concurrency"], slots,
                   statistics.median(syncs), statistics.median(cpu), notes(daemon, before))


def sequence(bench):
    return _throughput(bench, "1,000 nodes in sequence, one run", 1.3, 1.0, "sequence.js", {"n": 1000},
                       1000, "seq:1000", bench.samples(7))


def fan_1000(bench):
    return _throughput(bench, "parallel of 1,000", 0.20, 0.10, "fan.js", {"n": 1000}, 1000, "fan:1000",
                       bench.samples(9), slots=1024)


def fan_10000(bench):
    return _throughput(bench, "parallel of 10,000, one run", 2.5, 1.0, "fan.js", {"n": 10000}, 10000,
                       "fan:10000", bench.samples(5), slots=1024,
                       limits={"agents_max": 20000, "list_length_max": 20000})


def runs_100(bench):
    return _throughput(bench, "100 concurrent runs of 10 in sequence", 0.35, 0.2, "sequence.js", {"n": 10},
                       1000, "runs:100x10", bench.samples(7), slots=1024, runs=100)


def runs_1000(bench):
    def parks(daemon, before):
        samples = bench.samples(5)
        per_node = (daemon.info()["host_parks"] - before["host_parks"]) / (10000.0 * samples)
        return f"{per_node:.3f} parks a node, {before['script_hosts_max']} hosts at most"
    return _throughput(bench, "1,000 concurrent runs of 10", 3.0, 1.5, "sequence.js", {"n": 10}, 10000,
                       "runs:1000x10", bench.samples(5), slots=1024, runs=1000, notes=parks)


def waiting_runs(bench):
    """1,000 runs that each wait on a 10 s node: they all finish, in little memory and next to no CPU."""
    runs, wait_ms = (200, 4000) if bench.quick else (1000, 10000)
    with Daemon(bench.build, slots=runs) as daemon:
        daemon.run("sequence.js", {"n": 20})
        syncs_before = daemon.syncs()
        peak, busy = [0], [0.0]
        stop = threading.Event()

        def watch():
            # From when all wait to before the first ends.
            if stop.wait(wait_ms * 0.45 / 1000):
                return
            start, cpu = time.monotonic(), cpu_ms(daemon.process.pid)
            peak[0] = sum(memory_kb(pid, "Pss") for pid in daemon.everything()) / 1024
            stop.wait(wait_ms * 0.35 / 1000)
            busy[0] = (cpu_ms(daemon.process.pid) - cpu) / 10 / (time.monotonic() - start)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            load = daemon.run("wait.js", {"ms": wait_ms}, runs=runs)
        finally:
            stop.set()
            watcher.join()
        syncs = daemon.syncs() - syncs_before
        return Row(f"{runs:,} runs each waiting on a {wait_ms / 1000:g} s node: memory", peak[0], "MB", 1536,
                   cap=daemon.limits["concurrency"], slots=runs, syncs=syncs,
                   notes=f"all finished in {load['ms'] / 1000:.1f} s; odwd at {busy[0]:.1f} % of a core "
                         f"(limit 5){'' if busy[0] < 5 else ' MISSED'}")


def one_node(bench):
    with Daemon(bench.build, slots=16) as daemon:
        daemon.run("sequence.js", {"n": 1}, runs=50, in_turn=True)
        before = daemon.syncs()
        count = 60 if bench.quick else 200
        load = daemon.run("sequence.js", {"n": 1}, runs=count, in_turn=True)
        syncs = ((daemon.syncs() or 0) - (before or 0)) / count
        floor = bench.floors.engine("latency:200")["latency:200"]
        unary, _ = bench.floors.rpc(1)
        common = {"samples": count, "cap": daemon.limits["concurrency"], "slots": 16, "syncs": syncs}
        return [Row("one-node run, submit to result, p50", load["p50_ms"], "ms", 5, 3, floor=floor["p50_ms"],
                    notes=f"warm unary round trip {unary['p50_ms']:.3f} ms", **common),
                Row("one-node run, submit to result, p99", load["p99_ms"], "ms", 15, 8, floor=floor["p99_ms"],
                    **common)]


def exec_process(bench):
    """The whole odwctl process of a one-node run, over an empty gRPC client's."""
    count = 10 if bench.quick else 40
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scripts", "sequence.js")
    with Daemon(bench.build, slots=16) as daemon:
        argv = [os.path.join(daemon.bin, "odwctl"), "--daemon", daemon.address, "exec", script, "--args",
                '{"n": 1}', "--json", "--quiet"]
        env = {**os.environ, "ODW_STATE": daemon.folder}
        times = []
        _, empty = bench.floors.rpc(count)
        before = daemon.syncs()
        for _ in range(count + 3):
            start = time.monotonic()
            done = subprocess.run(argv, capture_output=True, text=True, env=env)
            times.append((time.monotonic() - start) * 1000)
            if done.returncode != 0:
                raise BenchError(f"odwctl exec: {done.stderr}")
        median = statistics.median(times[3:])
        return Row("one-node odwctl exec, whole process, over the empty gRPC client's", median / empty, "x",
                   2.0, 1.5, count, 1.0, daemon.limits["concurrency"], 16,
                   (daemon.syncs() - before) / (count + 3),
                   notes=f"{median:.1f} ms over {empty:.1f} ms")


def cpu_per_node(bench):
    rows = []
    with Daemon(bench.build, slots=1024, limits={"agents_max": 20000, "list_length_max": 20000}) as daemon:
        daemon.run("sequence.js", {"n": 50})
        for name, target, script, nodes in (("sequence", 0.7, "sequence.js", 1000), ("fan-out", 0.2, "fan.js", 4000)):
            values, syncs = [], daemon.syncs()
            for _ in range(bench.samples(5)):
                before = cpu_ms(daemon.process.pid)
                daemon.run(script, {"n": nodes})
                values.append((cpu_ms(daemon.process.pid) - before) / nodes)
            rows.append(Row(f"daemon CPU a node, {name}", statistics.median(values), "ms", target,
                            samples=len(values), cap=daemon.limits["concurrency"], slots=1024,
                            syncs=(daemon.syncs() - syncs) / len(values)))
    return rows


def recovery(bench):
    """kill -9 of odwd in a sequential run with 10,000 nodes in the journal, to its next new node."""
    behind, samples = (2000, 1) if bench.quick else (10000, 5)
    with Daemon(bench.build, slots=256, limits={"agents_max": 100000, "list_length_max": 20000}) as daemon:
        daemon.run("fan.js", {"n": behind})
        proof = os.path.join(daemon.folder, "proof")
        load = threading.Thread(target=lambda: _until_killed(daemon, proof), daemon=True)
        times, syncs = [], []
        load.start()
        for _ in range(samples):
            seen = _last(proof)
            wait_until("progress before the kill", lambda: _last(proof) > seen + 20)
            syncs.append(daemon.syncs())
            start = time.monotonic()
            daemon.kill()
            at_kill = _last(proof)
            daemon.start()
            # at_kill + 1 may have been in flight; the one after can only come from the new daemon.
            wait_until("new node", lambda: _last(proof) >= at_kill + 2, step=0.001)
            times.append(time.monotonic() - start)
            daemon.http = wait_until("ready odwd", daemon.ready)["http"]
        return Row(f"kill -9 of odwd to the next new node, {behind:,} nodes in the journal",
                   statistics.median(times), "s", 0.4, 0.2, samples, cap=daemon.limits["concurrency"], slots=256,
                   syncs=statistics.median(syncs), notes="syncs: of odwd's life before the kill")


def _until_killed(daemon, proof):
    try:
        daemon.run("proof.js", {"n": 90000, "file": proof})
    except BenchError:
        pass  # its daemon was killed, which is the point


def _last(proof):
    """The number of the last node that wrote its line; -1: none yet."""
    try:
        with open(proof, "rb") as f:
            f.seek(max(0, os.path.getsize(proof) - 64))
            lines = f.read().split(b"\n")
    except OSError:
        return -1
    return int(lines[-2]) if len(lines) > 1 and lines[-2].isdigit() else -1


def commands(bench):
    """1,000 `command` nodes that spawn /bin/true, over fork+exec of the same."""
    times, floors = [], []
    with Daemon(bench.build, slots=16, executors=("mock", "command")) as daemon:
        daemon.run("commands.js", {"n": 20})
        before = daemon.syncs()
        samples = bench.samples(5)
        for _ in range(samples):
            floors.append(bench.floors.spawn(1000, 16)["ms"])
            load = daemon.run("commands.js", {"n": 1000})
            if load["value"] != 1000:
                raise BenchError(f"{load['value']} of 1,000 commands succeeded")
            times.append(load["ms"])
        syncs = ((daemon.syncs() or 0) - (before or 0)) / samples
        floor, value = statistics.median(floors), statistics.median(times)
        return Row("1,000 command nodes that spawn a no-op, over fork+exec", value / floor, "x", 2.5, 1.5,
                   samples, 1.0, daemon.limits["concurrency"], 16, syncs,
                   notes=f"{value / 1000:.2f} s over {floor / 1000:.2f} s")


def memory(bench):
    nodes = 4000 if bench.quick else 16000
    with Daemon(bench.build, slots=1024, limits={"agents_max": 20000, "list_length_max": 20000}) as daemon:
        idle = memory_kb(daemon.process.pid, "Rss") / 1024
        daemon.run("fan.js", {"n": nodes})
        after = memory_kb(daemon.process.pid, "Rss") / 1024
        common = {"cap": daemon.limits["concurrency"], "slots": 1024, "syncs": daemon.syncs()}
        daemon.run("sequence.js", {"n": 20}, runs=50)
        private = [sum(memory_kb(pid, key) for key in ("Private_Dirty", "Private_Clean")) / 1024
                   for pid in daemon.script_hosts()]
        return [Row("odwd resident, idle", idle, "MB", 60, cap=1024, slots=1024, syncs=0),
                Row(f"odwd resident, after {nodes:,} nodes", after, "MB", 150, **common),
                Row("odw-script private, each (median)", statistics.median(private) if private else 0, "MB", 8,
                    samples=len(private), **common, notes=f"largest {max(private, default=0):.1f} MB")]


def flat_cost(bench):
    """The time of a node, from 100 to 100,000 nodes a run and with up to 1,000 runs in the journal."""
    sizes = (100, 1000, 10000) if bench.quick else (100, 1000, 10000, 100000)
    with Daemon(bench.build, slots=1024, limits={"agents_max": 200000, "list_length_max": 4096}) as daemon:
        daemon.run("chunks.js", {"n": 100, "width": 100})
        by_size, syncs = {}, daemon.syncs()
        for n in sizes:
            repeats = 3 if n < 10000 else 1
            by_size[n] = statistics.median(
                daemon.run("chunks.js", {"n": n, "width": 100})["ms"] / n for _ in range(repeats))
        first = statistics.median(daemon.run("sequence.js", {"n": 10})["ms"] for _ in range(9))
        daemon.run("sequence.js", {"n": 10}, runs=200 if bench.quick else 1000)
        last = statistics.median(daemon.run("sequence.js", {"n": 10})["ms"] for _ in range(9))
        syncs = daemon.syncs() - syncs
    base = by_size[1000]
    return [Row(f"cost of a node, {sizes[-1]:,} nodes a run over 1,000", by_size[sizes[-1]] / base, "x", 1.3,
                cap=1024, slots=1024, syncs=syncs,
                notes=", ".join(f"{n:,}: {ms:.3f} ms" for n, ms in by_size.items())),
            Row("cost of a run of 10, with 1,000 runs in the journal over few", last / first, "x", 1.3, cap=1024,
                slots=1024, syncs=syncs, notes=f"{first:.1f} ms, then {last:.1f} ms")]


def settlements(bench):
    """Promises that the core settles, through the whole path: timers cost nothing else."""
    count, times = 100000, []
    with Daemon(bench.build, slots=16) as daemon:
        daemon.run("settle.js", {"n": 100})
        syncs = daemon.syncs()
        for _ in range(bench.samples(5)):
            load = daemon.run("settle.js", {"n": count})
            if load["value"] != count:
                raise BenchError(f"{load['value']} of {count:,} promises were settled")
            times.append(load["ms"])
        syncs = (daemon.syncs() - syncs) / len(times)
        return Row(f"{count:,} settled promises, one run", statistics.median(times) / 1000, "s", 2.0, 1.0,
                   len(times), cap=daemon.limits["concurrency"], slots=16, syncs=syncs)


def child_workflow(bench):
    """What workflow() adds: calls in sequence, over a run without any."""
    count, added = 100, []
    child = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scripts", "child.js")
    with Daemon(bench.build, slots=16) as daemon:
        shutil.copy(child, daemon.folder)  # the run's folder: what is outside of it is refused
        daemon.run("children.js", {"n": 5, "child": "child.js"})
        syncs = daemon.syncs()
        for _ in range(bench.samples(9)):
            without = daemon.run("children.js", {"n": 0, "child": "child.js"})["ms"]
            added.append((daemon.run("children.js", {"n": count, "child": "child.js"})["ms"] - without) / count)
        syncs = (daemon.syncs() - syncs) / len(added)
        return Row("what a workflow() adds", statistics.median(added), "ms", 5, 2, len(added),
                   cap=daemon.limits["concurrency"], slots=16, syncs=syncs)


def first_dispatch(bench):
    """From the submit to the first node's start, by the daemon's clock (whole milliseconds, so a mean)."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scripts", "sequence.js")
    with Daemon(bench.build, slots=16) as daemon:
        daemon.run("sequence.js", {"n": 1}, runs=50, in_turn=True)
        syncs, times = daemon.syncs(), []
        for _ in range(20 if bench.quick else 100):
            run = daemon.ctl("submit", script, "--args", '{"n": 1}')["run_id"]
            daemon.ctl("result", run, "--wait")
            status = daemon.ctl("status", run, "--nodes")
            times.append(status["node"][0]["started_unix_ms"] - status["submitted_unix_ms"])
        return Row("submit to first dispatch, warm host, mean", statistics.mean(times), "ms", 5, 3, len(times),
                   cap=daemon.limits["concurrency"], slots=16, syncs=(daemon.syncs() - syncs) / len(times),
                   notes=f"largest {max(times)} ms")


def trace(bench):
    """The journal's counter, which the other rows print, against what the kernel was asked for."""
    with Daemon(bench.build, slots=64) as daemon:
        daemon.run("sequence.js", {"n": 20})
        traced, counted = daemon.traced_syncs(lambda: daemon.run("sequence.js", {"n": 1000}))
        return Row("1,000 nodes in sequence under strace: fdatasync and fsync calls over syncs counted",
                   traced / counted, "x", 1.05, cap=64, slots=64, syncs=counted, notes=f"{traced} calls traced")


ROWS = {f.__name__: f for f in (sequence, fan_1000, fan_10000, runs_100, runs_1000, waiting_runs, one_node,
                                exec_process, cpu_per_node, recovery, commands, memory, flat_cost, settlements,
                                child_workflow, first_dispatch, trace)}
