"""What a case does to its run after the submit, and before its end is looked at: the lines `then:`."""
import json
import os
import re
import shlex
import shutil
import subprocess
import threading

LOOKS_MAX = 20000          # of `until`; each waits for something new to be said
STEP_SECONDS_MAX = 30


class StepFailed(Exception):
    """A step that did not do what it had to."""


class Steps:
    """`ctl(*args)` is a finished odwctl. `run`: the run that the case is about now; `first`: the one it submitted."""

    def __init__(self, service, ctl, folder, run):
        self._service, self._ctl, self._folder = service, ctl, folder
        self.run = self.first = run
        self.said = ""

    def do(self, line):
        """[exit=N] VERB..., until ..., wait, advance MS, copy FILE FILE, or kill odwd."""
        words = [self.filled_in(word) for word in shlex.split(line)]
        wanted = 0
        if words[0].startswith("exit="):
            wanted = int(words.pop(0)[len("exit="):])
        if words[0] == "until":
            self._until(words[1:])
        elif words[0] == "wait":
            self._ctl("result", self.run, "--wait")
        elif words[0] == "advance":
            self._advance(words[1])
        elif words[0] == "copy":
            shutil.copyfile(words[1], words[2])
        elif words == ["kill", "odwd"]:
            self._service.restart_after_kill()
        elif words[0] in ("odw", "pandacode"):
            self._by_another_name(words, wanted)
        else:
            self._verb(self._ctl(*words), words, wanted)

    def filled_in(self, word):
        """RUN, FIRST and FOLDER in it replaced."""
        names = {"RUN": self.run, "FIRST": self.first, "FOLDER": self._folder}
        return re.sub(r"\b(RUN|FIRST|FOLDER)\b", lambda m: names[m.group(1)], word)

    def _verb(self, done, words, wanted):
        self.said += done.stdout + done.stderr
        if done.returncode != wanted:
            raise StepFailed(f"{' '.join(words)}: exit code {done.returncode}, wanted {wanted}: "
                             f"{done.stdout[:600]}{done.stderr[:600]}")
        if words[0] in ("resume", "rerun", "submit", "exec"):
            self.run = json.loads(done.stdout).get("run_id", self.run) if done.stdout.startswith("{") else self.run

    def _by_another_name(self, words, wanted):
        program = {"odw": "odwctl", "pandacode": "odw-executor"}[words[0]]
        argv = words[:1] + (["--daemon", self._service.address] if words[0] == "odw" else []) + words[1:]
        self._verb(subprocess.run(argv, executable=os.path.join(self._service.bin, program), cwd=self._folder,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                                  timeout=STEP_SECONDS_MAX), words, wanted)

    def _advance(self, by_ms):
        subprocess.run([os.path.join(self._service.tests, "advance_clock"), self._service.address, by_ms], check=True,
                       stdout=subprocess.DEVNULL, timeout=STEP_SECONDS_MAX)

    def _until(self, words):
        """until n2 STATE | until n2 answered | until log TEXT: follows the run's events until one says so."""
        argv = self._service.ctl_argv("--json", "watch", self.run)
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True) as watch:
            limit = threading.Timer(STEP_SECONDS_MAX, watch.kill)
            limit.start()
            try:
                for _, line in zip(range(LOOKS_MAX), watch.stdout):
                    if line.startswith('{"number"') and self._says(json.loads(line), words):
                        return
            finally:
                limit.cancel()
                watch.kill()
        raise StepFailed(f"it never came to: {' '.join(words)}")

    @staticmethod
    def _says(event, words):
        what, wanted = words[0], " ".join(words[1:])
        if what == "log":
            return wanted in event.get("log", {}).get("text", "")
        node = event.get("node", {})
        # While a run is paused, an answer waits: the node is not done yet.
        state = "answered" if node.get("usage", {}).get("model_calls") and wanted == "answered" else node.get("state")
        return node.get("node") == what and state == wanted
