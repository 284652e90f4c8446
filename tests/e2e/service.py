"""An odwd with its own settings and a mock executor beside it, as a system service runs them."""
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile

from harness import GIT_ENV

START_SECONDS_MAX = 30
CALL_SECONDS_MAX = 60
WAITS_MAX = 5


class Service:
    """A context manager. `settings`: lines of odwd's config; `data`: the daemon's folder, if not here; `env`: more
    of odwd's environment; `flags`: more of its command line; `executor_flags`: {runtime: more of its command line}."""

    def __init__(self, build, settings="", data=None, executors=("mock",), env=None, flags=(),
                 executor_flags=None):
        self.flags = list(flags)
        self.env = env or {}
        self.executor_flags = executor_flags or {}
        self.bin = os.path.join(build, "bin")
        self.tests = os.path.join(build, "tests")
        self.path = tempfile.mkdtemp(prefix="odw-e2e-")
        self.data = data or os.path.join(self.path, "daemon")
        self.address = "unix:" + os.path.join(self.path, "odwd.sock")
        self.runtimes = executors
        self.processes = {}
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._notify.bind(os.path.join(self.path, "notify"))
        with open(os.path.join(self.path, "odwd.toml"), "w") as out:
            out.write(f'data = "{self.data}"\nlisten = ["{self.address}"]\ndefault_runtime = "mock"\n{settings}\n')

    def __enter__(self):
        try:
            self.start()
            for runtime in self.runtimes:
                self.spawn_executor(runtime)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def _spawn(self, name, argv, env=None):
        with open(self.log_path(name), "ab") as log:
            self.processes[name] = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                    env={**os.environ, **(env or {})})

    def spawn_executor(self, runtime, env=None):
        self._spawn(runtime, [os.path.join(self.bin, "odw-executor"), "--runtime", runtime, "--daemon", self.address,
                              "--state", os.path.join(self.path, runtime), "--linger-seconds", "120",
                              *self.executor_flags.get(runtime, [])], env)

    def log_path(self, name):
        return os.path.join(self.path, name + ".log")

    def log(self, name="odwd"):
        with open(self.log_path(name), errors="replace") as f:
            return f.read()

    def spawn_daemon(self):
        """Starts odwd without waiting: for those that are to fail."""
        self._spawn("odwd", [os.path.join(self.bin, "odwd"), "--config", os.path.join(self.path, "odwd.toml"), *self.flags],
                    {"NOTIFY_SOCKET": os.path.join(self.path, "notify"), **self.env})
        return self.processes["odwd"]

    def start(self):
        pid = self.spawn_daemon().pid
        pidfd = os.pidfd_open(pid)
        try:
            while True:
                ready = select.select([self._notify, pidfd], [], [], START_SECONDS_MAX)[0]
                if self._notify in ready and b"READY=1" in self._notify.recv(4096):
                    return
                if self._notify not in ready:
                    raise AssertionError(f"odwd is not ready: {self.log()[-1000:]}")
        finally:
            os.close(pidfd)

    def stop(self):
        process = self.processes.pop("odwd")
        process.send_signal(signal.SIGTERM)
        status = process.wait(CALL_SECONDS_MAX)
        while select.select([self._notify], [], [], 0)[0]:  # STOPPING=1
            self._notify.recv(4096)
        if status != 0:
            raise AssertionError(f"odwd ended with status {status}: {self.log()[-1000:]}")

    def restart_after_kill(self):
        """SIGKILL, and odwd anew."""
        process = self.processes.pop("odwd")
        process.kill()
        process.wait(CALL_SECONDS_MAX)
        self.start()

    def refused_start(self):
        """odwd's exit status and what it said, where it must not start."""
        seen = len(self.log())
        status = self.processes.pop("odwd").wait(START_SECONDS_MAX) if self.spawn_daemon() else None
        return status, self.log()[seen:]

    def ctl_argv(self, *args):
        return [os.path.join(self.bin, "odwctl"), "--daemon", self.address, *args]

    def ctl(self, *args):
        """A finished odwctl, whatever its exit code."""
        return subprocess.run(self.ctl_argv(*args), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=CALL_SECONDS_MAX, env={**os.environ, **GIT_ENV}, check=False)

    def result(self, run):
        """`odwctl --json result RUN --wait`, for runs that may take longer than one call may."""
        for _ in range(WAITS_MAX - 1):
            try:
                return self.ctl("--json", "result", run, "--wait")
            except subprocess.TimeoutExpired:
                pass
        return self.ctl("--json", "result", run, "--wait")

    def ok(self, *args):
        """What `odwctl --json ARGS` printed, parsed; it must succeed."""
        done = self.ctl("--json", *args)
        if done.returncode != 0:
            raise AssertionError(f"odwctl {args}: status {done.returncode}: {done.stdout} {done.stderr}")
        return json.loads(done.stdout)

    def script(self, name, body, meta=True):
        path = os.path.join(self.path, name)
        with open(path, "w") as out:
            out.write((f"export const meta = {{name: '{name}', description: 'a test'}};\n" if meta else "") + body)
        return path

    def close(self):
        for process in self.processes.values():
            process.kill()
            process.wait()
        self._notify.close()
        shutil.rmtree(self.path, ignore_errors=True)


def fails(done, status, *words):
    """The finished odwctl has this exit code, says `words`, and what to do next."""
    if done.returncode != status:
        raise AssertionError(f"exit code {done.returncode}, wanted {status}: {done.stdout} {done.stderr}")
    for word in words + ("next:",):
        if word not in done.stderr:
            raise AssertionError(f"no {word!r} in {done.stderr!r}")
