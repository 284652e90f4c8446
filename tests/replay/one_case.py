"""One script of the conformance suite: run undisturbed, then again and again with its host killed at settlements."""
import json
import os
import random
import shlex
import shutil
import tempfile

from kill_page import KillPage
from runner import source_of
from service import Service

BEFORE, AFTER = "script.before_settlement", "script.after_settlement"
START = "script.before_turn"  # for a script that has no settlement
KILLS_A_RUN = 2     # odwd gives a run up after three deaths without a new event
CONNECTS_MAX = 10

# Endless scripts are cut off soon: a run of them costs this much at each repetition.
SETTINGS = """
[limits]
turn_cpu_ms = {turn_cpu_ms}
heap_bytes_max = 100000000
return_grace_ms = {return_grace_ms}
"""


class Refused(Exception):
    """The script makes no run: there is nothing to replay."""


class Disturbed:
    """A Service whose processes share a page of kill orders. A context manager."""

    def __init__(self, build, delay_factor):
        self.delay_factor = delay_factor
        self._folder = tempfile.mkdtemp(prefix="odw-replay-")
        self.page = KillPage(os.path.join(self._folder, "kills"), [])
        self.service = Service(build, SETTINGS.format(turn_cpu_ms=500 * delay_factor,
                                                      return_grace_ms=300 * delay_factor),
                               env={"ODW_KILL_PAGE": self.page.path})
        self._runs = 0

    def __enter__(self):
        self.service.__enter__()
        return self

    def __exit__(self, *_):
        self.service.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _ctl(self, *args):
        for _ in range(CONNECTS_MAX):
            done = self.service.ctl("--json", *args)
            if done.returncode != 4 or "failed to connect" not in done.stderr:
                break
        return done

    def settlements_seen(self):
        return self.page.passages().get(BEFORE, 0)

    def run(self, case, orders):
        """What can be seen of a run of the case's script, and how many of the orders were carried out."""
        self._runs += 1
        folder = os.path.join(self.service.path, f"run{self._runs}")
        script = write_files(case, folder, self.delay_factor)
        flags = shlex.split(case.get("flags") or "")
        if case.get("args") is not None:
            flags += ["--args-file", os.path.join(folder, "args.txt")]
        self.page.order([(point, passage, 0) for point, passage in orders])
        submitted = self._ctl("submit", script, "--cwd", folder, *flags)
        if submitted.returncode != 0:
            raise Refused(submitted.stdout)
        run = json.loads(submitted.stdout)["run_id"]
        result = self.service.result(run)
        status = self._ctl("status", run, "--nodes")
        carried_out = len(self.page.carried_out())
        self.page.order([])
        shutil.rmtree(folder, ignore_errors=True)
        return seen(result, json.loads(status.stdout), run, folder), carried_out


def write_files(case, folder, delay_factor):
    """The script's path."""
    files = {"case.js": source_of(case, delay_factor)}
    files.update({name: text.encode() for name, text in case.files.items()})
    if case.get("args") is not None:
        files["args.txt"] = case.get("args").encode()
    for name, content in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(content)
    return os.path.join(folder, "case.js")


def seen(result, status, run, folder):
    """What must be the same in every run: the calls in their order, the lines, the end."""
    calls = [{key: node.get(key) for key in ("node", "state", "label", "phase", "runtime", "model", "attempts")}
             for node in status.get("node", [])]
    end = {"state": status["state"], "health": status["health"], "error": status.get("error"),
           "exit code": result.returncode, "result": result.stdout}
    whole = {"calls": calls, "lines": status.get("log", []), "phases": status.get("phases"), "end": end}
    return json.loads(json.dumps(whole).replace(run, "RUN").replace(folder, "FOLDER"))


def plan(case, settlements, kills_max, seed):
    """Lists of orders, a run each: at every settlement, or at `kills_max` of them, chosen by the seed."""
    if settlements == 0:
        return [[(START, 1)]]
    rng = random.Random(f"{seed} {case.name}")
    chosen = list(range(1, settlements + 1))
    if settlements > kills_max:
        chosen = sorted(rng.sample(chosen, kills_max))
    # Half of the kills before the turn, half after it; the second order counts from the replay's first turn.
    runs = [[(rng.choice((BEFORE, AFTER)), k) for k in chosen[i::(len(chosen) + 1) // KILLS_A_RUN]]
            for i in range((len(chosen) + 1) // KILLS_A_RUN)]
    return runs


def difference(wanted, got):
    """The first thing that differs, in words; None where nothing does."""
    for part, before in wanted.items():
        after = got[part]
        if before == after:
            continue
        if isinstance(before, list) and isinstance(after, list):
            for i in range(max(len(before), len(after))):
                one, other = before[i:i + 1], after[i:i + 1]
                if one != other:
                    return f"{part}, number {i + 1}: {json.dumps(one)[:600]} became {json.dumps(other)[:600]}"
        return f"{part}: {json.dumps(before)[:800]} became {json.dumps(after)[:800]}"
    return None


def replay(disturbed, case, kills_max, seed):
    """(settlements, kills, problem or None)."""
    before = disturbed.settlements_seen()
    wanted, _ = disturbed.run(case, [])
    settlements = disturbed.settlements_seen() - before
    kills = 0
    for orders in plan(case, settlements, kills_max, seed):
        got, carried_out = disturbed.run(case, orders)
        kills += carried_out
        problem = difference(wanted, got)
        if problem:
            killed = ", ".join(f"{point} {passage}" for point, passage in orders[:carried_out])
            return settlements, kills, f"killed at {killed or 'nothing'} of {settlements}: {problem}"
    return settlements, kills, None
