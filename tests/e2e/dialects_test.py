"""bamboo through odwd in each provider's dialect, as the CLIs are driven in clis_test.py: answers, edits, failures, a hang,
and the deaths of the executor and of odwd."""
import json
import os
import tempfile

from clis_test import KEY, SCHEMA, ModelServer, result_of, submit, wait_for
from harness import Repository, equal
from service import Service

PATHS = {"deepseek": "deepseek", "kimi": "kimi/v1", "qwen": "qwen/v1", "zhipu": "zhipu/v4", "minimax": "minimax/v1",
         "stepfun": "stepfun/v1", "xiaomi": "xiaomi/v1"}
PROVIDERS = tuple(PATHS)


def environment(server):
    env = {}
    for provider, path in PATHS.items():
        env[provider.upper() + "_API_KEY"] = KEY
        env[provider.upper() + "_BASE_URL"] = f"{server.env['ANTHROPIC_BASE_URL']}/{path}"
    return env


def each(service, name, call, cwd=None):
    """A run that makes `call`, an expression of `provider`, for every provider at once; its id."""
    return submit(service, name, f"return await parallel({json.dumps(PROVIDERS)}.map((provider) => () => {call}));", cwd)


def check_answers(service):
    run_id = each(service, "text", "agent('[[think:hm]] hello ' + provider, {runtime: 'bamboo', provider})")
    equal("texts", result_of(service, run_id), [f"echo: hello {p}" for p in PROVIDERS])
    for node in service.ok("status", run_id, "--nodes")["node"]:
        if node["usage"]["output_tokens"] == 0 or node["usage"].get("cost_micros", 0) == 0:
            raise AssertionError(f"not accounted for: {node}")
    run_id = each(service, "schema", "agent('[[offschema:1]] [[json:{\"n\":7}]] ' + provider, "
                  "{runtime: 'bamboo', provider, maxAttempts: 3, schema: %s})" % SCHEMA)
    equal("structured answers", result_of(service, run_id), [{"n": 7}] * len(PROVIDERS))


def check_edits(service):
    repository = Repository()
    try:
        repository.write("a.txt", "a\n")
        repository.commit("base")
        run_id = each(service, "edits", "agent('[[write:' + provider + '.txt:by ' + provider + '\\\\n]] [[say:done]]', "
                      "{runtime: 'bamboo', provider, isolation: 'worktree'})", repository.path)
        equal("results", [part["text"] for part in result_of(service, run_id)], ["done"] * len(PROVIDERS))
        service.ok("merge", run_id)
        for provider in PROVIDERS:
            equal(provider, repository.git("show", f"HEAD:{provider}.txt"), f"by {provider}\n")
    finally:
        repository.remove()


def check_failures(service):
    run_id = each(service, "limited", "agent('[[status:429:2]] [[retry-after:1]] ' + provider, {runtime: 'bamboo', provider})")
    equal("after a 429", result_of(service, run_id), [f"echo: {p}" for p in PROVIDERS])
    for directive, options, category in (("[[status:401]]", "", "auth"), ("[[quota]]", "", "quota"),
                                         ("[[context]]", "", "context_length"), ("[[refuse]]", "", "refused"),
                                         ("[[hang]]", ", timeoutMs: 1500", "timeout")):
        run_id = each(service, category, f"agent('{directive} ' + provider, {{runtime: 'bamboo', provider{options}}})")
        said = [part["error"]["category"] for part in result_of(service, run_id)]
        equal(directive, said, [category] * len(PROVIDERS))
        status = service.ok("status", run_id)
        equal("the run", (status["state"], status["health"]), ("completed", "degraded"))


def check_deaths(service):
    """odwd and then the executor are killed while each node's first command runs: the model is asked nothing twice."""
    work = tempfile.mkdtemp(dir=service.path)
    before = len(service.model_server.bodies())
    run_id = each(service, "deaths", "agent('[[run:touch begun-' + provider + '; while [ ! -e go ]; do sleep 0.1; done]] "
                  "[[say:went on]]', {runtime: 'bamboo', provider})", work)
    for provider in PROVIDERS:
        wait_for(provider, lambda p=provider: os.path.exists(os.path.join(work, "begun-" + p)))
    service.restart_after_kill()
    process = service.processes.pop("bamboo")
    process.kill()
    process.wait()
    service.spawn_executor("bamboo")
    wait_for("the nodes to go on", lambda: service.log("bamboo").count("goes on after turn") == len(PROVIDERS))
    with open(os.path.join(work, "go"), "w"):
        pass
    equal("results", result_of(service, run_id), ["went on"] * len(PROVIDERS))
    equal("requests: a first and a second turn each", len(service.model_server.bodies()) - before, 2 * len(PROVIDERS))
    equal("runs again", service.ok("status", run_id)["re_executed"], 0)


def main(build, cases):
    server = ModelServer()
    kept = dict(os.environ)
    os.environ.update(environment(server))
    try:
        with Service(build, executors=("bamboo",)) as service:
            service.model_server = server
            for name, check in (("answers", check_answers), ("edits", check_edits), ("failures", check_failures),
                                ("deaths of odwd and the executor", check_deaths)):
                cases.case(f"dialects: {name}, each of {len(PROVIDERS)} providers", check, service)
    finally:
        os.environ.clear()
        os.environ.update(kept)
        server.close()
