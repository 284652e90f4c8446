"""make.py BUILD_DIR: runs the scripts with this version and packs its journal as corpus/VERSION.tar.xz."""
import os
import sys

import corpus
from corpus import Corpus


def submit(service, script, flags):
    # A folder that is there wherever the corpus is opened; a child's script is looked for in it.
    cwd = corpus.SCRIPTS if script == "done_child.js" else "/tmp"
    return service.ok("submit", os.path.join(corpus.SCRIPTS, script), "--cwd", cwd, *flags)["run_id"]


def await_held(service, run):
    """Until all that can be done is done: what is left waits for the runtime that nobody serves."""
    for _ in range(corpus.LOOKS_MAX):
        nodes = service.ok("status", run, "--nodes")["node"]
        left = [node for node in nodes if node["state"] not in ("done", "failed")]
        if left and all(node["runtime"] == "command" for node in left):
            return
    raise AssertionError(f"{run} does not come to rest: {left}")


def main():
    build = os.path.abspath(sys.argv[1])
    with Corpus() as made:
        runs = made.known["runs"] = {}
        with made.service(build, ("mock",)) as service:
            made.known["version"] = service.ok("version")["odwd"]
            for name, (script, flags) in corpus.FINISHED.items():
                run = submit(service, script, flags)
                service.ctl("result", run, "--wait")
                runs[name] = {"run": run, "seen": corpus.seen(service, run)}
            for name, (script, flags) in corpus.OPEN.items():
                run = submit(service, script, flags)
                await_held(service, run)
                runs[name] = {"run": run}
            service.stop()
        version = made.known["version"]
        version = version if isinstance(version, str) else version["version"]
        archive = os.path.join(corpus.CORPUS, version + ".tar.xz")
        expect_ends(build, made)
        made.pack(archive)
        print(f"{archive}: {os.path.getsize(archive)} bytes, {len(runs)} runs")


def expect_ends(build, made):
    """How the open ones end, seen on a copy of the journal."""
    import shutil
    with Corpus() as copy:
        shutil.copytree(made.data, copy.data)
        with copy.service(build, ("mock", "command")) as service:
            for name in corpus.OPEN:
                run = made.known["runs"][name]["run"]
                service.ctl("result", run, "--wait")
                made.known["runs"][name]["seen"] = corpus.seen(service, run)


main()
