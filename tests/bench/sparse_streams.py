#!/usr/bin/env python3
"""Streams of a few events a second through a real collector to a real node: bytes stored an event
with dictionaries and without, what the collector's packing costs, and what idle streams cost it.

    CARILLON_BIN=build/release/bin tests/bench/sparse_streams.py FILE... [--a-second 1,3,10]
        [--events 10000] [--idle 10000] [--busy 100] [--dir /var/tmp]

FILE: an event a line, or an array of them; lines that are no JSON object become {"line": ...}. Line n becomes an event of
second n // A_SECOND; files with fewer lines are taken whole. They are sent some at a time, each time
when the ones before are stored: what is packed before there is a dictionary counts in. Everything runs on loopback, under a
temporary directory of --dir, and is stopped in the end.
"""

import argparse
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

BIN = os.path.abspath(os.environ.get("CARILLON_BIN", "build/release/bin"))
A_REQUEST = 250
MAX_BODY = 700_000
BUSY_EVENTS = 1000
PATIENCE = 120
TICKS = os.sysconf("SC_CLK_TCK")
running = []


def start(arguments, root, name):
    log = open(os.path.join(root, name + ".log"), "ab")
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=log, cwd=root)
    running.append(process)
    addresses = {}
    for line in process.stdout:
        word, _, rest = line.decode().strip().partition(" ")
        addresses[word] = rest
        if word == "ready":
            return process, addresses
    raise SystemExit(f"{name} did not start: {root}/{name}.log")


def stop(process):
    process.terminate()
    process.wait(60)
    running.remove(process)


def cpu_seconds(process):
    with open(f"/proc/{process.pid}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def ask(address, method, path, body=None):
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.request(method, path, body=body)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    if answer.status not in (200, 201):
        raise SystemExit(f"{method} {path}: {answer.status} {text[:200]}")
    return text


def metric(address, name):
    found = re.search(rf"^carillon_collector_{name} (\S+)$", ask(address, "GET", "/metrics"), re.M)
    return float(found.group(1))


def events_of(path, most):
    events = []
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                event = json.loads(line)
            except ValueError:
                event = None
            found = event if isinstance(event, list) else [event]
            for one in found:
                if not isinstance(one, dict):
                    one = {"line": line.rstrip("\n")}
                for name in ("timestamp", "type", "subtype", "id", "time"):
                    one.pop(name, None)  # not ours: an id would be de-duplicated
                events.append(one)
    return events[:most]


class Ring:
    def __init__(self, root):
        self.root = root
        self.node, addresses = start([os.path.join(BIN, "carillond"), "--data", "data", "--listen",
                                      "127.0.0.1:0", "--http", "127.0.0.1:0"], root, "node")
        self.grpc, self.http = addresses["grpc"], addresses["http"]

    def collector(self, bucket, dictionaries):
        ask(self.http, "PUT", f"/v1/buckets/{bucket}", "{}")
        config = os.path.join(self.root, bucket + ".toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"dictionaries = {dictionaries}\nopen = 'acme'\nlateness_ms = 0\n"
                       f"[tenants.acme]\nbucket = '{bucket}'\n")
        process, addresses = start(
            [os.path.join(BIN, "carillon-collector"), "--endpoint", self.grpc, "--http",
             "127.0.0.1:0", "--spool", bucket, "--config", config], self.root, bucket)
        return process, addresses["http"]

    def stored(self, bucket, from_, to):
        total = 0
        while from_ is not None:
            page = json.loads(ask(self.http, "GET",
                                  f"/v1/seconds?bucket={bucket}&from={from_}&to={to}"))
            total += sum(second["value_bytes"] for second in page["seconds"])
            from_ = page["next_from"]
        return total


def post(address, events, at_once=A_REQUEST):
    before = metric(address, "events_committed_total")
    texts = [json.dumps(event, separators=(",", ":")) for event in events]
    at = 0
    while at < len(texts):
        count = at_once
        while count > 1 and sum(map(len, texts[at:at + count])) > MAX_BODY:
            count //= 2
        ask(address, "POST", "/v1/events", "\n".join(texts[at:at + count]))
        at = min(at + count, len(texts))
        deadline = time.monotonic() + PATIENCE
        while metric(address, "events_committed_total") < before + at:
            if time.monotonic() > deadline:
                raise SystemExit("the events are not committed")
            time.sleep(0.05)


def measure_file(ring, path, a_second, most):
    events = events_of(path, most)
    seconds = (len(events) + a_second - 1) // a_second
    first = int(time.time()) - seconds - 60
    for number, event in enumerate(events):
        event.update(timestamp=first + number // a_second, type="T")
    raw = sum(len(json.dumps(event, separators=(",", ":"))) + 1 for event in events)
    result = {"file": os.path.basename(path), "events": len(events), "a_second": a_second,
              "raw_bytes": raw // len(events)}
    for mode in ("false", "true"):
        bucket = f"{os.path.basename(path).partition('.')[0]}-{a_second}-{mode}".replace("_", "-")
        process, address = ring.collector(bucket, mode)
        post(address, events)
        result["off" if mode == "false" else "on"] = {
            "stored_bytes": round(ring.stored(bucket, first, first + seconds) / len(events), 1),
            "cpu_us": round(cpu_seconds(process) * 1e6 / len(events), 1),
            "chunks_with": int(metric(address, "dictionary_chunks_total"))}
        stop(process)
    return result


def measure_memory(ring, streams, events):
    """So many events of each, one a second."""
    first = int(time.time()) - 100_000
    result = {"streams": streams, "events_of_each": events}
    for mode in ("false", "true"):
        process, address = ring.collector(f"memory-{streams}-{events}-{mode}", mode)
        post(address, [{"timestamp": first + n, "type": f"T{i}", "page": f"/{i}/{n * 7919 % 100_003}",
                        "text": "a word or two that is the same in each of them, " * 3}
                       for n in range(events) for i in range(streams)], 2000)
        result["off" if mode == "false" else "on"] = {
            "resident_mib": round(metric(address, "resident_bytes") / 2**20, 1),
            "dictionaries": int(metric(address, "dictionaries"))}
        stop(process)
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="*")
    parser.add_argument("--a-second", default="1,3,10")
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--idle", type=int, default=10_000, help="streams of one event ever")
    parser.add_argument("--busy", type=int, default=100, help="streams that go on")
    parser.add_argument("--dir", default="/var/tmp")
    options = parser.parse_args()
    root = tempfile.mkdtemp(prefix="carillon-sparse-", dir=options.dir)
    try:
        ring = Ring(root)
        for path in map(os.path.abspath, options.files):
            for a_second in map(int, options.a_second.split(",")):
                print(json.dumps(measure_file(ring, path, a_second, options.events)), flush=True)
        for streams, events in ((options.idle, 1), (options.busy, BUSY_EVENTS)):
            if streams:
                print(json.dumps(measure_memory(ring, streams, events)), flush=True)
    finally:
        for process in reversed(running[:]):
            stop(process)
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
