"""One case: a workflow run from submit to result while its processes are killed by the page's orders,
then everything that must hold afterwards."""
import collections
import json
import os
import random
import select
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field

import plan
from kill_page import KillPage
from processes import COMMAND, DAEMON, LINGER_SECONDS, MOCK, SLOTS, Processes, await_death, command_line_of
from spool import attempt_token, tokens_kept

HERE = os.path.dirname(os.path.abspath(__file__))
NODES = 300
ATTEMPTS_MAX = 20       # of one node; more is a failure of its own
END_SECONDS = 10        # for a process to end after it was told to
EXIT_UNREACHABLE = 4    # odwctl's


class CaseFailed(Exception):
    """A promise that did not hold, with the evidence."""


@dataclass
class Outcome:
    """What a case reports."""
    seed: int
    result: object = None
    kills: list = field(default_factory=list)      # [(point, counts)]
    passages: dict = field(default_factory=dict)
    executions: int = 0
    re_executed: int = 0
    seconds: float = 0
    failure: str = ""
    folder: str = ""


class Case:
    """`orders`: what plan.py made of the seed. `wanted`: an undisturbed run's result, None for that run."""

    def __init__(self, build, seed, orders, wanted, seconds_max, keep=False):
        self.build, self.seed, self.orders, self.wanted = build, seed, orders, wanted
        self.deadline = time.monotonic() + seconds_max
        self.keep = keep
        self.random = random.Random(f"case {seed}")
        self.folder = tempfile.mkdtemp(prefix=f"odw-crash-{seed}-")
        self.appended = os.path.join(self.folder, "executions")
        self.processes = Processes(build, self.folder, KillPage(
            os.path.join(self.folder, "kills"), [(o.point, o.passage, o.hold_us) for o in orders]))
        self.page = self.processes.page
        self.client = self.client_pidfd = None
        self.client_step = None  # "submit", "result", "done"
        self.daemon_ready = False
        self.run_id = None
        self.result = None
        self.kept_tokens = set()  # results that were in a spool when something died
        self.watched = []         # the run's events, read when it had ended

    # ---- the run

    def run(self):
        outcome = Outcome(self.seed, folder=self.folder)
        started = time.monotonic()
        try:
            self._submit_and_follow()
            self._check(outcome)
        except (CaseFailed, subprocess.SubprocessError, OSError, ValueError) as problem:
            outcome.failure = f"{type(problem).__name__}: {problem}"
        finally:
            self._kill_client()
            outcome.passages = self.page.passages()
            self.processes.close()
            if not outcome.failure and not self.keep:
                shutil.rmtree(self.folder, ignore_errors=True)
        outcome.seconds = time.monotonic() - started
        return outcome

    def _submit_and_follow(self):
        for name in (DAEMON, MOCK, COMMAND):
            self.processes.start(name)
        while self.client_step != "done":
            self._wait_for_something()

    def _wait_for_something(self):
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise CaseFailed("the run has not ended in time: " + self._where_it_stands())
        sources = {fd: name for name, fd in self.processes.pidfds.items()}
        sources[self.processes.notify.fileno()] = "notify"
        if self.client is not None:
            sources[self.client_pidfd] = "client"
        ready = select.select(list(sources), [], [], left)[0]
        if not ready:
            return
        # One a round: what is done about it may replace the others' descriptors.
        source = sources[ready[0]]
        if source == "notify":
            if self.processes.ready():
                self.daemon_ready = True
                self._start_client()
        elif source == "client":
            self._client_ended()
        else:
            self._service_ended(source)

    def _service_ended(self, name):
        pid, status = self.processes.reap(name)
        orders = self.page.carried_out()
        mine = [i for i, order in enumerate(orders) if order.pid == pid]
        if not mine and not (name != DAEMON and status == 0):  # an executor may leave after its linger time
            raise CaseFailed(f"{name} ended by itself, status {status}: {self._tail(name)}")
        to_start = [name]
        if mine and self.orders[mine[-1]].everything:
            to_start = self._finish_off(name)
        self._note_spools()
        if DAEMON in to_start:
            self.daemon_ready = False
        self.random.shuffle(to_start)
        for each in to_start:
            self.processes.start(each)

    def _finish_off(self, first):
        """The others die too, commands under way with them or not."""
        self.processes.kill_everything(commands_too=self.random.random() < 0.5)
        for name in list(self.processes.running):
            if self.processes.await_end(name, END_SECONDS) is None:
                raise CaseFailed(f"{name} outlived SIGKILL")
        return [DAEMON, MOCK, COMMAND]

    def _note_spools(self):
        for name in (MOCK, COMMAND):
            self.kept_tokens |= tokens_kept(self.processes.state_folder(name))

    # ---- the client

    def _start_client(self):
        if self.client is not None or self.client_step == "done" or not self.daemon_ready:
            return
        if self.run_id is None:
            argv = self.processes.ctl_argv("submit", os.path.join(HERE, "workflow.js"), "--key", f"case-{self.seed}",
                                           "--args", self._args(), "--cwd", self.folder)
            self.client_step = "submit"
        else:
            argv = self.processes.ctl_argv("result", self.run_id, "--wait")
            self.client_step = "result"
        self.client = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True)
        self.client_pidfd = os.pidfd_open(self.client.pid)

    def _args(self):
        delays = random.Random(f"delays {self.seed}")
        return json.dumps({"file": self.appended, "delays": [delays.randint(5, 50) for _ in range(NODES)]})

    def _client_ended(self):
        out, err = self.client.communicate()
        status = self.client.returncode
        self._kill_client()
        if status == EXIT_UNREACHABLE:  # the daemon was killed under it: again, with the same key
            self._start_client()
        elif status != 0:
            raise CaseFailed(f"odwctl {self.client_step}: status {status}: {out[-2000:]} {err[-2000:]}")
        elif self.client_step == "submit":
            self.run_id = json.loads(out)["run_id"]
            self._start_client()
        else:
            self.result = json.loads(out)
            self.client_step = "done"

    def _kill_client(self):
        if self.client is None:
            return
        if self.client.poll() is None:
            self.client.kill()
            self.client.communicate()
        os.close(self.client_pidfd)
        self.client = self.client_pidfd = None

    # ---- what must hold

    def _check(self, outcome):
        if self.wanted is not None and self.result != self.wanted:
            raise CaseFailed("another result than the undisturbed run's; both are in " + self._keep_results())
        outcome.result = self.result
        status = self.processes.ctl("status", self.run_id, "--nodes")
        self.watched = self.processes.ctl_lines("watch", self.run_id)
        self._check_status(status)
        self._check_executions(status, outcome)
        self._check_spooled(status)
        self._check_journal(status)
        self._check_nothing_left()
        outcome.re_executed = status["re_executed"]
        outcome.kills = self._counted(status)

    def _check_status(self, status):
        got = (status["state"], status["health"], status["nodes"]["total"], status["nodes"]["done"])
        if got != ("completed", "ok", NODES, NODES):
            raise CaseFailed(f"state, health, nodes, done: {got}")

    def _check_executions(self, status, outcome):
        with open(self.appended) as f:
            lines = f.read().split("\n")
        if lines.pop() != "":
            raise CaseFailed("a torn line in the file of executions")
        times = collections.Counter(lines)
        outcome.executions = len(lines)
        attempts = {node["label"]: node["attempts"] for node in status["node"]}
        if set(times) != set(attempts):
            raise CaseFailed(f"executed and called differ: {sorted(set(times) ^ set(attempts))[:10]}")
        for key, count in times.items():
            if count > attempts[key]:
                raise CaseFailed(f"{key} ran {count} times in {attempts[key]} attempts")
        twice = sorted(key for key, count in times.items() if count > 1)
        repeats = sum(times.values()) - len(times)
        if repeats > status["re_executed"]:
            raise CaseFailed(f"{repeats} repeats, re_executed is {status['re_executed']}: {twice}")
        carried_out = self.orders[:len(self.page.carried_out())]
        repeats_max, lost_min, lost_max = plan.explained(carried_out, SLOTS)
        if repeats > repeats_max:
            raise CaseFailed(f"{repeats} repeats, these kills explain {repeats_max}: {twice}")
        if not lost_min <= status["re_executed"] <= lost_max:
            raise CaseFailed(f"re_executed is {status['re_executed']}, these kills explain {lost_min} to {lost_max}")

    def _check_spooled(self, status):
        """A result that was spooled when something died is the one that counts: no later attempt."""
        attempts = {int(node["node"][1:]): node["attempts"] for node in status["node"]}
        for node, count in attempts.items():
            if count > ATTEMPTS_MAX:
                raise CaseFailed(f"n{node} took {count} attempts")
            for attempt in range(1, count):
                if attempt_token(self.run_id, node, attempt) in self.kept_tokens:
                    raise CaseFailed(f"n{node}.{attempt} was spooled, and n{node}.{attempt + 1} was started")

    def _check_journal(self, status):
        """The journal says the same to a new daemon."""
        self._restart_daemon()
        again = self.processes.ctl("status", self.run_id, "--nodes")
        if again != status:
            differing = {k: (status.get(k), again.get(k)) for k in status if status.get(k) != again.get(k)}
            raise CaseFailed(f"the run reads otherwise after a restart: {str(differing)[:2000]}")
        if self.processes.ctl("result", self.run_id) != self.result:
            raise CaseFailed("the result reads otherwise after a restart")

    def _restart_daemon(self):
        if self.processes.terminate(DAEMON, END_SECONDS) != 0:
            raise CaseFailed("odwd did not end cleanly: " + self._tail(DAEMON))
        while select.select([self.processes.notify], [], [], 0)[0]:
            self.processes.ready()
        self.processes.start(DAEMON)
        while True:
            if not select.select([self.processes.notify], [], [], END_SECONDS)[0]:
                raise CaseFailed("odwd is not ready after a restart: " + self._tail(DAEMON))
            if self.processes.ready():
                return

    def _check_nothing_left(self):
        if self.processes.terminate(DAEMON, END_SECONDS) != 0:
            raise CaseFailed("odwd did not end cleanly: " + self._tail(DAEMON))
        for name in (MOCK, COMMAND):
            if name in self.processes.running and self.processes.await_end(name, LINGER_SECONDS + END_SECONDS) is None:
                raise CaseFailed(f"executor {name} outlived its linger time: {self._tail(name)}")
        for pid in sum(self.processes.of_this_case(), []):
            words = command_line_of(pid)
            if not await_death(pid, END_SECONDS):
                raise CaseFailed(f"process {pid} is left: {words}")
        for name in (MOCK, COMMAND):
            left = tokens_kept(self.processes.state_folder(name))
            if left:
                raise CaseFailed(f"the spool of {name} still holds {len(left)} results")
        tasks = os.path.join(self.processes.state_folder(COMMAND), "tasks")
        if os.path.isdir(tasks) and os.listdir(tasks):
            raise CaseFailed(f"task files are left: {os.listdir(tasks)}")

    def _counted(self, status):
        """[(kill, does it count)]. It does when an event was not durable by the nature of its point, a task
        was at work by its executor's clock, or an attempt was open that was lost afterwards."""
        at_work = [(node["started_unix_ms"], node["ended_unix_ms"]) for node in status["node"]] + self._lost_spans()
        kills = []
        for order, made in zip(self.page.carried_out(), self.orders):
            at_ms = order.unix_us / 1000
            counts = order.point in plan.UNCOMMITTED or any(start <= at_ms <= end for start, end in at_work)
            kills.append((plan.name_of(order, made), counts))
        return kills

    def _lost_spans(self):
        """From the start of each attempt that was lost to its node's return to the queue."""
        started, spans = {}, []
        for line in self.watched:
            event = json.loads(line)
            node = event.get("node", {})
            if node.get("state") == "running":
                started.setdefault((node["node"], node["attempt"]), event["unix_ms"])
            elif node.get("state") == "queued":
                spans += [(since, event["unix_ms"]) for (name, _), since in started.items() if name == node["node"]]
                started = {key: since for key, since in started.items() if key[0] != node["node"]}
        return spans

    # ---- evidence

    def _tail(self, name):
        with open(self.processes.log_path(name), errors="replace") as f:
            return f.read()[-1500:]

    def _keep_results(self):
        for name, value in (("result.json", self.result), ("wanted.json", self.wanted)):
            with open(os.path.join(self.folder, name), "w") as f:
                json.dump(value, f, indent=1)
        return self.folder

    def _where_it_stands(self):
        try:
            status = self.processes.ctl("status", self.run_id, "--nodes", seconds=5)
        except (subprocess.SubprocessError, ValueError, TypeError) as problem:
            return f"no status: {problem}"
        open_nodes = [n for n in status.get("node", []) if n["state"] != "done"]
        brief = [(n["node"], n["state"], n["attempts"], n.get("runtime")) for n in open_nodes[:10]]
        return f"{status['state']}, {status['nodes']}, {status['waiting_for']}, open: {brief}"
