"""A real odwd with its executors for the benchmark rows, and what /proc and /metrics say of them."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.request

START_SECONDS_MAX = 30
TICKS = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """A row that could not be measured, with the reason."""


def wait_until(what, predicate, seconds=START_SECONDS_MAX, step=0.002):
    """Polls: what is waited for lives in other processes and has no descriptor here."""
    end = time.monotonic() + seconds
    pause = threading.Event()
    while time.monotonic() < end:
        value = predicate()
        if value:
            return value
        pause.wait(step)
    raise BenchError(f"no {what} after {seconds} s")


def cpu_ms(pid):
    """CPU time of a process, all threads, without its children."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000.0 / TICKS


def memory_kb(pid, key):
    """`key` of smaps_rollup: Rss, Pss, Private_Dirty, Private_Clean."""
    with open(f"/proc/{pid}/smaps_rollup") as f:
        for line in f:
            if line.startswith(key + ":"):
                return int(line.split()[1])
    return 0


def children(pid):
    """All processes below `pid`, itself not included."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as f:
                    fields = f.read().rsplit(")", 1)[1].split()
                parents.setdefault(int(fields[1]), []).append(int(name))
            except OSError:
                continue
    found, queue = [], [pid]
    while queue:
        for child in parents.get(queue.pop(), []):
            found.append(child)
            queue.append(child)
    return found


class Daemon:
    """One odwd on a unix socket with executors, all in a temporary folder. A context manager."""

    def __init__(self, build, slots=64, limits=None, command_slots=16, settings=None, executors=("mock",)):
        self.bin = os.path.join(build, "bin")
        self.load = os.path.join(build, "bench", "bench_load")
        self.slots = {"mock": slots, "command": command_slots}
        self.limits = {"concurrency": slots, **(limits or {})}
        self.settings = settings or {}
        self.runtimes = executors
        self.folder = tempfile.mkdtemp(prefix="odw-bench-")
        self.data = os.path.join(self.folder, "daemon")
        self.address = "unix:" + os.path.join(self.folder, "odwd.sock")
        self.http = None
        self.process = None
        self.executors = []

    def __enter__(self):
        try:
            self.start()
            self.start_executors()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def start(self):
        config = os.path.join(self.folder, "odwd.toml")
        with open(config, "w") as f:
            f.write(f'data = "{self.data}"\nlisten = ["{self.address}"]\nhttp = "127.0.0.1:0"\n'
                    'log_level = "warning"\ndefault_runtime = "mock"\n')
            f.writelines(f"{k} = {v}\n" for k, v in self.settings.items())
            f.write("[limits]\n" + "".join(f"{k} = {v}\n" for k, v in self.limits.items()))
        self.log = open(os.path.join(self.folder, "odwd.log"), "ab")
        self.process = subprocess.Popen([os.path.join(self.bin, "odwd"), "--config", config],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def ready(self):
        """odwd.json of the living process, or None."""
        if self.process.poll() is not None:
            raise BenchError("odwd ended: " + self.log_tail())
        try:
            with open(os.path.join(self.data, "odwd.json")) as f:
                info = json.load(f)
        except (OSError, ValueError):
            return None
        return info if info.get("pid") == self.process.pid else None

    def start_executors(self):
        info = wait_until("ready odwd", self.ready)
        self.http = info.get("http")
        config = os.path.join(self.folder, "command.toml")
        with open(config, "w") as f:
            f.write('[commands.noop]\nprogram = "/bin/true"\nread_only = true\n')
        for runtime in self.runtimes:
            argv = [os.path.join(self.bin, "odw-executor"), "--runtime", runtime, "--daemon",
                    self.address, "--state", os.path.join(self.folder, "executors", runtime),
                    "--slots", str(self.slots[runtime]), "--linger-seconds", "20"]
            if runtime == "command":
                argv += ["--config", config]
            self.executors.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.log,
                                                   stderr=self.log))
        wait_until("attached executor", self.all_attached)

    def all_attached(self):
        return len([e for e in self.info()["executors"] if e["connected"]]) == len(self.runtimes)

    def info(self):
        done = subprocess.run([self.load, "--daemon", self.address, "--info"], capture_output=True,
                              text=True, timeout=START_SECONDS_MAX)
        if done.returncode != 0:
            raise BenchError(done.stderr.strip())
        return json.loads(done.stdout)

    def run(self, script, args=None, **options):
        """bench_load's answer; `options` are its flags: runs=100, in_turn=True."""
        argv = [self.load, "--daemon", self.address, "--cwd", self.folder, "--script",
                os.path.join(os.path.dirname(os.path.abspath(__file__)), "scripts", script)]
        if args is not None:
            argv += ["--args", json.dumps(args)]
        for name, value in options.items():
            flag = "--" + name.replace("_", "-")
            argv += [flag] if value is True else [flag, str(value)]
        done = subprocess.run(argv, capture_output=True, text=True)
        if done.returncode != 0:
            raise BenchError(f"{script}: {done.stdout[-500:]}{done.stderr[-500:]} {self.log_tail()}")
        return json.loads(done.stdout)

    def ctl(self, *args):
        """What `odwctl --json ARGS` printed, parsed."""
        done = subprocess.run([os.path.join(self.bin, "odwctl"), "--daemon", self.address, "--json", *args],
                              capture_output=True, text=True, timeout=START_SECONDS_MAX)
        if done.returncode != 0:
            raise BenchError(f"odwctl {args[0]}: {done.stderr}")
        return json.loads(done.stdout)

    def metric(self, name):
        """The sum of a metric over its labels; None where it is not exported."""
        base = self.http if self.http.startswith("http") else "http://" + self.http
        with urllib.request.urlopen(base + "/metrics", timeout=START_SECONDS_MAX) as answer:
            text = answer.read().decode()
        found = re.findall(r"^" + re.escape(name) + r"(?:\{[^}]*\})? ([0-9.eE+-]+)$", text, re.MULTILINE)
        return sum(map(float, found)) if found else None

    def syncs(self):
        return self.metric("odw_commit_seconds_count")

    def traced_syncs(self, load):
        """(fdatasync and fsync calls that strace saw of odwd while `load` ran, what odwd counted)."""
        out = os.path.join(self.folder, "strace")
        tracer = subprocess.Popen(["strace", "-f", "-c", "-e", "trace=fdatasync,fsync", "-o", out, "-p",
                                   str(self.process.pid)], stderr=subprocess.PIPE, text=True)
        try:
            tracer.stderr.readline()  # "Process N attached": from here on it counts
            before = self.syncs()
            load()
            counted = self.syncs() - before
        finally:
            tracer.send_signal(2)
            tracer.wait()
        with open(out) as f:
            rows = [line.split() for line in f if line.rstrip().endswith(("fdatasync", "fsync"))]
        return sum(int(row[3]) for row in rows), counted

    def script_hosts(self):
        """pids of the odw-script processes that serve runs: below the zygote, which is odwd's child."""
        found = []
        for pid in children(self.process.pid):
            try:
                with open(f"/proc/{pid}/comm") as f:
                    if f.read().startswith("odw-script"):
                        found.append(pid)
            except OSError:
                continue
        return found

    def everything(self):
        pids = [self.process.pid] + children(self.process.pid)
        for executor in self.executors:
            pids += [executor.pid] + children(executor.pid)
        return pids

    def kill(self):
        self.process.kill()
        self.process.wait()

    def log_tail(self):
        with open(os.path.join(self.folder, "odwd.log"), errors="replace") as f:
            return f.read()[-1500:]

    def close(self):
        """SIGKILL throughout: nothing of this folder is kept."""
        for process in [self.process, *self.executors]:
            if process is None:
                continue
            below = children(process.pid)
            process.kill()
            process.wait()
            for pid in below:
                try:
                    os.kill(pid, 9)
                except ProcessLookupError:
                    pass
        shutil.rmtree(self.folder, ignore_errors=True)
