"""Providers that refuse every call, or are not there for a while: few requests are made, and no node is lost that
need not be."""
import json
import socket
import subprocess
import urllib.request

from clis_test import FAKE, result_of, submit, wait_for
from service import Service

NODES = 30
REFUSED_KEY = "sk-e2e-refused-0ddba11"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


class Provider:
    """A model server on a port of the test's choice: it may come late. A context manager."""

    def __init__(self, port, key):
        self.url = f"http://127.0.0.1:{port}"
        self.argv = ["node", FAKE, "--port", str(port), "--ttl", "300", "--quiet", "--key", key]

    def __enter__(self):
        self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def requests(self):
        with urllib.request.urlopen(self.url + "/__fake/requests?last=1000") as answer:
            said = json.load(answer)
        return len(said["requests"] if isinstance(said, dict) else said)


def fan_out(service, name):
    return submit(service, name, f"""
return await parallel(Array.from({{length: {NODES}}}, (_, i) => () => agent('say ' + i, {{runtime: 'bamboo',
  provider: 'deepseek'}})));
""")


def start_bamboo(service, port, key):
    service.spawn_executor("bamboo", {"DEEPSEEK_BASE_URL": f"http://127.0.0.1:{port}/deepseek",
                                      "DEEPSEEK_API_KEY": key})


def check_a_refused_key(build):
    port = free_port()
    with Provider(port, "another-key") as provider, Service(build, executors=()) as service:
        start_bamboo(service, port, REFUSED_KEY)
        run_id = fan_out(service, "refused")
        service.ok("result", run_id, "--wait")
        status = service.ok("status", run_id, "--nodes")
        assert status["state"] == "completed" and status["health"] == "degraded", status
        assert status["census"] == {"auth": NODES}, status["census"]
        assert provider.requests() < NODES, provider.requests()
        unsent = [node["error"]["message"] for node in status["node"] if node.get("attempts", 0) == 0]
        assert unsent and all(text.startswith("not sent: the last") for text in unsent), unsent
        doctor = service.ctl("doctor").stdout
        assert "deepseek" in doctor and REFUSED_KEY not in doctor, doctor


def check_a_provider_that_comes_late(build):
    port = free_port()
    with Service(build, executors=()) as service:
        start_bamboo(service, port, REFUSED_KEY)
        run_id = fan_out(service, "late")
        wait_for("the breaker to open", lambda: "provider not asked: bamboo, provider deepseek" in
                 " ".join(service.ok("status", run_id).get("waiting_for", [])))
        with Provider(port, REFUSED_KEY):
            texts = result_of(service, run_id)
            assert texts == [f"echo: say {i}" for i in range(NODES)], texts
            assert service.ok("status", run_id)["health"] == "ok"


def check_fallback_of_a_runtime(build):
    with Service(build, settings='[fallback]\nmock = ["ghost/x", "mock/other"]') as service:
        run_id = submit(service, "pool", "return await agent('[[fail:AUTH:1]] [[say:hi]]');")
        assert result_of(service, run_id) == "hi"
        status = service.ok("status", run_id, "--nodes")
        assert status["health"] == "ok" and status["node"][0]["model"] == "other", status


def main(build, cases):
    cases.case("breaker: what a runtime's config falls back to", check_fallback_of_a_runtime, build)
    cases.case("breaker: a refused key costs few requests", check_a_refused_key, build)
    cases.case("breaker: a provider that comes late loses no node", check_a_provider_that_comes_late, build)
