"""The scripts of deploy/: what they say where something is wrong, and what `cmake --install` makes."""
import json
import os
import shutil
import tempfile

from harness import ROOT, State, equal, run

DEPLOY = os.path.join(ROOT, "deploy")


def fails_clearly(argv, *words, env=None):
    """The script ends with an error that has its three parts and says `words`."""
    done = run(argv, env=env, check=False)
    if done.returncode == 0:
        raise AssertionError(f"{argv} succeeded: {done.stdout}")
    for word in ("error:", "why:", "next:", *words):
        if word not in done.stderr:
            raise AssertionError(f"{argv}: no {word!r} in {done.stderr!r}")


def check_other_system(_build):
    with tempfile.NamedTemporaryFile("w", suffix="-os-release") as release:
        release.write('ID=fedora\nVERSION_ID=40\n')
        release.flush()
        env = {"ODW_OS_RELEASE": release.name}
        fails_clearly([os.path.join(DEPLOY, "install_dependencies.sh")], "fedora 40", "Debian 12", env=env)
        fails_clearly([os.path.join(DEPLOY, "quickstart.sh")], "fedora 40", env=env)


def check_bad_arguments(_build):
    fails_clearly([os.path.join(DEPLOY, "install_dependencies.sh"), "--wrong"], "--wrong")
    fails_clearly([os.path.join(DEPLOY, "quickstart.sh"), "--files", "many"], "many")
    fails_clearly([os.path.join(DEPLOY, "quickstart.sh"), "--repo"], "--repo")
    fails_clearly([os.path.join(DEPLOY, "build.sh"), "--wrong"], "--wrong")


def check_not_a_repository(_build):
    with tempfile.TemporaryDirectory() as folder:
        fails_clearly([os.path.join(DEPLOY, "quickstart.sh"), "--repo", folder], folder)
    fails_clearly([os.path.join(DEPLOY, "quickstart.sh"), "--repo", "/nowhere/at/all"], "/nowhere/at/all")


def check_dry_run(_build):
    """--dry-run names what is missing before anything is installed, and changes nothing."""
    with tempfile.TemporaryDirectory() as folder:
        # A dpkg that knows no package: everything is missing.
        fake = os.path.join(folder, "dpkg-query")
        with open(fake, "w") as out:
            out.write("#!/bin/sh\nexit 1\n")
        os.chmod(fake, 0o755)
        done = run([os.path.join(DEPLOY, "install_dependencies.sh"), "--tests", "--dry-run"],
                   env={"PATH": folder + ":" + os.environ["PATH"]})
    for word in ("will install", "librocksdb-dev", "libgtest-dev", "nothing was changed"):
        if word not in done.stdout:
            raise AssertionError(f"no {word!r} in {done.stdout!r}")


def check_install(build):
    """The installed tree works away from the build folder: odw-script finds the private V8 beside itself."""
    folder = tempfile.mkdtemp(prefix="odw-e2e-install-")
    state = State()
    try:
        run(["cmake", "--install", build, "--prefix", "/usr"], env={"DESTDIR": folder})
        usr = os.path.join(folder, "usr")
        for name in ("bin/odwd", "bin/odwctl", "bin/odw-script", "bin/odw-executor", "bin/odw", "bin/pandacode",
                     "share/odw/odw.d.ts", "lib/odw/libnode.so.108",
                     "lib/systemd/system/odwd.service", "lib/systemd/system/odw-executor@.service",
                     "lib/sysusers.d/odw.conf", "lib/tmpfiles.d/odw.conf", "share/odw/odwd.example.toml",
                     "share/odw/executor.example.toml", "share/odw/examples/survey.js"):
            if not os.path.exists(os.path.join(usr, name)):
                raise AssertionError(f"{name} was not installed")
        with open(os.path.join(usr, "lib/systemd/system/odwd.service")) as unit:
            equal("ExecStart", [l.split()[0] for l in unit if l.startswith("ExecStart=")],
                  ["ExecStart=/usr/bin/odwd"])
        libraries = run(["ldd", os.path.join(usr, "bin/odw-script")]).stdout
        node = [l.split("=>")[1].split()[0] for l in libraries.splitlines() if "libnode" in l]
        equal("libnode", [os.path.realpath(n) for n in node],
              [os.path.realpath(os.path.join(usr, "lib/odw/libnode.so.108"))])
        done = run([os.path.join(usr, "bin/odwctl"), "exec", os.path.join(ROOT, "examples/hello.js"),
                    "--backend", "mock", "--json"], env=state.env)
        if not json.loads(done.stdout).startswith("mock: "):
            raise AssertionError(f"hello.js returned {done.stdout!r}")
    finally:
        state.remove()
        shutil.rmtree(folder, ignore_errors=True)


def main(build, cases):
    for name, check in (("deploy: another system is refused by name", check_other_system),
                        ("deploy: bad arguments are named", check_bad_arguments),
                        ("deploy: --repo that is no repository", check_not_a_repository),
                        ("deploy: --dry-run says what is missing", check_dry_run),
                        ("deploy: cmake --install works away from the build", check_install)):
        cases.case(name, check, build)
