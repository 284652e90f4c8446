"""One daemon with a mock and a command executor, as real processes in a folder of their own, started
again as systemd would. Events come from descriptors: a pidfd per process, sd_notify's socket."""
import json
import os
import select
import signal
import socket
import subprocess

MOCK, COMMAND, DAEMON = "mock", "command", "odwd"
SLOTS = 16
LINGER_SECONDS = 2


def environ_of(pid):
    try:
        with open(f"/proc/{pid}/environ", "rb") as f:
            return f.read().split(b"\0")
    except OSError:
        return []


def command_line_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().decode(errors="replace").replace("\0", " ").strip()
    except OSError:
        return ""


def is_zombie(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


def await_death(pid, seconds):
    """True when `pid` is gone within the time: waits on its pidfd."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([fd], [], [], seconds)[0]) or is_zombie(pid)
    finally:
        os.close(fd)


class Processes:
    """The services of one case. `folder` holds all their state and logs."""

    def __init__(self, build, folder, page):
        self.bin = os.path.join(build, "bin")
        self.folder = folder
        self.page = page
        self.address = "unix:" + os.path.join(folder, "odwd.sock")
        self.running = {}  # name -> Popen
        self.pidfds = {}   # name -> pidfd
        self.starts = {DAEMON: 0, MOCK: 0, COMMAND: 0}
        self._notify_path = os.path.join(folder, "notify")
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.notify.bind(self._notify_path)
        self._write_configs(build)

    def _write_configs(self, build):
        with open(os.path.join(self.folder, "odwd.toml"), "w") as f:
            f.write(f'data = "{self.folder}/daemon"\nlisten = ["{self.address}"]\n')
        with open(os.path.join(self.folder, "command.toml"), "w") as f:
            f.write(f'[commands.step]\nprogram = "{build}/tests/crash_step"\n')

    def state_folder(self, name):
        return os.path.join(self.folder, name)

    def log_path(self, name):
        return os.path.join(self.folder, name + ".log")

    def start(self, name):
        env = {**os.environ, "ODW_KILL_PAGE": self.page.path}
        if name == DAEMON:
            argv = [os.path.join(self.bin, "odwd"), "--config", os.path.join(self.folder, "odwd.toml")]
            env["NOTIFY_SOCKET"] = self._notify_path
        else:
            argv = [os.path.join(self.bin, "odw-executor"), "--runtime", name, "--daemon", self.address,
                    "--state", self.state_folder(name), "--slots", str(SLOTS),
                    "--linger-seconds", str(LINGER_SECONDS)]
            env["ODW_KILL_ROLE"] = name
            if name == COMMAND:
                argv += ["--config", os.path.join(self.folder, "command.toml")]
        self.starts[name] += 1
        with open(self.log_path(name), "ab") as log:
            log.write(f"---- start {self.starts[name]}\n".encode())
            log.flush()
            process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.running[name] = process
        self.pidfds[name] = os.pidfd_open(process.pid)

    def reap(self, name):
        """After its pidfd said so: (pid, exit status)."""
        process = self.running.pop(name)
        os.close(self.pidfds.pop(name))
        return process.pid, process.wait()

    def ready(self):
        """A message of sd_notify is there: is it READY?"""
        return b"READY=1" in self.notify.recv(4096)

    def of_this_case(self):
        """pids of odw processes (they have the page in their environment) and of commands under way."""
        services, commands = [], []
        page = b"ODW_KILL_PAGE=" + self.page.path.encode()
        for name in os.listdir("/proc"):
            if not name.isdigit() or int(name) == os.getpid():
                continue
            environ = environ_of(name)
            if page in environ:
                services.append(int(name))
            elif any(e.startswith(b"ODW_TASK=") for e in environ) and self.folder in command_line_of(name):
                commands.append(int(name))
        return services, commands

    def kill_everything(self, commands_too):
        services, commands = self.of_this_case()
        for pid in services + (commands if commands_too else []):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return services

    def terminate(self, name, seconds):
        """SIGTERM and its end: the exit status, None when it does not end."""
        self.running[name].send_signal(signal.SIGTERM)
        return self.await_end(name, seconds)

    def await_end(self, name, seconds):
        if not select.select([self.pidfds[name]], [], [], seconds)[0]:
            return None
        return self.reap(name)[1]

    def ctl_argv(self, *args):
        return [os.path.join(self.bin, "odwctl"), "--json", "--daemon", self.address, *args]

    def ctl_lines(self, *args, seconds=60):
        """The lines that `odwctl --json ARGS` printed. CalledProcessError when it failed."""
        return subprocess.run(self.ctl_argv(*args), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=seconds, check=True).stdout.splitlines()

    def ctl(self, *args, seconds=60):
        return json.loads("".join(self.ctl_lines(*args, seconds=seconds)))

    def close(self):
        self.kill_everything(commands_too=True)
        for name in list(self.running):
            self.running[name].kill()
            self.reap(name)
        self.notify.close()
