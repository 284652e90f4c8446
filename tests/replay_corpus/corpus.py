"""What make.py and main.py share: the runs of a corpus, its packing, and an odwd over its journal."""
import json
import os
import shutil
import sys
import tarfile
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

from service import Service  # noqa: E402

SCRIPTS = os.path.join(HERE, "scripts")
CORPUS = os.path.join(HERE, "corpus")
# name -> (script, flags of submit). The finished ones, then the open ones.
FINISHED = {
    "sequence": ("done_sequence.js", ["--args", '{"list": [1, null, "x"]}']),
    "combinators": ("done_combinators.js", ["--concurrency", "4"]),
    "schema": ("done_schema.js", []),
    "timers": ("done_timers.js", []),
    "budget": ("done_budget.js", ["--budget", "50"]),
    "large": ("done_large.js", []),
    "failed": ("done_failed.js", []),
    "odw": ("done_odw.js", []),
    "child": ("done_child.js", []),
}
OPEN_ARGS = ["--args", '"open"']
OPEN = {
    "goes_on": ("open.js", OPEN_ARGS),
    "wide": ("open_wide.js", []),
    "other_prelude": ("open.js", OPEN_ARGS),
    "diverges": ("open.js", OPEN_ARGS),
}
LOOKS_MAX = 2000


class Corpus:
    """A data folder of odwd's (its journal alone is kept), what is known of its runs, and the folder of its scripts'
    files. A context manager; the folder is removed."""

    def __init__(self, archive=None):
        self.folder = tempfile.mkdtemp(prefix="odw-corpus-")
        self.data = os.path.join(self.folder, "data")
        self.known = {}
        if archive:
            with tarfile.open(archive) as packed:
                packed.extractall(self.folder, filter="data")
            with open(os.path.join(self.folder, "runs.json"), encoding="utf-8") as text:
                self.known = json.load(text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def journal(self):
        return os.path.join(self.data, "journal")

    def pack(self, archive):
        """The journal and runs.json; RocksDB's own logs stay out."""
        with open(os.path.join(self.folder, "runs.json"), "w", encoding="utf-8") as out:
            json.dump(self.known, out, indent=1, sort_keys=True)
        skip = lambda entry: None if os.path.basename(entry.name).startswith("LOG") else _nobodys(entry)  # noqa: E731
        with tarfile.open(archive, "w:xz", preset=9) as packed:
            packed.add(os.path.join(self.folder, "runs.json"), "runs.json", filter=_nobodys)
            packed.add(self.journal, "data/journal", filter=skip)

    def service(self, build, executors):
        flags = {}
        if "command" in executors:
            config = os.path.join(self.folder, "command.toml")
            with open(config, "w", encoding="utf-8") as out:
                out.write('[commands.step]\nprogram = "/bin/echo"\n')
            flags["command"] = ["--config", config]
        return Service(build, data=self.data, executors=executors, executor_flags=flags)


def _nobodys(entry):
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


def seen(service, run):
    """What must be the same whenever it is looked at."""
    result = service.ctl("--json", "result", run)
    status = service.ok("status", run, "--nodes")
    nodes = [{key: node.get(key) for key in ("node", "state", "label", "phase", "runtime", "attempts")}
             for node in status.get("node", [])]
    return {"exit": result.returncode, "result": result.stdout if result.returncode == 0 else "",
            "state": status["state"], "health": status["health"], "error": status.get("error"),
            "nodes": nodes, "log": status.get("log", []), "phases": status["phases"], "usage": status["usage"]}
