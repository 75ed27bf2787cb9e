"""De-duplication by event id: real nodes, real collectors; an id is stored once."""

import collections
import json
import os
import socket
import threading
import time

import collector
import support

KILLS = int(os.environ.get("CARILLON_KILLS", "3"))


class DedupTest(support.NodeTest):
    def setUp(self):
        super().setUp()
        self.node = self.start()
        self.now = int(time.time())

    def start_collector(self, name, *arguments, tenants="", listen="127.0.0.1:0"):
        path = os.path.join(self.root, name + ".toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(tenants)
        running = collector.Collector(os.path.join(self.root, name), self.node.grpc, "--open",
                                      "acme", "--tenants", path, *arguments, listen=listen)
        self.addCleanup(running.kill)
        return running

    def events(self, ids):
        return [{"timestamp": self.now, "type": "D", "id": one} for one in ids]

    def post(self, running, ids):
        self.assertEqual(running.post(self.events(ids)).status, 200)

    def await_checked(self, running, count):
        """Until so many events have been told from duplicates."""
        deadline = time.monotonic() + 20
        while running.metric("dedup_checked_total", tenant="acme") < count:
            self.assertLess(time.monotonic(), deadline, running.log())
            time.sleep(0.05)

    def stored(self, *collectors):
        """How often each id is stored, when the collectors have let go of all."""
        for running in collectors:
            self.assertEqual(running.stop(), 0, running.log())
        return collections.Counter(one["id"] for one in collector.read_events(self.node))

    def unchecked(self, running):
        return sum(running.metric("dedup_unchecked_total", tenant="acme", reason=reason)
                   for reason in ("late", "undecided", "full", "resting"))

    def test_an_id_that_comes_again_is_dropped_and_counted(self):
        running = self.start_collector("spool")
        self.post(running, ["a", "b", "b"])
        self.await_checked(running, 3)
        self.post(running, ["b", "c"])
        self.await_checked(running, 5)
        self.assertEqual(running.metric("dedup_duplicates_total", tenant="acme"), 2)
        self.assertEqual(running.metric("dedup_ratio", tenant="acme"), 0.4)
        self.assertGreater(running.metric("claim_seconds_count"), 0)
        self.assertEqual(self.unchecked(running), 0)
        self.assertEqual(self.stored(running), {"a": 1, "b": 1, "c": 1})

    def test_events_that_come_to_two_collectors_are_stored_once(self):
        first, second = self.start_collector("one"), self.start_collector("two")
        ids = [f"e{n}" for n in range(1000)]
        senders = [threading.Thread(target=lambda to=to, step=step: [
            self.post(to, ids[i:i + 50]) for i in range(0, 1000, 50)[::step]])
            for to, step in ((first, 1), (second, -1))]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        found = self.stored(first, second)
        self.assertEqual(found, {one: 1 for one in ids})

    def test_a_lifetime_of_a_tenants_own_and_none(self):
        running = self.start_collector("spool", tenants="[tenants.acme]\ndeduplicate = '36h'\n")
        self.post(running, ["a", "a"])
        self.await_checked(running, 2)
        listed = self.node.cli("bucket", "list")
        self.assertIn("claims-129600s", str(listed.stdout))
        with open(os.path.join(self.root, "spool.toml"), "w", encoding="utf-8") as file:
            file.write("[tenants.acme]\ndeduplicate = 'off'\n")
        deadline = time.monotonic() + 10
        twice = 0
        while twice < 2:  # until the file is read again
            self.assertLess(time.monotonic(), deadline)
            before = running.metric("dedup_checked_total", tenant="acme")
            self.post(running, [f"off{twice}", f"off{twice}"])
            time.sleep(0.5)
            twice = twice + 1 if running.metric("dedup_checked_total",
                                                tenant="acme") == before else 0
        found = self.stored(running)
        self.assertEqual((found["a"], found["off1"]), (1, 2))

    def test_a_phone_that_sends_again_is_told_success_and_one_is_stored(self):
        running = self.start_collector("spool")
        body = {"shop.clicks": [{"#UUID": f"u{n}", "id": f"u{n}", "n": n} for n in range(3)]}
        for count in (3, 6):
            answer = running.post(body, path="/android/v3/event", X_TD_Write_Key="any")
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.json(), {"shop.clicks": [{"success": True}] * 3})
            self.await_checked(running, count)
        self.assertEqual(self.stored(running), {f"u{n}": 1 for n in range(3)})

    def test_without_the_ring_events_are_taken_and_go_on_unchecked_or_wait(self):
        running = self.start_collector("spool", "--admin", "127.0.0.1:0")
        self.post(running, ["before"])
        self.await_checked(running, 1)
        self.node.kill()
        for n in range(50):
            self.post(running, [f"away{n}", f"away{n}"])
            time.sleep(0.1)
        self.node = support.Node(self.directory, support.SMALL_SEGMENTS, listen=self.node.grpc)
        self.addCleanup(self.node.kill)
        self.post(running, ["after"])
        unchecked = self.unchecked(running)
        self.assertGreater(unchecked, 0)
        found = self.stored(running)
        ids = ["before", "after"] + [f"away{n}" for n in range(50)]
        self.assertEqual(set(found), set(ids))
        self.assertLessEqual(sum(found.values()) - len(ids), unchecked)

    def write(self, number, ports, sent, stop):
        """Sends each request until one of the collectors has answered it, and every other one to
        both of them."""
        count = 0
        while not stop.is_set():
            ids = [f"{number}-{count + i}" for i in range(1 + count % 5)]
            count += len(ids)
            body = json.dumps(self.events(ids))
            left = list(ports) if count % 2 == 0 else [self.random.choice(ports)]
            while left and not stop.is_set():
                client = None
                try:
                    client = support.HttpClient(collector.http.client.HTTPConnection(
                        "127.0.0.1", left[0], timeout=5))
                    if client.request("POST", "/v1/events", body=body).status == 200:
                        left.pop(0)
                        sent.extend(ids)
                except (OSError, collector.http.client.HTTPException):
                    left.append(left.pop(0))
                    time.sleep(0.01)
                finally:
                    if client is not None:
                        client.connection.close()

    def test_collectors_that_are_killed_lose_nothing_and_store_nothing_twice(self):
        ports = []
        for _ in range(2):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                ports.append(probe.getsockname()[1])
        names = ["one", "two"]
        running = [self.start_collector(name, listen=f"127.0.0.1:{port}")
                   for name, port in zip(names, ports)]
        stop = threading.Event()
        sent = [[] for _ in range(4)]
        writers = [threading.Thread(target=self.write, args=(i, ports, sent[i], stop))
                   for i in range(4)]
        for writer in writers:
            writer.start()
        unchecked = 0
        try:
            for kill in range(KILLS):
                time.sleep(self.random.uniform(0.3, 1.5))
                i = kill % 2
                unchecked += self.unchecked(running[i])
                running[i].kill()
                running[i] = self.start_collector(names[i], listen=f"127.0.0.1:{ports[i]}")
            time.sleep(1)
        finally:
            stop.set()
            for writer in writers:
                writer.join()
        unchecked += sum(map(self.unchecked, running))
        duplicates = sum(one.metric("dedup_duplicates_total", tenant="acme") for one in running)
        found = self.stored(*running)
        promised = {one for ids in sent for one in ids}
        self.assertEqual([one for one in promised if one not in found], [])
        twice = sum(count - 1 for count in found.values())
        print(f"{len(promised)} ids, {sum(map(len, sent)) - len(promised)} repeats acknowledged, "
              f"{duplicates:.0f} dropped since the last kills, {twice} stored twice, "
              f"{unchecked:.0f} unchecked", flush=True)
        self.assertGreater(len(promised), 100)
        self.assertLessEqual(twice, unchecked)


if __name__ == "__main__":
    support.main()
