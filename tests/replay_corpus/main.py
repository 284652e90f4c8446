"""main.py BUILD_DIR: every corpus, opened by this odwd; `N passed, N failed` last."""
import json
import os
import subprocess
import sys

import corpus
from corpus import Corpus
from harness import Cases, equal

# What the run "diverges" is given for its script: its second round of calls is another.
EDITED = ("so far", "[[say:${first} ${i}]]`", "[[say:${first} no. ${i}]]`")
CALLS_BEFORE = 1  # that the edit leaves as they were


def damage(build, opened, *args):
    subprocess.run([os.path.join(build, "tests", "journal_damage"), opened.journal, *args], check=True)


def check_same(service, known):
    equal("what is seen of it", corpus.seen(service, known["run"]), known["seen"])


def check_report(service, opened, known):
    path = os.path.join(opened.folder, known["run"] + ".html")
    equal("exit code", service.ctl("report", known["run"], "--out", path).returncode, 0)
    with open(path, encoding="utf-8") as text:
        if known["run"] not in text.read():
            raise AssertionError("the report does not name its run")


def check_end(service, known):
    service.ctl("result", known["run"], "--wait")
    got, wanted = corpus.seen(service, known["run"]), known["seen"]
    equal("what is seen of it", got, wanted)


def check_replayed_by_another(service, known):
    """Another prelude is no reason to stop: it is tried, and said."""
    check_end(service, known)
    told = [line for line in service.log().splitlines() if known["run"] in line and "prelude" in line]
    if not told:
        raise AssertionError("odwd's log does not say that the run is replayed by another prelude")


def check_divergence(service, known):
    done = service.ctl("--json", "result", known["run"], "--wait")
    equal("exit code", done.returncode, 8)
    status = service.ok("status", known["run"], "--nodes")
    equal("state", status["state"], "needs_attention")
    message = status["error"]["message"]
    for side in ("n2", "first no. 1"):  # the call that the journal has, the one that the script made
        if side not in message:
            raise AssertionError(f"{side!r} is not in {message!r}")
    equal("what the journal has there", "first 1" in status["node"][1]["label"], True)
    equal("its results are kept", [node["state"] for node in status["node"][:4]], ["done"] * 4)


def check_resumed(service, known):
    """Its results answer the calls of the run that goes on in its place."""
    resumed = service.ok("resume", known["run"], "--detach")["run_id"]
    done = service.ctl("--json", "result", resumed, "--wait")
    equal("exit code, " + done.stderr, done.returncode, 0)
    nodes = service.ok("status", resumed, "--nodes")["node"]
    cached = [node["node"] for node in nodes if node["state"] == "cached"]
    if "n1" not in cached:
        raise AssertionError(f"nothing of it was reused: {nodes}")
    equal("first", json.loads(done.stdout)["first"], "first")


def check_corpus(build, archive, cases):
    name = os.path.basename(archive).removesuffix(".tar.xz")
    with Corpus(archive) as opened:
        runs = opened.known["runs"]
        damage(build, opened, "prelude", runs["other_prelude"]["run"], "of-another-version")
        edited = os.path.join(opened.folder, "edited.js")
        with open(os.path.join(corpus.SCRIPTS, "open.js"), encoding="utf-8") as text, \
                open(edited, "w", encoding="utf-8") as out:
            source = text.read()
            out.write(source.replace(EDITED[1], EDITED[2]))
            equal("the edit", EDITED[1] in source, True)
        damage(build, opened, "source", runs["diverges"]["run"], edited)
        with opened.service(build, ("mock", "command")) as service:
            for run in corpus.FINISHED:
                if run in runs:
                    cases.case(f"{name}_{run}_reads_the_same", check_same, service, runs[run])
                    cases.case(f"{name}_{run}_reports", check_report, service, opened, runs[run])
            for run in ("goes_on", "wide"):
                cases.case(f"{name}_{run}", check_end, service, runs[run])
            cases.case(f"{name}_other_prelude_goes_on", check_replayed_by_another, service, runs["other_prelude"])
            cases.case(f"{name}_diverges_needs_attention", check_divergence, service, runs["diverges"])
            cases.case(f"{name}_diverges_is_resumed", check_resumed, service, runs["diverges"])


def main():
    build, cases = os.path.abspath(sys.argv[1]), Cases()
    archives = sorted(name for name in os.listdir(corpus.CORPUS) if name.endswith(".tar.xz"))
    equal("there is a corpus", bool(archives), True)
    for archive in archives:
        check_corpus(build, os.path.join(corpus.CORPUS, archive), cases)
    print(f"{cases.passed} passed, {cases.failed} failed" + (f", {cases.skipped} skipped" if cases.skipped else ""))
    return 1 if cases.failed else 0


sys.exit(main())
