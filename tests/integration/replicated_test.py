"""`ack = replicated`: real collectors that keep copies of one another's spools, and a real ring."""

import collections
import glob
import http.client
import itertools
import json
import os
import shutil
import subprocess
import threading
import time

import collector
import support
from collector_test import WithCollector

UNAVAILABLE = 503
KILLS = int(os.environ.get("CARILLON_KILLS", "3"))
STATE_SECONDS = 30  # the longest a copy may take to be in step, or to be missed


class Load(threading.Thread):
    """Sends numbered events, one request after the other; knows which were acknowledged."""

    def __init__(self, address, name):
        super().__init__(daemon=True)
        self.address = address
        self.name = name
        self.sent = set()
        self.acknowledged = set()
        self.stopping = threading.Event()

    def run(self):
        for number in itertools.count():
            if self.stopping.is_set():
                return
            ids = [f"{self.name}-{number}-{i}" for i in range(3)]
            body = json.dumps([{"type": "A", "n": one} for one in ids])
            self.sent.update(ids)
            try:
                host, _, port = self.address.rpartition(":")
                connection = http.client.HTTPConnection(host, int(port), timeout=15)
                connection.request("POST", "/v1/events", body=body)
                if connection.getresponse().status == 200:
                    self.acknowledged.update(ids)
                connection.close()
            except (OSError, http.client.HTTPException):
                time.sleep(0.01)

    def stop(self):
        self.stopping.set()
        self.join()


class ReplicatedTest(WithCollector):
    def setUp(self):
        super().setUp()
        self.key = os.path.join(self.root, "key")
        with open(self.key, "w", encoding="utf-8") as file:
            file.write("a key that is long enough".replace(" ", "-") + "\n")

    def start_peer(self, name, to=(), listen="127.0.0.1:0", http_="127.0.0.1:0", extra="", ring=None):
        """A collector of that name, with a spool of its own."""
        config = os.path.join(self.root, name + ".toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(extra)
            file.write(f"[replica]\nname = '{name}'\nlisten = '{listen}'\n"
                       f"key_file = '{self.key}'\nalone_after_ms = 2000\n")
            if to:
                file.write(f"to = {json.dumps(['http://' + one for one in to])}\n")
        running = collector.Collector(
            os.path.join(self.root, name), ring or self.node.grpc, "--config", config,
            "--open", "acme", listen=http_)
        self.addCleanup(running.kill)
        return running

    def start_two(self, extra="ack = 'replicated'\nack_timeout_ms = 2000\n"):
        second = self.start_peer("b")
        first = self.start_peer("a", [second.addresses["replica"]], extra=extra)
        self.await_metric(first, "replica_in_step", 1)
        return first, second

    def await_metric(self, running, name, value):
        deadline = time.monotonic() + STATE_SECONDS
        while running.metric(name) != value:
            self.assertLess(time.monotonic(), deadline, running.log())
            time.sleep(0.05)

    def found(self, count):
        events = collector.await_events(self.node, count, type_="A")
        return collections.Counter(one["n"] for one in events)

    def check_each_once(self, loads):
        acknowledged = set().union(*(load.acknowledged for load in loads))
        sent = set().union(*(load.sent for load in loads))
        self.assertGreater(len(acknowledged), 10)
        deadline = time.monotonic() + collector.COMMIT_SECONDS
        while True:
            found = self.found(len(acknowledged))
            if not acknowledged - set(found) or time.monotonic() > deadline:
                break
        self.assertEqual(acknowledged - set(found), set(), "lost")
        self.assertEqual({one: n for one, n in found.items() if n > 1}, {}, "twice")
        self.assertEqual(set(found) - sent, set(), "invented")

    def test_a_disk_that_is_lost_under_load_loses_nothing_and_nothing_comes_twice(self):
        first, second = self.start_two()
        loads = []
        for kill in range(KILLS):
            some = [Load(first.http, f"{kill}-{i}") for i in range(4)]
            for load in some:
                load.start()
            time.sleep(0.7 + kill * 0.9)
            first.kill()
            shutil.rmtree(os.path.join(self.root, "a"))
            first = self.start_peer("a", [second.addresses["replica"]], http_=first.http,
                                    extra="ack = 'replicated'\nack_timeout_ms = 2000\n")
            time.sleep(0.5)
            for load in some:
                load.stop()
            loads += some
            self.await_metric(first, "replica_in_step", 1)
        self.check_each_once(loads)
        self.assertIn("were fetched from the copy", first.log())

    def test_killed_with_its_disk_it_goes_on_by_itself(self):
        first, second = self.start_two()
        loads = [Load(first.http, f"k{i}") for i in range(2)]
        for load in loads:
            load.start()
        for _ in range(KILLS):
            time.sleep(0.5)
            first.kill()
            first = self.start_peer("a", [second.addresses["replica"]], http_=first.http,
                                    extra="ack = 'replicated'\nack_timeout_ms = 2000\n")
        for load in loads:
            load.stop()
        self.check_each_once(loads)

    def test_without_the_other_replicated_is_503_and_local_goes_on(self):
        tenants = "[tenants.acme]\n[tenants.near]\nack = 'local'\n"
        key, lines = self.make_key("near")
        path = os.path.join(self.root, "tenants.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(tenants + lines)
        extra = f"ack = 'replicated'\nack_timeout_ms = 1000\ntenants_file = '{path}'\n"
        first, second = self.start_two(extra)
        event = [{"type": "A", "n": "before"}]
        self.accept(first, json.dumps(event), 1)
        address = second.addresses["replica"]
        second.kill()
        self.accept(first, json.dumps([{"type": "A", "n": "near"}]), 1, X_Write_Key=key)
        answer = first.post(json.dumps([{"type": "B", "n": "away"}]))
        self.assertEqual(answer.status, UNAVAILABLE, answer)
        self.assertGreater(int(answer.headers["Retry-After"]), 0)
        self.await_metric(first, "replica_alone", 1)
        answer = first.post(json.dumps([{"type": "A", "n": "refused"}]))
        self.assertEqual(answer.status, UNAVAILABLE, answer)
        self.accept(first, json.dumps([{"type": "A", "n": "near2"}]), 1, X_Write_Key=key)
        second = self.start_peer("b", listen=address)
        self.await_metric(first, "replica_in_step", 1)
        self.accept(first, json.dumps([{"type": "A", "n": "after"}]), 1)
        self.assertEqual(self.found(4),
                         dict.fromkeys(["before", "near", "near2", "after"], 1))
        with first.client() as client:
            self.assertEqual(client.get("/status").json()["replica"]["state"], "in step")
        self.assertEqual(second.metric("copies"), 1)

    def test_an_empty_spool_waits_for_the_peer_that_may_have_its_copy(self):
        first, second = self.start_two()
        self.node.kill()  # what is acknowledged stays in the spool
        self.accept(first, json.dumps([{"type": "A", "n": "kept"}]), 1)
        address = second.addresses["replica"]
        first.kill()
        second.kill()
        shutil.rmtree(os.path.join(self.root, "a"))
        config = os.path.join(self.root, "a.toml")
        with open(os.path.join(self.root, "waiting.log"), "wb") as log:
            waiting = subprocess.Popen(
                [collector.COLLECTOR, "--config", config, "--endpoint", self.node.grpc, "--http",
                 "127.0.0.1:0", "--spool", os.path.join(self.root, "a"), "--open", "acme"],
                stdout=subprocess.PIPE, stderr=log, preexec_fn=support.die_with_parent)
        time.sleep(1.5)
        self.assertIsNone(waiting.poll())
        waiting.terminate()
        self.assertEqual(waiting.communicate(timeout=10)[0], b"")
        self.node = support.Node(self.directory, support.SMALL_SEGMENTS, listen=self.node.grpc)
        self.addCleanup(self.node.kill)
        second = self.start_peer("b", listen=address)
        self.start_peer("a", [address])
        self.assertEqual(self.found(1), {"kept": 1})

    def test_a_collector_that_is_its_own_peer_says_so(self):
        # By a name that two have: the port of one's own is not known before it starts.
        second = self.start_peer("b")
        config = os.path.join(self.root, "b2.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"[replica]\nname = 'b'\nkey_file = '{self.key}'\n"
                       f"to = 'http://{second.addresses['replica']}'\n")
        with self.assertRaises(collector.CollectorDidNotStart) as caught:
            collector.Collector(os.path.join(self.root, "b2"), self.node.grpc, "--config", config,
                                "--open", "acme")
        self.assertIn("'b' is my own name", caught.exception.log)

    def test_the_copy_of_a_collector_that_never_comes_back_is_drained(self):
        first, second = self.start_two()
        self.node.kill()
        self.accept(first, json.dumps([{"type": "A", "n": i} for i in range(5)]), 5)
        first.kill()
        shutil.rmtree(os.path.join(self.root, "a"))
        self.node = support.Node(self.directory, support.SMALL_SEGMENTS, listen=self.node.grpc)
        self.addCleanup(self.node.kill)
        copy, = [os.path.dirname(one) for one in
                 glob.glob(os.path.join(self.root, "b", "copies", "a", "*", "COPY"))]
        drained = subprocess.run([collector.COLLECTOR, "drain", "--spool", copy, "--endpoint",
                                  self.node.grpc], capture_output=True, timeout=60, check=False)
        self.assertEqual(drained.returncode, 0, drained)
        self.assertIn(b"5 events", drained.stdout)
        self.assertEqual(self.found(5), {i: 1 for i in range(5)})
        again = subprocess.run([collector.COLLECTOR, "drain", "--spool", copy, "--endpoint",
                                self.node.grpc], capture_output=True, timeout=60, check=False)
        self.assertEqual(again.returncode, 2, again)
        # Nobody takes it for a copy any more.
        fresh = self.start_peer("a", [second.addresses["replica"]])
        self.await_metric(fresh, "replica_in_step", 1)
        self.assertEqual(self.found(5), {i: 1 for i in range(5)})

    def test_who_does_not_know_the_key_gets_nothing(self):
        _, second = self.start_two()
        with second.client("replica") as client:
            for headers in ({}, {"Authorization": "Bearer wrong"}):
                answer = client.request("POST", "/v1/copies", body=b"\x01\x04", headers=headers)
                self.assertEqual(answer.status, 401)


if __name__ == "__main__":
    support.main()
