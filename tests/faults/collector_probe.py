"""Events sent at a steady rate, and a reader that follows them, each in a process of its own: for
tests that measure a collector. `Probe` starts them.

    collector_probe.py send ADDRESS KEY TYPE RATE EVENTS BYTES THREADS
    collector_probe.py tail ADDRESS TYPE

`send`: requests of EVENTS events with ids, each about BYTES long, RATE a second in all. Writes for
each request: when it was sent, when answered, the status (0: no answer), the number of its first
event. `tail`: asks the node at ADDRESS for new seconds, and reads the chunks. Writes for each event
when it was read, and its number. Times are of the wall clock, which all of them share.
"""

import base64
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

POLL_SECONDS = 0.02
TAIL_SECONDS = 8  # the reader looks back so far
TIMEOUT_SECONDS = 10
PADS = 64

stopping = threading.Event()


def connect(address):
    host, _, port = address.rpartition(":")
    return http.client.HTTPConnection(host, int(port), timeout=TIMEOUT_SECONDS)


class Sender(threading.Thread):
    def __init__(self, arguments, number, pads):
        super().__init__()
        self.address, key, self.type = arguments[:3]
        rate, self.events, _, self.threads = map(int, arguments[3:])
        self.headers = {"Authorization": f"Bearer {key}"}
        self.each = self.threads / rate
        self.number = number
        self.pads = pads
        self.lines = []

    def body(self, first):
        return "\n".join(json.dumps({
            "type": self.type, "id": f"{self.type}-{first + i}", "n": first + i,
            "pad": self.pads[(first + i) % PADS]}) for i in range(self.events))

    def run(self):
        client = None
        begin = time.time() + self.each * self.number / self.threads
        count = 0
        while not stopping.is_set():
            due = begin + count * self.each
            body = self.body(first := (count * self.threads + self.number) * self.events)
            count += 1
            stopping.wait(max(0, due - time.time()))
            # From when it should have gone, if the one before it held it up.
            sent = due if self.lines and self.lines[-1][1] > due else time.time()
            try:
                client = client or connect(self.address)
                client.request("POST", "/v1/events", body=body, headers=self.headers)
                answer = client.getresponse()
                answer.read()
                status = answer.status
            except (OSError, http.client.HTTPException):
                client, status = None, 0
                stopping.wait(0.05)
            self.lines.append((sent, time.time(), status, first))


def send(arguments):
    size = int(arguments[5])
    # What does not compress, and not the same in two chunks.
    pads = [base64.b64encode(random.randbytes(size * 3 // 4)).decode() for _ in range(PADS)]
    senders = [Sender(arguments, i, pads) for i in range(int(arguments[6]))]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    for sender in senders:
        for sent, answered, status, first in sender.lines:
            print(f"{sent:.6f} {answered:.6f} {status} {first}")


def tail_once(client, type_, seen, lines):
    now = int(time.time())

    def get(path, **headers):
        client.request("GET", path, headers=headers)
        answer = client.getresponse()
        body = answer.read()
        return body if answer.status == 200 else None

    page = get(f"/v1/seconds?from={now - TAIL_SECONDS}&to={now + 2}&type={type_}&chunks=1")
    if page is None:
        return
    for second in json.loads(page)["seconds"]:
        for key in second["keys"]:
            if key in seen:
                continue
            events = get(f"/v1/chunks/{key}", Accept="application/x-ndjson")
            if events is None:
                continue
            seen.add(key)
            read = time.time()
            lines += [(read, json.loads(line)["n"]) for line in events.splitlines()]


def tail(arguments):
    address, type_ = arguments
    client, seen, lines = None, set(), []
    while not stopping.wait(POLL_SECONDS):
        try:
            client = client or connect(address)
            tail_once(client, type_, seen, lines)
        except (OSError, http.client.HTTPException):
            client = None
    for read, number in lines:
        print(f"{read:.6f} {number}")


class Probe:
    """One of the two, running."""

    def __init__(self, test, *arguments):
        self.out = os.path.join(test.root, f"probe-{os.urandom(4).hex()}")
        with open(self.out, "wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, os.path.abspath(__file__), *map(str, arguments)], stdout=out)
        test.addCleanup(self.process.kill)

    def stop(self):
        """What it has written, a list of floats a line."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        with open(self.out, encoding="ascii") as lines:
            return [[float(word) for word in line.split()] for line in lines]


def quantile(values, fraction):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * fraction))] if values else 0.0


def readable(sent, read, events):
    """For each event that was answered with 200 how it fared: when it was sent, and the seconds
    until it was read, or None."""
    first_read = {}
    for when, number in read:
        first_read.setdefault(int(number), when)
    return [(line[0], first_read[number] - line[0] if number in first_read else None)
            for line in sent if line[2] == 200
            for number in range(int(line[3]), int(line[3]) + events)]


def main():
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    {"send": send, "tail": tail}[sys.argv[1]](sys.argv[2:])


if __name__ == "__main__":
    main()
