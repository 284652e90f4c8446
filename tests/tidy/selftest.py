"""The checks themselves: each finds the fault that is planted for it, in a made-up repository."""
import os
import subprocess
import tempfile

import config_keys
import layering
import proto_rules
import text_rules
from tree import Tree

_HEADER = "// For a test.\n#pragma once\n"
# (check, {file: text}): each tree holds exactly one fault, of the kind that `check` looks for.
FAULTS = [
    (layering.check_layers, {"daemon/model/a.h": _HEADER + '#include "daemon/core/engine.h"\n'}),
    (layering.check_layers, {"client/a.cc": '#include "daemon/model/run.h"\n'}),
    (layering.check_no_cycles, {
        "daemon/core/a.h": _HEADER + '#include "daemon/model/b.h"\n',
        "daemon/model/b.h": _HEADER + '#include "daemon/base/c.h"\n',
        "daemon/base/c.h": _HEADER + '#include "daemon/core/a.h"\n'}),
    (layering.check_heavy_headers, {"daemon/core/a.cc": "#include <grpcpp/grpcpp.h>\n"}),
    (layering.check_heavy_headers, {"client/out.h": _HEADER + "#include <nlohmann/json.hpp>\n"}),
    (layering.check_heavy_headers_stay_home, {
        "daemon/loop/a.cc": '#include "daemon/rpc/b.h"\n',
        "daemon/rpc/b.h": _HEADER + "#include <grpcpp/grpcpp.h>\n"}),
    (layering.check_core_is_pure, {"daemon/core/a.cc": "#include <thread>\n"}),
    (layering.check_core_is_pure, {"daemon/core/a.cc": "#include <sys/stat.h>\n"}),
    (layering.check_known_folders, {"daemon/attic/a.cc": "int x;\n"}),
    (layering.check_includes_from_root, {"daemon/core/a.cc": '#include "daemon/core/gone.h"\n'}),
    (text_rules.check_no_sleeps_in_tests, {"daemon/core/a_test.cc": "std::this_thread::sleep_for(x);\n"}),
    (text_rules.check_no_sleeps_in_tests, {"tests/crash/run.sh": "while true; do sleep 1; done\n"}),
    (text_rules.check_no_notes_to_self, {"daemon/core/a.cc": "// TO" "DO: later\n"}),
    (text_rules.check_no_disabled_tests, {"daemon/core/a_test.cc": "TEST(A, DISABLED_B) {}\n"}),
    (text_rules.check_lengths, {"daemon/core/a.cc": "int x;\n" * 601}),
    (text_rules.check_function_lengths, {
        "daemon/core/a.cc": "namespace a {\nvoid F() {\n" + "  Go();\n" * 70 + "}\n}\n"}),
    (text_rules.check_readmes, {"daemon/core/a.cc": "int x;\n"}),
    (text_rules.check_no_registry_hosts, {"a.md": "from registry.npm" "js.org\n"}),
    (text_rules.check_pragma_once, {"daemon/core/a.h": "int x;\n"}),
    (proto_rules.check_agent_request, {
        proto_rules.TYPES: "message AgentRequest {\n  string a = 1;\n}\n",
        proto_rules.SCRIPT: "message AgentRequest {\n  string a = 2;\n}\n"}),
    (config_keys.check_config_keys, {
        "daemon/config/config.cc": 'void ReadAll(int) {\n  in.Text("data", x);\n  in.Text("b", x);\n}\n',
        "deploy/odwd.example.toml": '#data = ""\n'}),
    (config_keys.check_config_keys, {
        "executors/config.cc": 'int Read(int) {\n  reader.String("a", x);\n}\n',
        "deploy/executor.example.toml": '#a = ""\n[bamboo]\n#gone = 1\n'}),
    (proto_rules.check_field_numbers, {
        "proto/odw/v1/x.proto": "message A {\n  string a = 1;\n  string b = 1;\n}\n"}),
]


def _tree(files, folder):
    subprocess.run(["git", "init", "-q", folder], check=True)
    for name, text in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as out:
            out.write(text)
    return Tree(folder)


def check_planted_faults_are_found():
    """Every check of the sources finds the fault planted for it"""
    problems = []
    for check, files in FAULTS:
        with tempfile.TemporaryDirectory() as folder:
            if not check(_tree(files, folder)):
                problems.append(f"{check.__name__} did not see the fault in {sorted(files)}")
    return problems


def check_every_check_has_a_fault():
    """No check of the sources goes without a planted fault"""
    every = layering.CHECKS + text_rules.CHECKS + proto_rules.CHECKS + config_keys.CHECKS
    tried = {check for check, _ in FAULTS}
    return [f"{c.__name__} has no planted fault" for c in every if c not in tried]


CHECKS = [check_planted_faults_are_found, check_every_check_has_a_fault]
