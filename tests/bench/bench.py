#!/usr/bin/env python3
"""The speed table: every row over the shipped binaries with a real odwd, beside the floor of the same run.

  bench.py BUILD_DIR [--quick] [--rows a,b] [--out FILE]

Prints a table; --out writes the same as JSON. A missed target is printed as such and does not fail:
nothing here is a test.
"""
import argparse
import dataclasses
import json
import os
import platform
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from daemon import BenchError  # noqa: E402
from floors import Floors  # noqa: E402
from rows import ROWS, Bench  # noqa: E402


def number(value):
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def line(row):
    ratio = row.value / row.floor if row.floor and row.unit != "x" else None
    target = number(row.target) + (f" / {number(row.stretch)}" if row.stretch is not None else "")
    return [row.name, f"{number(row.value)} {row.unit}", target, row.verdict(), number(row.floor),
            number(ratio), number(row.cap), number(row.slots), number(row.syncs),
            number(row.cpu_node_ms), str(row.samples), row.notes]


HEAD = ["workload", "median", "target / stretch", "", "floor", "ratio", "cap", "slots", "syncs",
        "odwd ms/node", "n", "notes"]


def print_table(rows):
    cells = [HEAD] + [line(row) for row in rows]
    widths = [max(len(c[i]) for c in cells) for i in range(len(HEAD))]
    for i, row in enumerate(cells):
        print("  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip())
        if i == 0:
            print("  ".join("-" * w for w in widths))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--quick", action="store_true", help="fewer samples, smaller loads")
    parser.add_argument("--rows", help="comma-separated: " + ", ".join(ROWS))
    parser.add_argument("--out", help="write JSON here")
    options = parser.parse_args()
    names = options.rows.split(",") if options.rows else list(ROWS)
    unknown = [n for n in names if n not in ROWS]
    if unknown:
        parser.error(f"no such row: {', '.join(unknown)}; there are: {', '.join(ROWS)}")

    floors = Floors(os.path.abspath(options.build))
    bench = Bench(os.path.abspath(options.build), floors, options.quick)
    fdatasync = floors.fdatasync()
    unary, empty = floors.rpc(15)
    spawn = floors.spawn(500, 16)
    print(f"{os.cpu_count()} cores, {platform.release()}, load {os.getloadavg()[0]:.1f}; fdatasync 512 B p50 "
          f"{fdatasync['p50_ms']:.3f} ms, p99 {fdatasync['p99_ms']:.3f}; gRPC unary p50 {unary['p50_ms']:.3f} ms; "
          f"empty gRPC client {empty:.1f} ms; fork+exec {spawn['ms'] / 500:.3f} ms\n", flush=True)
    rows, errors = [], []
    for name in names:
        start = time.monotonic()
        print(f"measuring {name} ...", file=sys.stderr, end="", flush=True)
        try:
            got = ROWS[name](bench)
            rows += got if isinstance(got, list) else [got]
        except BenchError as problem:
            errors.append(f"{name}: {problem}")
        print(f" {time.monotonic() - start:.1f} s", file=sys.stderr, flush=True)
    print_table(rows)
    for error in errors:
        print("NOT MEASURED: " + error)
    if options.out:
        with open(options.out, "w") as out:
            json.dump({"cores": os.cpu_count(), "fdatasync": fdatasync, "unary": unary,
                       "empty_client_ms": empty, "spawn": spawn, "errors": errors,
                       "rows": [{**dataclasses.asdict(r), "verdict": r.verdict()} for r in rows]}, out, indent=2)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
