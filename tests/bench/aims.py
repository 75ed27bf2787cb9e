#!/usr/bin/env python3
"""The figures Carillon is to reach, measured on this machine: `tests/bench/aims.py [--runs 5] [--only NAME]`.

Each row is one `carillon bench` on a temporary cluster, or `carillon load` and `read` of a file of events, run so often;
the median is held against its aim. The machine should have nothing else to do: where that may be done (as root), the page
cache is emptied before each run, or it would pay for what the run before left there. Prints a table; --json FILE keeps all of it.
"""
import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time

BIN = os.path.abspath(os.environ.get("CARILLON_BIN", "build/release/bin"))
GB = "server_cpu_seconds_per_gb"

# name, arguments of `carillon bench`, what of a run, how it is told, aim, whether less is better.
ROWS = [
    ("put n_val 3", "put --local 3", GB, "CPU s/GB", 4, True),
    ("put n_val 1", "put --local 3 --n-val 1", GB, "CPU s/GB", 1.5, True),
    ("put n_val 1, 32", "put --local 3 --n-val 1 --connections 32", GB, "CPU s/GB", 1.5, True),
    ("get n_val 1", "get --local 3 --n-val 1", GB, "CPU s/GB", 0.9, True),
    ("range", "range --local 3 --n-val 1 --range-seconds 60 --chunks 200", "of_loopback", "of loopback TCP", 0.6, False),
    ("4 KB, one node", "put --local 1 --n-val 1 --size 4000 --connections 256", "ops_per_second", "a second", 30_000, False),
    ("second at 3/s", "second --local 3 --connections 8 --rate 3", "p99_ms", "ms, p99", 1000, True),
    ("second, saturated", "second --local 3 --connections 4", "ops_per_second", "a second", None, False),
    ("tail", "tail --local 3 --rate 10 --chunks 10", "p99_ms", "ms, p99", 50, True),
]
EVENTS = 1_000_000
LOAD_AIM, READ_AIM = 400_000, 1_000_000


def bench(arguments, options):
    command = [f"{BIN}/carillon", "bench", *arguments.split(), "--seconds", str(options.seconds), "--runs",
               str(options.runs), "--touch-memory", str(options.touch), "--dir", options.dir, "--format", "json"]
    if os.access("/proc/sys/vm/drop_caches", os.W_OK):
        command.append("--drop-caches")
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def write_events(path):
    """Events of about 300 bytes in ten seconds, whose fields compress as those of a log do."""
    source = random.Random(7)
    with open(path, "w", encoding="utf8") as file:
        for i in range(EVENTS):
            file.write(json.dumps({
                "timestamp": 1_700_000_000 + i * 10 // EVENTS, "dc": "ams", "cell": f"c{i % 4}", "type": "WEB",
                "subtype": "app", "id": f"{source.getrandbits(64):016x}", "host": f"web-{i % 97}.example",
                "path": f"/hotel/{source.randrange(50_000)}", "status": 200 if i % 50 else 500,
                "wall_ms": source.randrange(900), "agent": "Mozilla/5.0 (X11; Linux x86_64)",
                "tags": ["a", "search", f"v{i % 7}"]}) + "\n")


def serve(data, port):
    node = subprocess.Popen([f"{BIN}/carillon", "local", "--nodes", "3", "--data", data, "--base-port", str(port)],
                            stdout=subprocess.DEVNULL)
    endpoint = f"127.0.0.1:{port}"
    for _ in range(300):
        if subprocess.run([f"{BIN}/carillon", "--endpoint", endpoint, "bucket", "list"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False).returncode == 0:
            return node, endpoint
        time.sleep(0.1)
    raise SystemExit("three local nodes did not start")


def measure_events(options):
    """(events a second loaded, events a second read), each a list of one figure a run."""
    loaded, read = [], []
    with tempfile.TemporaryDirectory(dir=options.dir) as directory:
        events = f"{directory}/events.ndjson"
        write_events(events)
        node, endpoint = serve(f"{directory}/data", options.port)
        try:
            for _ in range(options.runs):
                began = time.monotonic()
                subprocess.run([f"{BIN}/carillon", "--endpoint", endpoint, "load", "--shift-to", "now", events],
                               check=True, stdout=subprocess.DEVNULL)
                loaded.append(EVENTS / (time.monotonic() - began))
                began = time.monotonic()
                reader = subprocess.Popen([f"{BIN}/carillon", "--endpoint", endpoint, "read", "--from", "-10m"],
                                          stdout=subprocess.PIPE)
                lines = int(subprocess.run(["wc", "-l"], stdin=reader.stdout, check=True, stdout=subprocess.PIPE).stdout)
                if reader.wait() != 0:
                    raise SystemExit("a read failed")
                read.append(lines / (time.monotonic() - began))
        finally:
            node.send_signal(signal.SIGINT)
            node.wait()
    return loaded, read


def figures_of(run, key):
    if key == "of_loopback":
        return [one["mb_per_second"] / one["loopback_mb_per_second"] for one in run["runs"]]
    return [one[key] for one in run["runs"]]


def show(name, values, unit, aim, less):
    median = statistics.median(values)
    verdict = "" if aim is None else "met" if (median <= aim if less else median >= aim) else "MISSED"
    digits = 0 if median >= 1000 else 2
    each = " ".join(f"{value:.{digits}f}" for value in values)
    print(f"{name:<18} {median:>10,.{digits}f} {unit:<16} {'' if aim is None else format(aim, ','):>9}  {verdict:<7} {each}",
          flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of each run")
    parser.add_argument("--touch", type=int, default=0, help="GB of memory touched before each run")
    parser.add_argument("--dir", default="/var/tmp", help="on the disk to be measured")
    parser.add_argument("--port", type=int, default=17680, help="of three nodes for load and read")
    parser.add_argument("--only", help="rows whose name contains this")
    parser.add_argument("--json", help="keep what was measured in this file")
    options = parser.parse_args()
    kept = {}
    print(f"{'':<18} {'median':>10} {'':<16} {'aim':>9}  {'':<7} each run")
    for name, arguments, key, unit, aim, less in ROWS:
        if options.only and options.only not in name:
            continue
        run = kept[name] = bench(arguments, options)
        show(name, figures_of(run, key), unit, aim, less)
        if run["failed"]:
            print(f"  {run['failed']} operations failed: {run['failures']}")
        if name == "range":
            show("  client memory", [run["client_peak_resident_bytes"] / 1e6], "MB", 64, True)
        if name == "put n_val 3":
            show("  between nodes", [run["inside_bytes_ratio"]], "x its bytes", 2.05, True)
    if not options.only or options.only in "events":
        loaded, read = measure_events(options)
        kept["events"] = {"loaded_per_second": loaded, "read_per_second": read}
        show("events loaded", loaded, "a second", LOAD_AIM, False)
        show("events read", read, "a second", READ_AIM, False)
    if options.json:
        with open(options.json, "w", encoding="utf8") as file:
            json.dump(kept, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    sys.exit(main())
