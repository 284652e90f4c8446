"""What the black-box tests share: a made-up git repository, a state folder of their own, and counting."""
import os
import shutil
import signal
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GIT_ENV = {
    "GIT_AUTHOR_NAME": "test", "GIT_AUTHOR_EMAIL": "test@localhost",
    "GIT_COMMITTER_NAME": "test", "GIT_COMMITTER_EMAIL": "test@localhost",
    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null",
}
COMMAND_SECONDS_MAX = 300


def run(argv, cwd=None, env=None, check=True, text=True):
    """A finished process; fails the test with what it said when `check` and its status is not 0."""
    done = subprocess.run(argv, cwd=cwd, env={**os.environ, **GIT_ENV, **(env or {})}, text=text,
                          capture_output=True, timeout=COMMAND_SECONDS_MAX, stdin=subprocess.DEVNULL)
    if check and done.returncode != 0:
        raise AssertionError(f"{argv}: status {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


class Repository:
    """A git repository in a temporary folder."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="odw-e2e-repo-")
        self.git("init", "-q", "-b", "main")

    def git(self, *args):
        return run(["git", "-C", self.path, *args]).stdout

    def write(self, name, data):
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(data if isinstance(data, bytes) else data.encode())

    def commit(self, message):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


class State:
    """A state folder, with the private daemon and executors that odwctl starts in it."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="odw-e2e-")
        self.env = {"ODW_STATE": self.path}

    def processes(self):
        """pids that work on this folder, told by their command line."""
        found = []
        for name in os.listdir("/proc"):
            if not name.isdigit() or int(name) == os.getpid():
                continue
            try:
                with open(f"/proc/{name}/cmdline", "rb") as f:
                    words = f.read().split(b"\0")
            except OSError:
                continue
            if any(self.path.encode() in word for word in words) and b"odw" in words[0]:
                found.append(int(name))
        return found

    def remove(self):
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(self.path, ignore_errors=True)


class Skipped(Exception):
    """This machine cannot do what the test needs; the text says what."""


class Cases:
    """Runs test functions one by one and counts them; with `only`, those whose name holds it."""

    def __init__(self, only=""):
        self.only = only
        self.passed = self.failed = self.skipped = 0

    def case(self, name, function, *args):
        if self.only not in name:
            return
        try:
            function(*args)
        except Skipped as why:
            self.skipped += 1
            print(f"skipped: {name}: {why}", flush=True)
        except Exception as problem:  # pylint: disable=broad-except
            self.failed += 1
            print(f"FAILED: {name}\n    " + str(problem).strip().replace("\n", "\n    "), flush=True)
        else:
            self.passed += 1
            print(f"ok: {name}", flush=True)


def equal(what, got, wanted):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, wanted {wanted!r}")
