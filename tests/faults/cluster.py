"""Real clusters of several nodes, load on them, and what was acknowledged: for the tests here.

Every operation goes into a history. `ok` was acknowledged and has to be there afterwards, `unknown`
may or may not be there; nothing else may be there.
"""

import collections
import ctypes
import dataclasses
import http.client
import json
import os
import random
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
import support  # noqa: E402 (found by the line above)

ROUNDS = int(os.environ.get("CARILLON_FAULT_ROUNDS", "1"))
BUCKET = "events"
OPERATION_SECONDS = 10  # within which every operation has to succeed, with retries
ATTEMPT_SECONDS = 3
AVOID_SECONDS = 1.5  # a client asks a node that failed only then again
SETTLE_SECONDS = 90
WRITERS = 4
READERS = 1
PAUSE_SECONDS = 0.01  # of a writer between two groups: the machine is small
SPAN_SECONDS = 60  # few, so that writers share seconds
READ_SPAN_SECONDS = 8
FIRST_PORT, LAST_PORT = 20000, 32000  # below those of outgoing connections
RETRIED = (429, 503, 504)
support.TEST_SECONDS = 120 + 100 * ROUNDS
CONFIG = support.SMALL_SEGMENTS + "partitions = 16\n"


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


def free_port():
    """Free for TCP and UDP. Of the node for good: it is found there again after a restart."""
    while True:
        port = random.SystemRandom().randrange(FIRST_PORT, LAST_PORT)
        try:
            with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            return port
        except OSError:
            continue


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


class Member:
    """A node of the cluster with its directory and addresses, running or not."""

    def __init__(self, root, name, config, host="127.0.0.1", arguments=(), before=None):
        self.name = name
        self.directory = os.path.join(root, name)
        self.config = config
        self.host = host
        self.arguments = list(arguments)
        self.before = before or support.die_with_parent
        self.grpc_port, self.http_port = free_port(), free_port()
        self.node = None
        self.logs = []  # of processes that ended

    @property
    def grpc(self):
        return f"{self.host}:{self.grpc_port}"

    def start(self, join=None, wait=True):
        arguments = ["--name", self.name, *self.arguments]
        if join is not None:
            arguments += ["--join", join.grpc]
        self.node = support.Node(
            self.directory, self.config, wait, listen=self.grpc,
            http_listen=f"{self.host}:{self.http_port}", arguments=arguments, before=self.before)
        return self

    def running(self):
        return self.node is not None and self.node.process.poll() is None

    def kill(self):
        if self.node is not None:
            self.node.process.send_signal(signal.SIGCONT)
            self.node.kill()

    def stop(self):
        return self.node.stop()

    def signal(self, number):
        self.node.process.send_signal(number)

    def client(self):
        return support.HttpClient(http.client.HTTPConnection(
            self.host, self.http_port, timeout=support.HTTP_SECONDS))

    def cli(self, *arguments, **options):
        return support.run_cli(*arguments, endpoint=self.grpc, **options)

    def view(self):
        """What it sees of the cluster, or None when it does not answer."""
        try:
            with self.client() as client:
                answer = client.get("/v1/cluster")
        except (OSError, http.client.HTTPException):
            return None
        return answer.json() if answer.status == 200 else None

    def metric(self, name):
        with self.client() as client:
            return client.metric(name)

    def allocated_bytes(self):
        total = 0
        for folder, _, names in os.walk(self.directory):
            for name in names:
                try:
                    total += os.stat(os.path.join(folder, name)).st_blocks * 512
                except FileNotFoundError:
                    pass
        return total


class ClusterTest(support.NodeTest):
    """Makes a cluster for each test, and checks at the end what the history promises."""

    config = CONFIG

    def setUp(self):
        super().setUp()
        self.members = []  # that the load asks, and that have to agree in the end
        self.everyone = []
        self.history = History()
        self.loads = []
        self.addCleanup(self._say_logs)

    def _say_logs(self):
        """Of a test that failed: what the nodes said."""
        outcome = self._outcome.result
        failed = [test for test, _ in outcome.failures + outcome.errors]
        if self not in failed:
            return
        for member in self.everyone:
            path = member.directory + ".log"
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    print(f"--- log of {member.name}:\n{file.read()[-6000:]}", flush=True)

    # Clusters.

    def make_member(self, name):
        member = Member(self.root, name, self.config)
        self.everyone.append(member)
        self.addCleanup(member.kill)
        return member

    def make_cluster(self, count):
        first = self.make_member("node1").start()
        self.members.append(first)
        for number in range(2, count + 1):
            self.members.append(self.make_member(f"node{number}").start(join=first))
        if count > 1:
            self.change_ring(first)
            self.await_well()
        return self.members

    def add_node(self, name):
        """A new node that owns nothing yet; the load does not ask it before it is in members."""
        return self.make_member(name).start(join=self.alive()[0])

    def change_ring(self, member, *stage, wait=True):
        """Stages (`leave`, `node2`), plans, and commits."""
        if stage:
            self.assert_done(member.cli("ring", *stage))
        self.await_joined()
        self.assert_done(member.cli("ring", "plan"))
        self.assert_done(member.cli("ring", "commit", "--yes", *(["--wait"] if wait else [])))

    def await_joined(self):
        """Members that run are seen alive by the one that is asked: a plan wants that."""
        self.await_true(lambda: all(
            one["health"] == "alive" for view in [self.alive()[0].view()] if view
            for one in view["members"] if one["role"] == "joining"), 20, "joining nodes are alive")

    def alive(self):
        return [member for member in self.members if member.running()]

    def await_true(self, condition, seconds, what):
        deadline = now() + seconds
        while not condition():
            if now() > deadline:
                self.fail(f"not within {seconds} s: {what}")
            pause(0.1)

    def await_well(self, seconds=SETTLE_SECONDS):
        """All members are well, of one version, and owe nothing to one another."""
        deadline = now() + seconds
        while True:
            trouble = self.trouble()
            if not trouble:
                return
            if now() > deadline:
                self.fail(f"not well within {seconds} s: {trouble}")
            pause(0.2)

    def trouble(self):
        views = [member.view() for member in self.members]
        for member, view in zip(self.members, views):
            if view is None:
                return f"{member.name} does not answer"
            for name in ("moving", "transfers", "transfers_waiting", "foreign_partitions",
                         "frozen", "plan", "staged"):
                if view[name]:
                    return f"{member.name}: {name}: {view[name]}"
        if len({(view["version"], view["generation"]) for view in views}) != 1:
            return f"versions differ: {[view['version'] for view in views]}"
        for member in self.members:
            if member.metric("carillon_disk_failed"):
                return f"{member.name}: its disk failed"
            status = member.cli("ring", "status")
            if status.returncode != 0:
                return f"{member.name}: {status.stdout.decode()[-600:]} {status.stderr.decode()}"
        return ""

    def owners(self, member=None):
        return [part["homes"] for part in (member or self.alive()[0]).view()["partitions"]]

    # Load.

    def start_load(self, **options):
        load = Load(self.members, self.history, f"l{len(self.loads)}", **options)
        self.loads.append(load)
        self.addCleanup(load.stopping.set)
        return load

    # Checks.

    def check_operations(self):
        """Everything succeeded in its time, and nothing was seen that must not be."""
        self.assertEqual(self.history.errors[:5], [], f"{len(self.history.errors)} errors")
        not_done = self.history.not_done()
        self.assertEqual([(operation.kind, operation.outcome, round(operation.seconds(), 2),
                           operation.attempts, operation.detail) for operation in not_done[:3]],
                         [], f"{len(not_done)} operations without success: "
                             f"{self.history.summary()}")

    def check_set(self, members=None):
        """Every acknowledged byte is there through every node, and nothing that nobody sent."""
        problems = []
        threads = [threading.Thread(target=self._check_member, args=(member, problems))
                   for member in members or self.members]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(problems[:8], [], f"{len(problems)} problems; {self.history.summary()}")

    def _check_member(self, member, problems):
        try:
            with member.client() as client:
                for number, key in enumerate(sorted(self.history.values)):
                    self._check_chunk(member, client, key, problems)
                    if number % 64 == 0 and len(problems) > 20:
                        return
                self._check_lists(member, client, problems)
        except Exception as error:  # pylint: disable=broad-except
            problems.append(f"{member.name}: {error!r}")

    def _check_chunk(self, member, client, key, problems):
        stored = key in self.history.stored
        answer = client.get_chunk(key, BUCKET)
        if answer.status == 404 and not stored:
            return
        if answer.status != 200:
            problems.append(f"{member.name}: {key}, acknowledged: {stored}: {answer}")
        elif answer.body != self.history.value(key):
            problems.append(f"{member.name}: {key} holds other bytes")
        elif answer.headers["X-Carillon-Crc32c"] != crc32c(answer.body):
            problems.append(f"{member.name}: {key} has another checksum")

    def _check_lists(self, member, client, problems):
        listed = [key for keys in client.seconds(BUCKET).values() for key in keys]
        for key in sorted(set(self.history.listed) - set(listed)):
            problems.append(f"{member.name}: {key} was committed and is not listed")
        for key in sorted(set(listed) - self.history.sent_commits):
            problems.append(f"{member.name}: {key} is listed and nobody sent it")
        if len(listed) != len(set(listed)):
            problems.append(f"{member.name}: {len(listed) - len(set(listed))} keys listed twice")

    def check_disks(self):
        """Stops everything; the directories hold no damage."""
        for member in self.members:
            self.assertEqual(member.stop(), 0, member.node.log())
            self.assert_done(support.run_cli("check", member.directory))

    def await_equal(self):
        """Every home has compared itself with the others, and got what it lacked."""
        self.assert_done(self.members[0].cli("ring", "repair"))
        self.await_well()

    def check_homes_agree(self, damaged=()):
        """Stops everything; all homes of a partition say that they should hold the same, and each
        holds no damage but what `damaged`, a member, had and mended elsewhere."""
        self.await_equal()
        owners = self.owners()
        sums = {}
        for member in self.members:
            self.assertEqual(member.stop(), 0, member.node.log())
            report = support.run_cli("check", "--format", "json", member.directory)
            if member not in damaged:
                self.assert_done(report)
            sums[member.name] = {one["partition"]: (one["entries"], one["sum"])
                                 for one in json.loads(report.stdout)["digests"]}
        for partition, homes in enumerate(owners):
            found = {home: sums[home].get(partition) for home in homes}
            self.assertEqual(len(set(found.values())), 1, f"partition {partition}: {found}")
        self.assertGreater(sum(len(one) for one in sums.values()), 0)

    def check_each_alone(self, keys=None):
        """Each, while all others are stopped, has every byte: for n_val homes and no more."""
        for member in self.members:
            member.start()
            with member.client() as client:
                for key in sorted(keys or self.history.stored):
                    answer = client.get_chunk(key, BUCKET)
                    self.assertEqual(answer.status, 200, f"{member.name} alone: {key}: {answer}")
                    self.assertEqual(answer.body, self.history.value(key))
            member.kill()

    def finish(self):
        """After the load: all is well again, and all is there."""
        self.await_well()
        self.check_set()
        self.say(self.history.summary())

    def say(self, text):
        print(f"({text})", end=" ", flush=True)


def main():
    print(f"CARILLON_FAULT_ROUNDS={ROUNDS}", flush=True)
    support.main()
