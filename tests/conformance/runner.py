"""Runs one case through odwctl and compares."""
import json
import os
import re
import shlex

from harness import run as run_command
from steps import StepFailed, Steps

CONNECTS_MAX = 10
DELAY = re.compile(r"\$MS\((\d+)\)")


class Mismatch(Exception):
    """What was expected, what came."""


def source_of(case, delay_factor):
    """The script's bytes."""
    if case.get("hex"):
        return bytes.fromhex(case.get("hex"))
    if case.get("source"):
        text = json.loads(case.get("source"))
    elif case.get("raw"):
        text = case.script
    else:
        meta = case.get("meta") or "{ name: 'case', description: 'a case' }"
        text = f"export const meta = {meta};\n{case.script}"
    text = DELAY.sub(lambda m: str(int(m.group(1)) * delay_factor), text)
    if case.get("pad"):  # to so many characters, by a comment that ends the script
        text += "//" + "x" * (case.get("pad") - len(text) - 2)
    return text.encode("utf-8", "surrogatepass")


def has(what, texts, wanted):
    for word in wanted:
        if not any(word in text for text in texts):
            raise Mismatch(f"no {what} has {word!r}: {str(texts)[:1500]}")


def has_not(what, texts, unwanted):
    for word in unwanted:
        if any(word in text for text in texts):
            raise Mismatch(f"a {what} has {word!r}: {str(texts)[:1500]}")


def same(what, got, wanted):
    if got != wanted:
        raise Mismatch(f"{what}: got {got!r:.1500}, wanted {wanted!r:.1500}")


def canonical(text):
    return json.dumps(json.loads(text), sort_keys=True)


def most_at_once(nodes):
    """By the daemon's clock; one that ends in the millisecond in which another starts is before it."""
    changes = [(node["started_unix_ms"], 1) for node in nodes] + [(node["ended_unix_ms"], -1) for node in nodes]
    running = most = 0
    for _, change in sorted(changes):
        running += change
        most = max(most, running)
    return most


class CaseRun:
    """One case against a Service (tests/e2e/service.py)."""

    def __init__(self, service, case, number, delay_factor):
        self.service = service
        self.case = case
        self.folder = os.path.join(service.path, f"case{number}")
        self.delay_factor = delay_factor

    def _ctl(self, *args):
        """odwctl; once more where it did not get through to a daemon that is busy with other cases."""
        for _ in range(CONNECTS_MAX):
            done = self.service.ctl("--json", *args)
            if done.returncode != 4 or "failed to connect" not in done.stderr:
                break
        return done

    def _status(self, run):
        done = self._ctl("status", run, "--nodes")
        same("status's exit code, " + done.stderr, done.returncode, 0)
        return json.loads(done.stdout)

    def run(self):
        """Raises Mismatch."""
        self._write_files()
        submitted = self._submit()
        if submitted is None:
            return
        run = submitted["run_id"]
        has("warning", submitted["warnings"], self.case.get("warning"))
        has_not("warning", submitted["warnings"], self.case.get("nowarning"))
        run = self._do_steps(run)
        done = self._ctl("result", run, "--wait")
        status = self._status(run)
        self._check_end(done, status)
        self._check_status(status)

    def _do_steps(self, run):
        """The run that the case is about in the end."""
        steps = Steps(self.service, self._ctl, self.folder, run)
        for line in self.case.get("then"):
            try:
                steps.do(DELAY.sub(lambda m: str(int(m.group(1)) * self.delay_factor), line))
            except StepFailed as problem:
                raise Mismatch(f"then: {line}: {problem}") from problem
        has("step's output", [steps.said], map(steps.filled_in, self.case.get("said")))
        has_not("step's output", [steps.said], map(steps.filled_in, self.case.get("unsaid")))
        return steps.run

    def _write_files(self):
        os.makedirs(self.folder)
        for name, text in self.case.files.items():
            path = os.path.join(self.folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as out:
                out.write(DELAY.sub(lambda m: str(int(m.group(1)) * self.delay_factor), text))
        if self.case.get("repository"):
            for args in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "--allow-empty", "-m", "first"]):
                run_command(["git", "-C", self.folder, *args])
        self.script = os.path.join(self.folder, "case.js")
        with open(self.script, "wb") as out:
            out.write(source_of(self.case, self.delay_factor))

    def _submit(self):
        args = []
        if self.case.get("args") is not None:
            path = os.path.join(self.folder, "args.txt")
            with open(path, "w", encoding="utf-8") as out:
                out.write(self.case.get("args"))
            args = ["--args-file", path]
        flags = shlex.split((self.case.get("flags") or "").replace("FOLDER", self.folder))
        where = [] if "--cwd" in flags else ["--cwd", self.folder]
        done = self._ctl("submit", self.script, *where, *args, *flags)
        refused = self.case.get("problem")
        if not refused and done.returncode == 0:
            return json.loads(done.stdout)
        if not refused:
            raise Mismatch(f"submit's exit code {done.returncode}: {done.stdout}{done.stderr}")
        same("submit's exit code", done.returncode, self.case.get("exit") or 2)
        error = json.loads(done.stdout)["error"]
        has("problem", [error["message"] + "\n" + done.stderr], refused)
        if "run_id" in done.stdout:
            raise Mismatch("a refused script got a run")
        return None

    def _check_end(self, done, status):
        case = self.case
        fails = case.get("error") or case.get("category")
        same("exit code, " + (done.stdout + done.stderr)[:600], done.returncode,
             case.get("exit") if case.get("exit") is not None else (1 if fails else 0))
        if case.get("result") is not None:
            same("result", canonical(done.stdout), canonical(case.get("result")))
        error = status.get("error", {})
        has("error", [error.get("message", "")], case.get("error"))
        has_not("error", [error.get("message", "")], case.get("noerror"))
        if case.get("category"):
            same("category", error.get("category"), case.get("category"))

    def _check_status(self, status):
        case = self.case
        log = status.get("log", [])
        has("log line", log, case.get("log"))
        has_not("log line", log, case.get("nolog"))
        if case.get("same_log"):
            same("log", log, json.loads(case.get("same_log")))
        if case.get("nodes") is not None:
            same("nodes", status["nodes"]["total"], case.get("nodes"))
        if case.get("at_once") is not None:
            same("most nodes at work at once", most_at_once(status["node"]), case.get("at_once"))
        if case.get("phases"):
            same("phases", status["phases"], json.loads(case.get("phases")))
        for wanted in case.get("summary"):
            self._contains("status", [status], json.loads(wanted))
        for wanted in case.get("node"):
            self._contains("node", status.get("node", []), json.loads(wanted))

    @staticmethod
    def _contains(what, objects, wanted):
        def within(part, whole):
            if isinstance(part, dict) and isinstance(whole, dict):
                return all(key in whole and within(part[key], whole[key]) for key in part)
            return part == whole
        if not any(within(wanted, one) for one in objects):
            raise Mismatch(f"no {what} has {wanted}: {json.dumps(objects)[:1500]}")
