"""What ships beside the code: licences, units, example configuration, examples."""
import os
import re
import shutil
import subprocess
import tempfile

INDEX = "third_party/licences/INDEX"
UNITS = ("systemd/odwd.service", "systemd/odw-executor@.service")


class Skip(Exception):
    """A check that cannot run here, with the reason."""


def _install_list(tree):
    """The Debian packages that deploy/install_dependencies.sh names: (build, tests)."""
    text = tree.text("deploy/install_dependencies.sh")
    lists = []
    for name in ("build_packages", "test_packages"):
        body = re.search(name + r"=\(\n(.*?)\n\)", text, re.DOTALL).group(1)
        lists.append([w for line in body.splitlines() for w in line.split("#")[0].split()])
    return lists


def _index(tree):
    """{package: (licence, file)} of third_party/licences/INDEX."""
    rows = {}
    for line in tree.text(INDEX).splitlines():
        if line and not line.startswith("#"):
            cells = line.split("\t")
            if len(cells) == 4:
                rows[cells[0]] = (cells[1], cells[3])
            else:
                rows[line] = ("", "")
    return rows


def check_licences_named(tree, _):
    """Every library and JavaScript package used has its licence in third_party/licences"""
    rows = _index(tree)
    build, _tests = _install_list(tree)
    tools = {"g++", "cmake", "ninja-build", "pkg-config", "ccache", "lld", "git", "ca-certificates",
             "protobuf-compiler", "protobuf-compiler-grpc", "nodejs", "npm"}
    wanted = [p for p in build if p not in tools] + ["libnode108"]
    for name in tree.files:
        if name.startswith("third_party/js/") and name.endswith("/package.json"):
            body = re.search(r'"(?:dependencies|devDependencies)"\s*:\s*\{(.*?)\}', tree.text(name),
                             re.DOTALL)
            wanted += ["npm:" + n for n in re.findall(r'"([^"]+)"\s*:', body.group(1))] if body else []
    problems = [f"{INDEX}: no line for {p}" for p in wanted if p not in rows]
    for package, (licence, text) in rows.items():
        if not licence or f"third_party/licences/{text}" not in tree.files:
            problems.append(f"{INDEX}: {package}: no licence or no text file '{text}'")
    return problems


def check_units_verify(tree, build):
    """systemd-analyze verify finds nothing in the units"""
    if not shutil.which("systemd-analyze"):
        raise Skip("systemd-analyze is not installed")
    with tempfile.TemporaryDirectory() as folder:
        for unit in UNITS:
            # The programs live in /usr/bin once installed; here any program will do.
            text = re.sub(r"/usr/bin/odw[\w-]*", "/bin/true", tree.text(unit))
            with open(os.path.join(folder, os.path.basename(unit)), "w") as out:
                out.write(text)
        os.rename(os.path.join(folder, "odw-executor@.service"),
                  os.path.join(folder, "odw-executor@mock.service"))
        # Its own unit path: the machine's units are not ours to judge.
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
             os.path.join(folder, "odwd.service"), os.path.join(folder, "odw-executor@mock.service")],
            capture_output=True, text=True, env={**os.environ, "SYSTEMD_UNIT_PATH": folder + ":"})
        noise = re.compile(r"^(Failed to (prepare|create)|Unit .* not found)")
        lines = [l for l in (done.stderr + done.stdout).splitlines() if l and not noise.match(l)]
    return lines if lines or done.returncode == 0 else [f"exit status {done.returncode}"]


def _unit_keys(text):
    keys = {}
    for line in text.splitlines():
        if "=" in line and not line.startswith(("#", ";")):
            key, value = line.split("=", 1)
            keys.setdefault(key, []).append(value)
    return keys


def check_units_promises(tree, _):
    """odwd notifies, and executors' tasks outlive their unit"""
    daemon, executor = (_unit_keys(tree.text(u)) for u in UNITS)
    problems = []
    for unit, keys, key, value in ((UNITS[0], daemon, "Type", "notify"),
                                   (UNITS[1], executor, "Type", "notify"),
                                   (UNITS[1], executor, "KillMode", "process"),
                                   (UNITS[0], daemon, "NoNewPrivileges", "yes"),
                                   (UNITS[1], executor, "NoNewPrivileges", "yes")):
        if keys.get(key) != [value]:
            problems.append(f"{unit}: {key} is {keys.get(key)}, not {value}")
    stop = executor.get("ExecStop", [])
    if not any("TERM" in v for v in stop) or not any("--pid=$MAINPID" in v for v in stop):
        problems.append(f"{UNITS[1]}: ExecStop does not drain (SIGTERM, then wait for it to end)")
    return problems


def check_scripts_parse(tree, _):
    """Every shell script parses"""
    problems = []
    for name in tree.with_suffix(".sh") + [".ci/run"]:
        done = subprocess.run(["bash", "-n", tree.path(name)], capture_output=True, text=True)
        problems += done.stderr.splitlines()
    return problems


CHECKS = [check_licences_named, check_units_verify, check_units_promises, check_scripts_parse]
