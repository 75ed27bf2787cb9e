"""Ids in flight, one in ten of them more than once, while a node joins and one dies.

Not among the tests that every run makes: `tests/faults/run dedup_measured`, CARILLON_DEDUP_IDS
(1,000,000) ids; CARILLON_DEDUP_KILLS=1: a collector is killed, too.
"""

import collections
import http.client
import json
import os
import random
import re
import subprocess
import sys
import threading
import time

import cluster
import support

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
import collector  # noqa: E402

IDS = int(os.environ.get("CARILLON_DEDUP_IDS", "1000000"))
KILLS = int(os.environ.get("CARILLON_DEDUP_KILLS", "0"))
RATE = float(os.environ.get("CARILLON_DEDUP_RATE", "0"))  # events/s in all; 0: as fast as they go
DEADLINE_MS = int(os.environ.get("CARILLON_DEDUP_DEADLINE_MS", "2000"))
SENDERS = 4
REQUEST_EVENTS = 200
REPEATS = 20  # of a request's events
RECENT = 20  # requests whose ids are sent again
support.TEST_SECONDS = 3000
ID = re.compile(rb'"id":"([^"]+)"')


class Sender(threading.Thread):
    """Sends requests until their answers are 200: first to one collector, then to the other."""

    def __init__(self, test, number):
        super().__init__(daemon=True)
        self.test = test
        self.number = number
        self.random = random.Random(f"{support.SEED}:{number}")
        self.clients = {}
        self.sent = 0
        self.repeated = 0
        self.resent = 0

    def body(self):
        fresh = [f"{self.number}-{self.sent + i}" for i in range(REQUEST_EVENTS - REPEATS)]
        self.sent += len(fresh)
        recent = list(self.test.recent)
        again = [self.random.choice(self.random.choice(recent)) for _ in range(REPEATS)
                 if recent]
        self.repeated += len(again)
        # Others send its ids again while it is under way.
        self.test.recent.append(fresh)
        ids = fresh + again
        self.random.shuffle(ids)
        return json.dumps([{"type": "D", "id": one} for one in ids])

    def run(self):
        each = REQUEST_EVENTS * SENDERS / RATE if RATE else 0
        while self.sent < IDS / SENDERS:
            began = time.monotonic()
            body = self.body()
            name = self.random.choice(("one", "two"))
            while not self.post(name, body):
                self.resent += 1
                name = "two" if name == "one" else "one"
                cluster.pause(0.05)
            cluster.pause(max(0, began + each - time.monotonic()))

    def post(self, name, body):
        try:
            client = self.clients.get(name)
            if client is None:
                host, _, port = self.test.addresses[name].rpartition(":")
                client = self.clients[name] = support.HttpClient(
                    http.client.HTTPConnection(host, int(port), timeout=10))
            return client.request("POST", "/v1/events", body=body).status == 200
        except (OSError, http.client.HTTPException):
            self.clients.pop(name).connection.close()
            return False


class DedupMeasured(cluster.ClusterTest):
    config = "partitions = 64\n"

    def start_collector(self, name, listen="127.0.0.1:0"):
        config = os.path.join(self.root, name + ".toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"claim_deadline_ms = {DEADLINE_MS}\n")
        running = collector.Collector(
            os.path.join(self.root, name), ",".join(member.grpc for member in self.members),
            "--open", "acme", "--config", config, listen=listen)
        self.addCleanup(running.kill)
        self.collectors[name] = running
        self.addresses[name] = running.http
        return running

    def count(self, running, name):
        with running.client() as client:
            text = client.get("/metrics").body.decode()
        found = re.findall(rf"^carillon_collector_{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE)
        return sum(map(float, found))

    def collect(self, running):
        for name in ("dedup_checked_total", "dedup_duplicates_total", "dedup_unchecked_total",
                     "claim_seconds_count", "claim_seconds_sum"):
            self.totals[name] += self.count(running, name)
        for reason in ("late", "undecided", "full", "resting"):
            self.totals[reason] += running.metric("dedup_unchecked_total", tenant="acme",
                                                  reason=reason)

    def progress(self):
        return sum(sender.sent for sender in self.senders)

    def await_progress(self, share):
        while self.progress() < IDS * share and any(one.is_alive() for one in self.senders):
            cluster.pause(0.1)

    def kill_collector(self):
        running = self.collectors["one"]
        self.collect(running)  # what it counts after it is not known
        running.kill()
        self.start_collector("one", listen=running.http)
        self.say("a collector was killed and started again")

    def test_ids_while_a_node_joins_and_one_dies(self):
        self.make_cluster(3)
        self.collectors, self.addresses, self.totals = {}, {}, collections.Counter()
        self.recent = collections.deque(maxlen=RECENT)
        for name in ("one", "two"):
            self.start_collector(name)
        began = time.monotonic()
        self.senders = [Sender(self, number) for number in range(SENDERS)]
        for sender in self.senders:
            sender.start()
        self.await_progress(0.2)
        joining = self.add_node("node4")
        self.change_ring(self.members[0], wait=False)
        self.say(f"a node joins, after {time.monotonic() - began:.0f} s")
        self.await_progress(0.5)
        self.say(f"a node dies; partitions move: {self.members[0].view()['moving']}")
        self.members[2].kill()
        if KILLS:
            self.await_progress(0.7)
            self.kill_collector()
        for sender in self.senders:
            sender.join()
        took = time.monotonic() - began
        self.members.append(joining)
        self.say(f"all sent after {took:.0f} s, {self.progress() / took:.0f} ids/s")
        for running in self.collectors.values():
            self.await_true(lambda running=running: self.is_through(running), 300,
                            "all is in the ring")
            self.collect(running)
            self.assertEqual(running.stop(), 0, running.log())
        self.report()

    def is_through(self, running):
        return self.count(running, "dedup_waiting_requests") == 0

    def report(self):
        found = collections.Counter(self.read_ids())
        unique = {f"{sender.number}-{i}" for sender in self.senders for i in range(sender.sent)}
        lost = sum(one not in found for one in unique)
        twice = sum(count - 1 for count in found.values())
        totals = self.totals
        calls = max(1, totals["claim_seconds_count"])
        self.say(
            f"{len(unique)} unique ids, {sum(one.repeated for one in self.senders)} repeats, "
            f"{sum(one.resent for one in self.senders)} requests sent again; "
            f"{lost} lost, {twice} stored twice; "
            f"{totals['dedup_checked_total']:.0f} checked, "
            f"{totals['dedup_duplicates_total']:.0f} dropped, "
            f"{totals['dedup_unchecked_total']:.0f} unchecked ("
            + ", ".join(f"{totals[reason]:.0f} {reason}" for reason in
                        ("late", "undecided", "full", "resting"))
            + f"); {calls:.0f} calls of "
            f"{1000 * totals['claim_seconds_sum'] / calls:.0f} ms")
        self.assertEqual(lost, 0)
        self.assertEqual(len(found), len(unique))
        self.assertLessEqual(twice, totals["dedup_unchecked_total"])

    def read_ids(self):
        path = os.path.join(self.root, "all.ndjson")
        now = int(time.time())
        with open(path, "wb") as out:
            subprocess.run(
                [support.CLI, "read", "--from", str(now - 7200), "--to", str(now + 600),
                 "--type", "D"], stdout=out, check=True, timeout=600,
                env=dict(os.environ, CARILLON_ENDPOINT=self.members[0].grpc))
        with open(path, "rb") as lines:
            for line in lines:
                yield ID.search(line).group(1).decode()


if __name__ == "__main__":
    cluster.main()
