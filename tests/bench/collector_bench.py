#!/usr/bin/env python3
"""The collector against nginx that answers 204 to the same requests, in one run, in turn; then at
half of the rate that it took at most; then events that are accepted and stored by three nodes, with
the spool's backlog.

    CARILLON_BIN=build/release/bin tests/bench/collector_bench.py [--runs 3] [--seconds 5]
        [--stored-seconds 60] [--connections 64,256] [--touch-memory GB] [--format json]

Needs Debian's `wrk` and `nginx-light`. Everything runs on loopback, under a temporary directory of
--dir, and is stopped in the end.
"""

import argparse
import json
import mmap
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.path.abspath(os.environ.get("CARILLON_BIN", "build/release/bin"))
EVENTS_A_REQUEST = 100
NGINX = """
worker_processes 2; daemon off; pid {root}/nginx.pid; error_log {root}/nginx.log;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {root}/body;
  proxy_temp_path {root}/p; fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u;
  scgi_temp_path {root}/s;
  server {{ listen 127.0.0.1:{port} backlog=8192 reuseport;
    location / {{ client_max_body_size 8m; return 204; }} }} }}
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def touch_memory(gigabytes):
    """The host hands memory out page by page, late: pays for that before anything is measured."""
    if gigabytes:
        mmap.mmap(-1, gigabytes << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS |
                  mmap.MAP_POPULATE).close()


def cpu_seconds(program, root):
    """Of all processes of that name whose command line names a path of `root`."""
    total = 0
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/cmdline", encoding="utf-8") as file:
                    words = file.read().split("\0")
                with open(f"/proc/{entry}/stat", encoding="ascii") as file:
                    fields = file.read().rpartition(")")[2].split()
            except OSError:
                continue
            if os.path.basename(words[0]) == program and any(root in word for word in words):
                total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


class Servers:
    def __init__(self, root):
        self.root = root
        self.nginx_port, self.http_port = free_ports(2)
        self.processes = []

    def start(self, *command):
        log = open(os.path.join(self.root, f"{len(self.processes)}.log"), "wb")
        self.processes.append(subprocess.Popen(command, stdout=log, stderr=log))
        return self.processes[-1]

    def start_all(self):
        base = self.free_base()
        self.start(f"{BIN}/carillon", "local", "--nodes", "3", "--data",
                                os.path.join(self.root, "nodes"), "--base-port", str(base))
        self.await_true(lambda: "ready;" in self.log(0), "three nodes")
        self.start(
            f"{BIN}/carillon-collector", "--endpoint", f"127.0.0.1:{base}", "--http",
            f"127.0.0.1:{self.http_port}", "--spool", os.path.join(self.root, "spool"), "--open",
            "demo")
        self.await_true(lambda: self.get("/readyz") is not None, "the collector")
        path = os.path.join(self.root, "nginx.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(NGINX.format(root=self.root, port=self.nginx_port))
        self.start("nginx", "-c", path, "-e", os.path.join(self.root, "nginx.log"))
        self.await_true(lambda: self.listens(self.nginx_port), "nginx")

    def free_base(self):
        """Of six ports in a row that are free, below those of outgoing connections."""
        for base in range(17000 + os.getpid() % 1000 * 8, 32000, 8):
            try:
                for port in range(base, base + 6):
                    with socket.socket() as one:
                        one.bind(("127.0.0.1", port))
                return base
            except OSError:
                continue
        raise RuntimeError("no free ports")

    @staticmethod
    def listens(port):
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", port)) == 0

    def log(self, number):
        with open(os.path.join(self.root, f"{number}.log"), encoding="utf-8") as file:
            return file.read()

    def await_true(self, condition, what):
        deadline = time.monotonic() + 30
        while not condition():
            if time.monotonic() > deadline:
                raise RuntimeError(f"not within 30 s: {what}")
            time.sleep(0.1)

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}",
                                        timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            return None

    def metric(self, name):
        found = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", self.get("/metrics") or "", re.M)
        return sum(float(one) for one in found)

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def wrk(port, script, connections, seconds, **environment):
    """(requests/s, p99 ms). Fails on any answer that is not 2xx."""
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s",
         os.path.join(HERE, script), f"http://127.0.0.1:{port}/v1/events"],
        capture_output=True, check=True, text=True, env={**os.environ, **environment}).stdout
    if "Non-2xx" in done or "Socket errors" in done:
        raise RuntimeError(done)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done)[1])
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", done).groups()
    return rate, float(value) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]


def compare(servers, connections, arguments):
    ratios, rates, theirs, p99 = [], [], [], []
    for _ in range(arguments.runs):
        nginx, _ = wrk(servers.nginx_port, "one_event.lua", connections, arguments.seconds)
        began = cpu_seconds("carillon-collector", servers.root)
        rate, late = wrk(servers.http_port, "one_event.lua", connections, arguments.seconds)
        used = cpu_seconds("carillon-collector", servers.root) - began
        ratios.append(rate / nginx)
        rates.append(rate)
        theirs.append(nginx)
        p99.append(late)
        print(f"  {connections} connections: nginx {nginx:,.0f}/s, collector {rate:,.0f}/s, ratio "
              f"{rate / nginx:.2f}, p99 {late:.1f} ms, {used / rate / arguments.seconds * 1e6:.1f} "
              "us of CPU a request", file=sys.stderr, flush=True)
    return {"connections": connections, "nginx_requests_per_second": statistics.median(theirs),
            "requests_per_second": statistics.median(rates), "ratio": statistics.median(ratios),
            "p99_ms": statistics.median(p99)}


def pace(servers, at_most, seconds):
    """What clients wait for at half of `at_most` requests/s, each pausing between its requests."""
    connections = 1024
    pause = round(connections / (at_most / 2) * 1000)
    rate, p99 = wrk(servers.http_port, "paced_event.lua", connections, seconds,
                    PAUSE_MS=str(pause))
    return {"connections": connections, "requests_per_second": rate, "p99_ms": p99,
            "share_of_most": rate / at_most}


def store(servers, seconds):
    before = servers.metric("carillon_collector_events_committed_total")
    began = time.monotonic()
    cpu = [cpu_seconds("carillon-collector", servers.root), cpu_seconds("carillond", servers.root)]
    rate, p99 = wrk(servers.http_port, "hundred_events.lua", 32, seconds)
    accepted = time.monotonic() - began
    backlog = servers.metric("carillon_collector_spool_bytes")
    lag = servers.metric("carillon_collector_lag_seconds")
    stored = servers.metric("carillon_collector_events_committed_total") - before
    cpu = [cpu_seconds("carillon-collector", servers.root) - cpu[0], cpu_seconds("carillond", servers.root) - cpu[1]]
    return {"seconds": accepted, "accepted_events_per_second": rate * EVENTS_A_REQUEST,
            "stored_events_per_second": stored / accepted, "p99_ms": p99, "spool_bytes": backlog,
            "lag_seconds": lag, "collector_cpu_seconds": cpu[0], "nodes_cpu_seconds": cpu[1]}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--stored-seconds", type=int, default=60)
    parser.add_argument("--connections", default="64,256")
    parser.add_argument("--touch-memory", type=int, default=0)
    parser.add_argument("--dir", default="/var/tmp")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    arguments = parser.parse_args()
    for program in ("wrk", "nginx"):
        if shutil.which(program) is None:
            sys.exit(f"{program} is not installed: apt-get install wrk nginx-light")
    root = tempfile.mkdtemp(prefix="carillon-collector-bench.", dir=arguments.dir)
    servers = Servers(root)
    touch_memory(arguments.touch_memory)
    try:
        servers.start_all()
        report = {"one_event_a_request": [
            compare(servers, int(count), arguments) for count in arguments.connections.split(",")]}
        most = max(one["requests_per_second"] for one in report["one_event_a_request"])
        report["half_rate"] = pace(servers, most, arguments.seconds)
        if arguments.stored_seconds:
            time.sleep(3)
            report["hundred_events_a_request"] = store(servers, arguments.stored_seconds)
    finally:
        servers.stop()
        shutil.rmtree(root, ignore_errors=True)
    if arguments.format == "json":
        return print(json.dumps(report, indent=2))
    for one in report["one_event_a_request"]:
        print(f"{one['connections']:4} connections, one event a request: nginx "
              f"{one['nginx_requests_per_second']:,.0f}/s, collector "
              f"{one['requests_per_second']:,.0f}/s, ratio {one['ratio']:.2f}, "
              f"p99 {one['p99_ms']:.1f} ms")
    half = report["half_rate"]
    print(f"{half['connections']:4} connections that pause: {half['requests_per_second']:,.0f}/s, "
          f"{half['share_of_most']:.2f} of the most above, p99 {half['p99_ms']:.1f} ms")
    if stored := report.get("hundred_events_a_request"):
        print(f"100 events a request, {stored['seconds']:.0f} s: accepted "
              f"{stored['accepted_events_per_second']:,.0f} events/s, stored "
              f"{stored['stored_events_per_second']:,.0f}/s, p99 {stored['p99_ms']:.0f} ms; spool "
              f"{stored['spool_bytes'] / 1e6:.0f} MB, lag {stored['lag_seconds']:.1f} s; CPU s: "
              f"collector {stored['collector_cpu_seconds']:.0f}, nodes "
              f"{stored['nodes_cpu_seconds']:.0f}")


if __name__ == "__main__":
    main()
