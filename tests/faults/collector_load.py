"""Events to a collector in front of a cluster, by HTTP and by Fluent forward, each with an id; what
was acknowledged of them; and what is in the store in the end. For the tests here.

The text of an event is made of its id, so that what is read back can be checked.
"""

import collections
import hashlib
import http.client
import json
import os
import random
import re
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib

import cluster
import support

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
import collector  # noqa: E402

REQUEST_SECONDS = 5  # without an answer; then it is sent again
AGAIN_SECONDS = 0.05
DRAIN_SECONDS = 300
GOOD = (200, "ack")


def pad_of(event_id, size):
    """Text that only this event has, up to twice as much as said; half of it is packed away."""
    digest = hashlib.shake_256(event_id.encode())
    return digest.hexdigest(1 + zlib.crc32(event_id.encode()) % size)


def event_of(event_id, type_, pad_bytes):
    return {"type": type_, "id": event_id, "n": event_id, "pad": pad_of(event_id, pad_bytes)}


class Promises:
    """What one tenant's clients were told, by the field `n` of each event. Threads: any."""

    def __init__(self, type_, repeats, pad_bytes=100):
        """Repeats: clients send again what was not acknowledged, and the collector drops it."""
        self.type = type_
        self.repeats = repeats
        self.pad_bytes = pad_bytes
        self.sent = set()
        self.acknowledged = set()
        self.requests = 0
        self.repeated = 0  # requests that were sent once more
        self.codes = collections.Counter()
        self.mutex = threading.Lock()

    def send(self, ids):
        with self.mutex:
            self.sent.update(ids)
            self.requests += 1

    def answer(self, ids, code):
        with self.mutex:
            self.codes[code] += 1
            if code in GOOD:
                self.acknowledged.update(ids)

    def event(self, event_id):
        return event_of(event_id, self.type, self.pad_bytes)

    def summary(self):
        codes = ", ".join(f"{count} {code}" for code, count in sorted(
            self.codes.items(), key=lambda item: str(item[0])))
        return (f"{self.type}: {len(self.sent)} events, {len(self.acknowledged)} acknowledged, "
                f"{self.requests} requests, {self.repeated} sent again ({codes})")


class EventSender(threading.Thread):
    """Sends requests of a few events one after the other, at most `rate` a second, until stopped.

    With repeats: each until it is acknowledged, and `again` of a hundred once more after
    that."""

    def __init__(self, promises, name, address, rate=50, events=5, again=10):
        super().__init__(daemon=True)
        self.promises = promises
        self.name = name
        self.host, _, port = address.rpartition(":")
        self.port = int(port)
        self.each = 1 / rate
        self.events = events
        self.again = again / 100
        self.random = random.Random(f"{support.SEED}:{name}")
        self.stopping = threading.Event()
        self.finished = threading.Event()  # all that was sent is acknowledged, if it repeats
        self.number = 0

    def run(self):
        due = time.monotonic()
        while not self.stopping.is_set():
            self.request()
            due = max(due + self.each, time.monotonic() - 1)
            self.stopping.wait(max(0, due - time.monotonic()))
        self.close()
        self.finished.set()

    def request(self):
        count = self.random.randint(1, 2 * self.events - 1)
        ids = [f"{self.name}-{self.number + i}" for i in range(count)]
        self.number += count
        body = self.encode(ids)
        self.promises.send(ids)
        again = self.random.random() < self.again
        while True:
            code = self.attempt(ids, body)
            self.promises.answer(ids, code)
            if not self.promises.repeats:
                return
            if code in GOOD:
                if not again:
                    return
                again = False
            else:
                cluster.pause(AGAIN_SECONDS)
            self.promises.repeated += 1

    def attempt(self, ids, body):
        """200 or "ack", another status, or the name of what went wrong."""
        try:
            return self.exchange(ids, body)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return type(error).__name__


class HttpSender(EventSender):
    def __init__(self, promises, name, address, key=None, **options):
        super().__init__(promises, name, address, **options)
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.client = None

    def encode(self, ids):
        return "\n".join(json.dumps(self.promises.event(one)) for one in ids)

    def exchange(self, _ids, body):
        if self.client is None:
            self.client = support.HttpClient(http.client.HTTPConnection(
                self.host, self.port, timeout=REQUEST_SECONDS))
        return self.client.request("POST", "/v1/events", body=body, headers=self.headers).status

    def close(self):
        if self.client is not None:
            self.client.connection.close()
            self.client = None


def msgpack(value):
    """Of texts, small numbers, lists, and dicts: all that forward needs."""
    if isinstance(value, str):
        data = value.encode()
        return b"\xdb" + struct.pack(">I", len(data)) + data
    if isinstance(value, int):
        return b"\xce" + struct.pack(">I", value)
    if isinstance(value, list):
        return b"\xdd" + struct.pack(">I", len(value)) + b"".join(map(msgpack, value))
    return b"\xdf" + struct.pack(">I", len(value)) + b"".join(
        msgpack(name) + msgpack(one) for name, one in value.items())


class ForwardSender(EventSender):
    """A message is one chunk, whose name is the id of its first event; it asks for the ack."""

    connection = None

    def encode(self, ids):
        now = int(time.time())
        records = [[now, self.promises.event(one)] for one in ids]
        return msgpack([self.promises.type, records, {"chunk": ids[0]}])

    def exchange(self, ids, body):
        if self.connection is None:
            self.connection = socket.create_connection((self.host, self.port), REQUEST_SECONDS)
        self.connection.sendall(body)
        # {"ack": NAME}, as short as msgpack has it: the last bytes are the name.
        wanted = ids[0].encode()
        answer = b""
        while not answer.endswith(wanted):
            block = self.connection.recv(4096)
            if not block:
                raise ConnectionResetError("closed without an answer")
            answer += block
        return "ack"

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class CollectorTest(cluster.ClusterTest):
    """A cluster and a collector before it, which keeps its ports when it is started again."""

    def setUp(self):
        super().setUp()
        self.running = None
        self.ports = {name: f"127.0.0.1:{cluster.free_port()}" for name in ("http", "forward")}
        self.keys = {}
        self.tenant_lines = []
        self.senders = []
        self.counted = collections.Counter()  # of processes that ended
        self.sampled = collections.Counter()  # of the one that runs, when it was asked last
        self.addCleanup(self.end_collector)

    def end_collector(self):
        if self.running is not None:
            self.running.kill()
            if self in [test for test, _ in self._outcome.result.failures +
                        self._outcome.result.errors]:
                print(f"--- log of the collector:\n{self.running.log()[-6000:]}", flush=True)

    # The collector.

    def add_tenant(self, name, text=""):
        """With a key of its own."""
        made = subprocess.run([collector.COLLECTOR, "key", "create", name], capture_output=True,
                              check=True, timeout=10).stdout.decode()
        self.keys[name] = made.split()[1]
        self.tenant_lines.append(f"[tenants.{name}]\n{text}\n{made[made.index('[['):]}\n")

    def write(self, name, text):
        path = os.path.join(self.root, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def start_collector(self, stream_tenant, settings=""):
        self.tenants_path = self.write("tenants.toml", "".join(self.tenant_lines))
        self.settings_path = self.write("collector.toml", settings)
        self.stream_tenant = stream_tenant
        return self.start_collector_again()

    def start_collector_again(self):
        self.running = collector.Collector(
            os.path.join(self.root, "spool"), ",".join(one.grpc for one in self.members),
            "--tenants", self.tenants_path, "--config", self.settings_path,
            "--forward", self.ports["forward"], "--stream-tenant", self.stream_tenant,
            listen=self.ports["http"])
        return self.running

    def kill_collector(self):
        self.sample()
        self.running.kill()
        self.counted.update(self.sampled)
        self.sampled.clear()

    def metrics(self):
        """All of the process that runs: by name, with its labels if it has some."""
        with self.running.client() as client:
            text = client.get("/metrics").body.decode()
        found = re.findall(r"^carillon_collector_(\S+) (\S+)$", text, re.MULTILINE)
        return {name: float(value) for name, value in found}

    def sample(self):
        """Of what counts from zero with each process."""
        try:
            metrics = self.metrics()
        except (OSError, http.client.HTTPException):
            return
        self.sampled = collections.Counter(
            {name: value for name, value in metrics.items()
             if name.partition("{")[0].endswith("_total")})

    def total(self, name, label=""):
        """Of all processes, up to when each was asked last."""
        both = self.counted + self.sampled
        return sum(value for key, value in both.items()
                   if key.partition("{")[0] == name and label in key)

    def await_through(self, seconds=DRAIN_SECONDS):
        """Nothing waits in the spool any more."""
        self.await_true(lambda: not self.waiting(), seconds, "the spool is empty")

    def waiting(self):
        metrics = self.metrics()
        return {name: metrics[name] for name in
                ("unpacked_events", "chunks_waiting") if metrics[name]}

    # Load and what came of it.

    def start_sender(self, sender):
        self.senders.append(sender)
        self.addCleanup(sender.stopping.set)
        sender.start()
        return sender

    def stop_senders(self, seconds=60):
        """What repeats goes on until all of it is acknowledged."""
        for sender in self.senders:
            sender.stopping.set()
        for sender in self.senders:
            sender.join(seconds)
            self.assertFalse(sender.is_alive(), f"{sender.name} gets no answer")
        self.senders = []

    def read_found(self, promises, seconds=7200):
        """How often each event is in the store, by its `n`; other text fails."""
        path = os.path.join(self.root, "found.ndjson")
        now = int(time.time())
        with open(path, "wb") as out:
            subprocess.run(
                [support.CLI, "read", "--from", str(now - seconds), "--to", str(now + 600),
                 "--type", promises.type], stdout=out, check=True, timeout=600,
                env=dict(os.environ, CARILLON_ENDPOINT=self.members[0].grpc))
        found = collections.Counter()
        with open(path, "rb") as lines:
            for line in lines:
                event = json.loads(line)
                found[event["n"]] += 1
                if event["pad"] != pad_of(event["n"], promises.pad_bytes):
                    self.fail(f"another text than was sent: {line[:300]}")
        os.remove(path)
        return found

    def check_promises(self, promises, unchecked=0):
        """All that was acknowledged is there, nothing that nobody sent is, and no event is there
        twice, but for so many that went on unchecked."""
        found = self.read_found(promises)
        lost = sorted(promises.acknowledged - set(found))
        twice = sorted(one for one, count in found.items() if count > 1)
        extra = sum(count - 1 for count in found.values())
        self.say(f"{promises.summary()}; {len(lost)} lost, {extra} stored twice, "
                 f"{len(set(found) - promises.acknowledged)} stored without an answer, "
                 f"{unchecked:.0f} unchecked")
        self.assertEqual(lost[:5], [], f"{len(lost)} of {promises.type} are lost")
        self.assertEqual(sorted(set(found) - promises.sent)[:5], [], "nobody sent them")
        self.assertLessEqual(extra, unchecked, f"stored twice: {twice[:5]}")
