"""Real clusters of several nodes, and what their disks hold in the end: for the tests here."""

import http.client
import json
import os
import random
import signal
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
import support  # noqa: E402 (found by the line above)
from load import (  # noqa: E402,F401 (tests take them from here)
    BUCKET, History, Load, crc32c, now, pause, quantile,
)

ROUNDS = int(os.environ.get("CARILLON_FAULT_ROUNDS", "1"))
SETTLE_SECONDS = 90
QUIET_SECONDS = 2
FAULT_SECONDS = 8
FIRST_PORT, LAST_PORT = 20000, 32000  # below those of outgoing connections
CONFIG = support.SMALL_SEGMENTS + "partitions = 16\n"
support.TEST_SECONDS = 120 + 100 * ROUNDS


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

    def under_fault(self, what, seconds=FAULT_SECONDS):
        begin = now()
        pause(seconds)
        writes = self.history.between(begin, now())
        self.say(f"{what}: {len(writes)} writes, p99 {quantile(writes, 0.99):.3f} s, "
                 f"longest {quantile(writes, 1):.2f} s")

    def run_through(self, what, fault, heal, look=lambda: None):
        """Load without end, through a fault that comes and goes: nothing fails, no home changes."""
        homes = self.owners()
        load = self.start_load()
        for _ in range(ROUNDS):
            pause(QUIET_SECONDS)
            fault()
            self.under_fault(what)
            look()
            heal()
        pause(QUIET_SECONDS)
        load.stop()
        self.check_operations()
        self.finish()
        self.assertEqual(self.owners(), homes)
        self.check_disks()

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
