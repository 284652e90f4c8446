"""The floors, measured in the same run as the rows that are held against them."""
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time


class Floors:
    """Runs the floor programs of BUILD/bench."""

    def __init__(self, build):
        self.bench = os.path.join(build, "bench")

    def _json(self, *argv):
        done = subprocess.run([os.path.join(self.bench, argv[0]), *argv[1:]], check=True,
                              capture_output=True, text=True)
        return json.loads(done.stdout)

    def engine(self, *scenarios):
        """{scenario: {ms, syncs, cpu_ms, ...}} of one server and one worker process."""
        folder = tempfile.mkdtemp(prefix="odw-floor-")
        address = "unix:" + os.path.join(folder, "sock")
        program = os.path.join(self.bench, "floor_engine")
        server = subprocess.Popen([program, "serve", address, os.path.join(folder, "db"), *scenarios],
                                  stdout=subprocess.PIPE, text=True)
        worker = None
        try:
            if server.stdout.readline().strip() != "ready":
                raise RuntimeError("floor_engine did not start")
            worker = subprocess.Popen([program, "work", address])
            rows = [json.loads(line) for line in server.stdout]
            server.wait()
            worker.wait()
            return {row["scenario"]: row for row in rows}
        finally:
            for process in (server, worker):
                if process is not None and process.poll() is None:
                    process.kill()
                    process.wait()
            shutil.rmtree(folder, ignore_errors=True)

    def fdatasync(self, count=500):
        folder = tempfile.mkdtemp(prefix="odw-floor-")
        try:
            return self._json("floor_process", "fdatasync", os.path.join(folder, "f"), str(count), "512")
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def spawn(self, count, parallel):
        return self._json("floor_process", "spawn", str(count), str(parallel), "/bin/true")

    def rpc(self, empty_clients):
        """(warm unary round trips, median ms of a whole empty client process)."""
        folder = tempfile.mkdtemp(prefix="odw-floor-")
        address = "unix:" + os.path.join(folder, "sock")
        program = os.path.join(self.bench, "floor_rpc")
        server = subprocess.Popen([program, "serve", address], stdout=subprocess.PIPE, text=True)
        try:
            server.stdout.readline()
            unary = self._json("floor_rpc", "unary", address, "2000")
            times = []
            for _ in range(empty_clients):
                start = time.monotonic()
                subprocess.run([program, "empty", address], check=True)
                times.append((time.monotonic() - start) * 1000)
            return unary, statistics.median(times)
        finally:
            server.kill()
            server.wait()
            shutil.rmtree(folder, ignore_errors=True)
