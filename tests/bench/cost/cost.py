"""The original's headline, reproduced: the same fan-out all on the claude CLI, and mixed with bamboo. Counts the tokens
that go over the wire with one tokenizer, and prints both with their ratio and the money at list prices.
    cost.py BUILD_DIR TOKENIZER_FOLDER"""
import json
import os
import subprocess
import sys
import tempfile
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tests/e2e"))

import clis_test  # noqa: E402
from service import Service  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
NODES = 12
CLAUDE_MODEL, BAMBOO_MODEL = "claude-opus-5-5", "deepseek-v4-pro"
# USD a million tokens: input, cached input, output (list prices, as executors/usage.cc and provider_table.cc have them).
PRICES = {"anthropic": (4.0, 0.4, 20.0), "chat": (0.435, 0.003625, 0.87)}
TARGET = 0.25
HARNESS_TOKENS_MAX = 1000
RUN_SECONDS_MAX = 280


class Meter:
    """The model server with the counting proxy before it, and the environment that leads the runtimes there."""

    def __init__(self, tokenizer):
        self.server = clis_test.ModelServer()
        upstream = self.server.env["ANTHROPIC_BASE_URL"]
        self.process = subprocess.Popen(["node", os.path.join(HERE, "meter.mjs"), upstream, tokenizer],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.url = json.loads(self.process.stdout.readline())["url"]
        self.env = {name: value.replace(upstream, self.url) for name, value in self.server.env.items()}

    def counts(self):
        with urllib.request.urlopen(self.url + "/__meter") as answer:
            return {row["api"]: row for row in json.load(answer)}

    def close(self):
        self.process.kill()
        self.process.wait()
        self.server.close()


def make_files(folder):
    """Files whose secret line stands in no prompt: an answer that quotes it has read the file."""
    files = []
    for i in range(NODES):
        path = os.path.join(folder, f"part{i:02}.md")
        secret = f"secret-{os.urandom(6).hex()}"
        lines = [f"{n}. Section {i} decides point {n}: the cache is kept for {n * 7 % 60} minutes." for n in range(1, 25)]
        lines.insert(12, secret)
        with open(path, "w") as out:
            out.write("\n".join(lines) + "\n")
        files.append({"path": path, "secret": secret})
    return files


def run_once(build, tokenizer, reader, writer):
    """(counts by api, the product's own usage) of one run that passes the check of its output."""
    meter = Meter(tokenizer)
    os.environ.update(meter.env)
    try:
        config = {}
        with Service(build, executors=("claude", "bamboo"), executor_flags=config) as service:
            files = make_files(tempfile.mkdtemp(dir=service.path))
            args = {"files": [{"path": f["path"]} for f in files], "reader": reader, "writer": writer}
            submitted = service.ok("submit", os.path.join(HERE, "fan_out.js"), "--args", json.dumps(args),
                                   "--cwd", os.path.dirname(files[0]["path"]))
            done = subprocess.run(service.ctl_argv("--json", "result", submitted["run_id"], "--wait"), text=True,
                                  capture_output=True, timeout=RUN_SECONDS_MAX, check=True)
            result = json.loads(done.stdout)
            missing = [f["path"] for f, said in zip(files, result["findings"]) if f["secret"] not in (said or "")]
            if missing or result["report"] != f"{NODES} reviews":
                raise AssertionError(f"the output fails its check: {missing} {result['report']!r}")
            return meter.counts(), service.ok("status", submitted["run_id"])
    finally:
        meter.close()


def tokens(row):
    return row["fixed"] + row["task"] + row["output"]


def dollars(api, row):
    fresh, cached, output = PRICES[api]
    return ((row["fixed"] + row["task"] - row["cached"]) * fresh + row["cached"] * cached
            + row["output"] * output) / 1e6


def show(title, counts):
    print(f"\n{title}")
    print(f"  {'api':10} {'requests':>8} {'fixed':>8} {'task':>8} {'cached':>8} {'output':>8} {'tokens':>8} {'USD':>9}")
    for api, row in sorted(counts.items()):
        print(f"  {api:10} {row['requests']:8} {row['fixed']:8} {row['task']:8} {row['cached']:8} {row['output']:8}"
              f" {tokens(row):8} {dollars(api, row):9.4f}")
    return sum(map(tokens, counts.values())), sum(dollars(api, row) for api, row in counts.items())


def main():
    build, tokenizer = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    clis_test.install()
    claude = {"runtime": "claude", "model": CLAUDE_MODEL}
    bamboo = {"runtime": "bamboo", "provider": "deepseek", "model": BAMBOO_MODEL}
    print(f"{NODES} readers and a synthesis; o200k tokens of what goes over the wire; list prices")
    all_claude, _ = run_once(build, tokenizer, claude, claude)
    mixed, _ = run_once(build, tokenizer, bamboo, claude)
    a_tokens, a_usd = show("(a) all on the claude CLI", all_claude)
    b_tokens, b_usd = show("(b) readers on bamboo, synthesis on claude", mixed)
    turns = (all_claude["anthropic"]["requests"], sum(row["requests"] for row in mixed.values()))
    harness = mixed["chat"]["fixed"] / mixed["chat"]["requests"]
    print(f"\nrequests {turns[0]} and {turns[1]}; (b)/(a): tokens {b_tokens / a_tokens:.3f} (target {TARGET}), "
          f"money {b_usd / a_usd:.3f}; bamboo's fixed part {harness:.0f} tokens a request "
          f"(at most {HARNESS_TOKENS_MAX} a node)")
    if turns[0] != turns[1]:
        print("the two did not take the same number of turns: the ratio does not compare like with like")


main()
