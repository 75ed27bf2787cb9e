"""Load on a cluster and the history of it: what was acknowledged, by whom it was asked, and when.

Every operation goes into a history. `ok` was acknowledged and has to be there afterwards, `unknown`
may or may not be there; nothing else may be there. Time here leaves out what the machine did not run.
"""

import collections
import ctypes
import dataclasses
import http.client
import json
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
import support  # noqa: E402 (found by the line above)

BUCKET = "events"
OPERATION_SECONDS = 10  # within which every operation has to succeed, with retries
ATTEMPT_SECONDS = 3
AVOID_SECONDS = 1.5  # a client asks a node that failed only then again
WRITERS = 4
READERS = 1
PAUSE_SECONDS = 0.01  # of a writer between two groups: the machine is small
SPAN_SECONDS = 60  # few, so that writers share seconds
READ_SPAN_SECONDS = 8
RETRIED = (429, 503, 504)


def pause(seconds):
    threading.Event().wait(seconds)


class RunningTime(threading.Thread):
    """Seconds in which this machine did its work. Who shares it may stop it, or take all of it, for
    a while; this thread then wakes late, and what it is late is left out."""

    TICK_SECONDS = 0.05
    LATE_SECONDS = 0.25

    def __init__(self):
        super().__init__(daemon=True)
        self.lost = 0.0
        self.ticked = time.monotonic()
        self.start()

    def run(self):
        while True:
            pause(self.TICK_SECONDS)
            now = time.monotonic()
            late = now - self.ticked - self.TICK_SECONDS
            if late > self.LATE_SECONDS:
                self.lost += late
            self.ticked = now

    def now(self):
        """Never goes back by more than it has just been late."""
        now, ticked, lost = time.monotonic(), self.ticked, self.lost
        late = now - ticked - self.TICK_SECONDS
        return now - lost - (late if late > self.LATE_SECONDS else 0)


RUNNING_TIME = RunningTime()
now = RUNNING_TIME.now


def load_crc():
    """ISA-L is there where Carillon can be built; python alone takes milliseconds a chunk."""
    try:
        function = ctypes.CDLL("libisal.so.2").crc32_iscsi
    except OSError:
        return support.crc32c
    function.restype = ctypes.c_uint
    return lambda data: f"{function(data, len(data), 0xFFFFFFFF) ^ 0xFFFFFFFF:08x}"


crc32c = load_crc()


@dataclasses.dataclass
class Operation:
    number: int
    kind: str  # put, commit, seconds, get
    keys: tuple
    invoked: float
    returned: float = 0.0
    outcome: str = "unknown"  # ok, fail (refused), unknown
    attempts: int = 0
    detail: str = ""
    epoch: int = 0
    crc: str = ""

    def seconds(self):
        return self.returned - self.invoked


class History:
    def __init__(self):
        self.lock = threading.Lock()
        self.operations = []
        self.values = {}  # key -> (seed, size): of all that was sent
        self.stored = set()  # keys whose put was acknowledged
        self.listed = {}  # key -> when its commit was acknowledged
        self.sent_commits = set()  # keys in any commit sent
        self.errors = []  # broken promises, seen at once

    def begin(self, kind, keys, epoch=0, crc=""):
        with self.lock:
            operation = Operation(len(self.operations), kind, tuple(keys), now(),
                                  epoch=epoch, crc=crc)
            self.operations.append(operation)
            if kind == "commit":
                self.sent_commits.update(keys)
        return operation

    def end(self, operation, outcome, detail=""):
        with self.lock:
            operation.returned = now()
            operation.outcome, operation.detail = outcome, detail
            if outcome == "ok" and operation.kind == "put":
                self.stored.update(operation.keys)
            if outcome == "ok" and operation.kind == "commit":
                for key in operation.keys:
                    self.listed[key] = operation.returned

    def error(self, text):
        with self.lock:
            self.errors.append(text)

    def add_value(self, key, seed, size):
        with self.lock:
            self.values[key] = (seed, size)
        return make_value(seed, size)

    def value(self, key):
        return make_value(*self.values[key])

    def between(self, begin, end, kinds=("put", "commit")):
        with self.lock:
            return [operation for operation in self.operations if operation.kind in kinds and
                    operation.returned and begin <= operation.invoked < end]

    def not_done(self, kinds=("put", "commit", "seconds", "get")):
        with self.lock:
            return [operation for operation in self.operations
                    if operation.kind in kinds and operation.outcome != "ok"]

    def summary(self):
        with self.lock:
            counts = collections.Counter(
                f"{operation.kind} {operation.outcome}" for operation in self.operations)
        return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


def make_value(seed, size):
    return random.Random(seed).randbytes(size)


def quantile(operations, fraction):
    times = sorted(operation.seconds() for operation in operations)
    return times[min(len(times) - 1, int(fraction * len(times)))] if times else 0.0


class AnyNode:
    """HTTP to any of the members, as a client does that knows all of them. For one thread."""

    def __init__(self, members, seed):
        self.members = members  # a list that the test may change
        self.random = random.Random(seed)
        self.clients = {}
        self.avoided = {}

    def close(self):
        for client in self.clients.values():
            client.connection.close()

    def choose(self):
        asked = now()
        members = list(self.members)
        good = [member for member in members if self.avoided.get(member.name, 0) <= asked]
        return self.random.choice(good or members)

    def attempt(self, member, method, path, body, query, timeout):
        client = self.clients.get(member.name)
        if client is None:
            client = self.clients[member.name] = support.HttpClient(
                http.client.HTTPConnection(member.host, member.http_port, timeout=timeout))
        try:
            return client.request(method, path, body=body, **query)
        except (OSError, http.client.HTTPException):
            client.connection.close()
            del self.clients[member.name]
            raise

    def call(self, operation, method, path, body=None, **query):
        """(answer or None, what went wrong); repeated elsewhere until the time is up."""
        deadline = operation.invoked + OPERATION_SECONDS
        trouble = ""
        while now() < deadline:
            member = self.choose()
            operation.attempts += 1
            try:
                answer = self.attempt(member, method, path, body, query, ATTEMPT_SECONDS)
            except (OSError, http.client.HTTPException) as error:
                trouble = f"{trouble[-300:]}; {member.name}: {error!r}"
                self.avoided[member.name] = now() + AVOID_SECONDS
                continue
            if answer.status not in RETRIED:
                return answer, f"{member.name}: {answer}"
            trouble = f"{trouble[-300:]}; {member.name}: {answer}"
            self.avoided[member.name] = now() + AVOID_SECONDS
            pause(0.05)
        return None, trouble


class Worker(threading.Thread):
    """Writes or reads until it is told to stop."""

    def __init__(self, load, number, seed):
        super().__init__(daemon=True)
        self.load = load
        self.history = load.history
        self.number = number
        self.random = random.Random(seed)
        self.nodes = AnyNode(load.members, f"{seed}:nodes")

    def run(self):
        try:
            while not self.load.stopping.is_set():
                self.step()
                self.load.stopping.wait(self.load.pause_seconds)
        except Exception as error:  # pylint: disable=broad-except
            self.history.error(f"{type(self).__name__} {self.number}: {error!r}")
        finally:
            self.nodes.close()


class Writer(Worker):
    """Puts a few chunks and commits them, and so on."""

    groups = 0

    def step(self):
        self.groups += 1
        epoch = self.load.first_epoch + self.random.randrange(SPAN_SECONDS)
        chunks = {}
        for part in range(self.random.randint(1, 4)):
            key = f"{epoch}:1:{self.load.name}w{self.number}:T{part}::chunk{self.groups}"
            value = self.history.add_value(
                key, self.random.getrandbits(60), self.random.randint(*self.load.sizes))
            if self.put(key, value):
                chunks[key] = value
        if chunks:
            self.commit(epoch, chunks)

    def put(self, key, value):
        operation = self.history.begin("put", [key], crc=crc32c(value))
        answer, detail = self.nodes.call(operation, "PUT", f"/v1/chunks/{key}", value,
                                         bucket=BUCKET)
        return self.done(operation, answer, detail)

    def commit(self, epoch, chunks):
        body = json.dumps({"chunks": [
            {"key": key, "events": 1, "raw_bytes": len(value), "value_bytes": len(value),
             "value_crc32c": crc32c(value)} for key, value in chunks.items()]})
        operation = self.history.begin("commit", chunks, epoch)
        answer, detail = self.nodes.call(operation, "POST", f"/v1/seconds/{epoch}-1", body,
                                         bucket=BUCKET)
        self.done(operation, answer, detail)

    def done(self, operation, answer, detail):
        if answer is None:
            self.history.end(operation, "unknown", detail)
            return False
        if answer.status not in (200, 201):
            self.history.end(operation, "fail", detail)
            self.history.error(f"{operation.kind} of {operation.keys}: {detail}")
            return False
        self.history.end(operation, "ok")
        return True


class Reader(Worker):
    """Lists ranges and reads chunks; all that was acknowledged before has to be in them."""

    def step(self):
        history = self.history
        with history.lock:
            listed = dict(history.listed)
        from_ = self.load.first_epoch + self.random.randrange(SPAN_SECONDS)
        operation = history.begin("seconds", [], from_)
        answer, detail = self.nodes.call(operation, "GET", "/v1/seconds", bucket=BUCKET,
                                         from_=from_, to=from_ + READ_SPAN_SECONDS, chunks=1)
        if answer is None or answer.status != 200:
            history.end(operation, "unknown" if answer is None else "fail", detail)
            return
        history.end(operation, "ok")
        page = answer.json()
        to = from_ + READ_SPAN_SECONDS if page["next_from"] is None else page["next_from"]
        found = {key for second in page["seconds"] for key in second["keys"]}
        expected = {key for key in listed if from_ <= int(key.split(":")[0]) < to}
        if not expected <= found:
            history.error(f"{len(expected - found)} of {len(expected)} acknowledged keys are not "
                          f"listed, such as {min(expected - found)}: {detail[:40]}")
        with history.lock:
            unsent = found - history.sent_commits
        if unsent:
            history.error(f"listed and never sent: {min(unsent)}")
        for key in self.random.sample(sorted(found), min(3, len(found))):
            self.get(key)

    def get(self, key):
        operation = self.history.begin("get", [key])
        answer, detail = self.nodes.call(operation, "GET", f"/v1/chunks/{key}", bucket=BUCKET)
        if answer is None:
            self.history.end(operation, "unknown", detail)
            return
        self.history.end(operation, "ok" if answer.status == 200 else "fail", detail[:200])
        if answer.status != 200:
            self.history.error(f"{key} is listed, and a read of it: {detail}")
        elif answer.body != self.history.value(key):
            self.history.error(f"{key}: wrong bytes: {detail[:40]}")


class Load:
    """Writers and readers, from start to stop."""

    def __init__(self, members, history, name, sizes=(2000, 20000), writers=WRITERS,
                 pause_seconds=PAUSE_SECONDS):
        self.members = members
        self.history = history
        self.name = name
        self.sizes = sizes
        self.pause_seconds = pause_seconds
        self.first_epoch = int(time.time()) - 2 * SPAN_SECONDS
        self.stopping = threading.Event()
        self.workers = [Writer(self, number, f"{support.SEED}:{name}:{number}")
                        for number in range(writers)]
        self.workers += [Reader(self, number, f"{support.SEED}:{name}:r{number}")
                         for number in range(READERS)]
        for worker in self.workers:
            worker.start()

    def stop(self):
        self.stopping.set()
        for worker in self.workers:
            worker.join(3 * OPERATION_SECONDS)
            if worker.is_alive():
                raise AssertionError("a worker of the load hangs")
