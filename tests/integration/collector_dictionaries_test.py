"""The collector's dictionaries: many seconds of a few events, a real ring, real collectors.

The figures of docs/BENCHMARKS.md, "Chunks of a few events", are what the first test prints.
"""

import collections
import http.client
import json
import os
import subprocess
import threading
import time

import collector
import support

SECONDS = 2000  # one chunk each
WAIT_SECONDS = 60
KILLS = int(os.environ.get("CARILLON_KILLS", "4"))


def event(second, number, kind="WEB"):
    value = (second * 7 + number) * 2654435761 % (1 << 32)
    return {"timestamp": second, "type": kind, "user": f"{value:08x}", "page": f"/item/{value % 977}",
            "referrer": "https://www.example.org/search?q=" + f"{value % 89}",
            "agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            "action": {"name": ["view", "click", "buy"][value % 3], "position": value % 20}}


class CollectorDictionariesTest(support.NodeTest):
    def setUp(self):
        super().setUp()
        self.node = self.start()
        self.first = int(time.time()) - 3 * SECONDS
        self.sent = {}

    def config(self, name, text):
        path = os.path.join(self.root, name + ".toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def start_collector(self, name, text="", bucket="events"):
        tenants = self.config(f"tenants-{bucket}", f"[tenants.acme]\nbucket = '{bucket}'\n")
        running = collector.Collector(os.path.join(self.root, name), self.node.grpc, "--config",
                                      self.config(name, text), "--tenants", tenants, "--open",
                                      "acme")
        self.addCleanup(running.kill)
        return running

    def post(self, running, seconds, events_a_second=1, bucket="events"):
        """Events of so many seconds that had none before, and waits until they are in the ring."""
        sent = self.sent.setdefault(bucket, [])
        start = self.first + len({one["timestamp"] for one in sent})
        events = [event(start + second, number)
                  for second in range(seconds) for number in range(events_a_second)]
        before = running.metric("events_committed_total")
        for at in range(0, len(events), 500):
            self.assertEqual(running.post(events[at:at + 500]).status, 200)
        sent += events
        self.await_metric(running, "events_committed_total", before + len(events))

    def await_metric(self, running, name, least):
        deadline = time.monotonic() + WAIT_SECONDS
        while running.metric(name) < least:
            self.assertLess(time.monotonic(), deadline, (name, running.log()))
            time.sleep(0.05)

    def assert_all_are_read(self, bucket="events"):
        found = collector.read_events(self.node, bucket=bucket, seconds=4 * SECONDS)
        kept = [{name: one[name] for name in event(0, 0)} for one in found]
        order = lambda one: json.dumps(one, sort_keys=True)
        self.assertEqual(sorted(kept, key=order), sorted(self.sent[bucket], key=order))

    def stored_bytes(self, bucket, from_, to):
        with self.node.client() as client:
            answer = client.get("/v1/seconds", bucket=bucket, from_=from_, to=to)
            self.assertEqual(answer.status, 200, answer)
            seconds = answer.json()["seconds"]
        return sum(one["value_bytes"] for one in seconds), sum(one["events"] for one in seconds)

    def dictionaries(self):
        with self.node.client() as client:
            answer = client.get("/v1/seconds", bucket="dictionaries", from_=0, to=1, chunks=1)
            if answer.status == 404:
                return []
            return [key for second in answer.json()["seconds"] for key in second["keys"]]

    def test_seconds_of_a_few_events_are_smaller_and_read_as_they_were_sent(self):
        for events_a_second in (1, 3, 10):
            stored = {}
            for mode in ("false", "true"):
                bucket = f"d-{mode}-{events_a_second}"
                self.assert_done(self.node.cli("bucket", "create", bucket))
                running = self.start_collector(bucket, f"dictionaries = {mode}\n", bucket)
                seconds = max(200, 1000 // events_a_second)
                self.post(running, seconds, events_a_second, bucket)
                if mode == "true":
                    self.await_metric(running, "dictionaries", 1)
                self.post(running, seconds, events_a_second, bucket)
                self.assertEqual(running.stop(), 0, running.log())
                start = self.first + seconds
                stored[mode] = self.stored_bytes(bucket, start, start + seconds)
                self.assert_all_are_read(bucket)
            (without, events), (with_one, same) = stored["false"], stored["true"]
            self.assertEqual(events, same)
            raw = sum(len(json.dumps(one, separators=(",", ":"))) for one in self.sent[bucket])
            print(f"{events_a_second} events a second, {raw / len(self.sent[bucket]):.0f} bytes "
                  f"each: stored {without / events:.0f} bytes an event without, "
                  f"{with_one / events:.0f} with a dictionary", flush=True)
            self.assertLess(with_one * 1.3, without)

    def test_it_is_found_again_after_a_kill_and_by_another_collector(self):
        running = self.start_collector("one")
        self.post(running, SECONDS // 2)
        self.await_metric(running, "dictionaries", 1)
        running.kill()
        stored = self.dictionaries()
        self.assertEqual(len(stored), 1, stored)
        for name in ("one", "another"):
            running = self.start_collector(name)
            self.post(running, 60)  # of which none could be trained
            self.await_metric(running, "dictionaries", 1)
            self.post(running, 100)
            self.assertGreaterEqual(running.metric("dictionary_chunks_total"), 100)
            self.assertEqual(running.stop(), 0, running.log())
        self.assertEqual(self.dictionaries(), stored)
        self.assert_all_are_read()

    def test_while_the_ring_is_away_events_are_taken_and_nothing_is_lost(self):
        running = self.start_collector("one")
        self.post(running, SECONDS // 2)
        self.await_metric(running, "dictionaries", 1)
        endpoint = self.node.grpc
        self.node.kill()
        start = self.first + SECONDS
        away = [event(start + second, 0) for second in range(200)]
        away += [event(start + second, 0, "NEW") for second in range(800)]  # it has none of these
        for at in range(0, len(away), 200):
            began = time.monotonic()
            self.assertEqual(running.post(away[at:at + 200]).status, 200)
            self.assertLess(time.monotonic() - began, 5)
        deadline = time.monotonic() + WAIT_SECONDS
        while running.metric("unpacked_events") > 0:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        self.assertEqual(running.metric("dictionaries"), 1)
        running.kill()  # what is in its outbox is sent by the next process
        self.node = support.Node(self.directory, support.SMALL_SEGMENTS, listen=endpoint)
        self.addCleanup(self.node.kill)
        self.sent["events"] += away
        running = self.start_collector("one")
        deadline = time.monotonic() + WAIT_SECONDS
        while running.metric("chunks_waiting") + running.metric("unpacked_events") > 0:
            self.assertLess(time.monotonic(), deadline, running.log())
            time.sleep(0.1)
        self.assertEqual(running.metric("dead_letter_events_total"), 0)
        self.assert_all_are_read()
        self.assertEqual(running.stop(), 0, running.log())

    def test_whoever_is_killed_while_they_are_made_and_used_each_event_is_read_once(self):
        self.running = self.start_collector("one", "lateness_ms = 0\n")
        address, endpoint = self.running.http, self.node.grpc
        acknowledged, sent, stop = set(), [], threading.Event()

        def load():
            host, _, port = address.rpartition(":")
            while not stop.is_set():
                first = len(sent)
                sent.extend(range(first, first + 50))
                events = [dict(event(self.first + n // 5, n), n=n) for n in sent[first:]]
                try:
                    with support.HttpClient(http.client.HTTPConnection(
                            host, int(port), timeout=support.HTTP_SECONDS)) as client:
                        answer = client.request("POST", "/v1/events", body=json.dumps(events))
                    if answer.status == 200:
                        acknowledged.update(sent[first:])
                except (OSError, http.client.HTTPException):
                    stop.wait(0.1)  # perhaps taken, perhaps not: not sent again
                stop.wait(0.03)

        loader = threading.Thread(target=load)
        loader.start()
        try:
            for kill in range(KILLS):
                time.sleep(0.3 + 2 * self.random.random())
                if kill % 2 == 1:
                    self.node.kill()
                if kill % 3 != 1:
                    self.running.kill()
                    self.running = collector.Collector(
                        os.path.join(self.root, "one"), endpoint, "--config",
                        os.path.join(self.root, "one.toml"), "--tenants",
                        os.path.join(self.root, "tenants-events.toml"), "--open", "acme",
                        listen=address)
                    self.addCleanup(self.running.kill)
                if kill % 2 == 1:
                    self.node = support.Node(self.directory, support.SMALL_SEGMENTS,
                                             listen=endpoint)
                    self.addCleanup(self.node.kill)
            time.sleep(3)
        finally:
            stop.set()
            loader.join()
        deadline = time.monotonic() + WAIT_SECONDS
        while (self.running.metric("chunks_waiting") + self.running.metric("unpacked_events") > 0
               or self.running.metric("lag_seconds") > 0):
            self.assertLess(time.monotonic(), deadline, self.running.log())
            time.sleep(0.1)
        found = collections.Counter(
            one["n"] for one in collector.read_events(self.node, seconds=4 * SECONDS))
        print(f"{len(sent)} events, {len(acknowledged)} acknowledged, {KILLS} kills, "
              f"dictionaries {self.dictionaries()}", flush=True)
        self.assertEqual(acknowledged - set(found), set(), "lost")
        self.assertEqual([n for n, times in found.items() if times > 1], [], "twice")
        self.assertGreater(self.running.metric("dictionary_chunks_total"), 0)
        self.assertEqual(self.running.metric("dead_letter_events_total"), 0)
        self.assertEqual(len(self.dictionaries()), 1)

    def test_a_dead_letter_that_needs_one_is_shown_and_can_be_sent_again(self):
        running = self.start_collector("one", bucket="gone")
        self.assert_done(self.node.cli("bucket", "create", "gone"))
        self.post(running, SECONDS // 2, bucket="gone")
        self.await_metric(running, "dictionaries", 1)
        # Of its events of then, no second is young enough any more.
        self.assert_done(self.node.cli("bucket", "set", "gone", "--ttl", "60s"))
        late = event(self.first + SECONDS, 5)
        self.assertEqual(running.post(late).status, 200)
        self.await_metric(running, "dead_letter_events_total", 1)
        spool = ("--spool", os.path.join(self.root, "one"))

        def dead(*arguments):
            return subprocess.run([collector.COLLECTOR, "dead", *arguments, *spool], timeout=60,
                                  capture_output=True, check=False)

        key = next(line for line in dead("list").stdout.decode().splitlines()
                   if line.startswith(str(self.first + SECONDS)))
        shown = dead("show", key, "--endpoint", self.node.grpc)
        self.assertEqual(shown.returncode, 0, shown)
        self.assertEqual({name: json.loads(shown.stdout)[name] for name in late}, late)
        alone = dead("show", key, "--endpoint", "127.0.0.1:1")
        self.assertEqual(alone.returncode, 1, alone)
        self.assertIn("0:1:cell0:WEB:gone:chunk", alone.stderr.decode())
        self.assertEqual(running.stop(), 0, running.log())
        self.assert_done(self.node.cli("bucket", "set", "gone", "--ttl", "8d"))
        self.assertEqual(dead("retry", key).returncode, 0)
        running = self.start_collector("one", bucket="gone")
        self.await_metric(running, "events_committed_total", 1)
        self.sent["gone"].append(late)
        self.assert_all_are_read("gone")

    def test_an_agent_that_sends_to_collectors_makes_none(self):
        made = subprocess.run([collector.COLLECTOR, "key", "create", "acme"], capture_output=True,
                              check=True, timeout=10).stdout.decode()
        self.config("key", made.split()[1] + "\n")
        tenants = self.config("tenants", "[tenants.acme]\npacked_chunks = true\n"
                              + made[made.index("[["):])
        receiver = collector.Collector(os.path.join(self.root, "receiver"), self.node.grpc,
                                       "--tenants", tenants)
        self.addCleanup(receiver.kill)
        agent = self.start_collector("agent", f"""
dictionaries = true
[send]
to = ['http://{receiver.http}']
key_file = '{os.path.join(self.root, "key.toml")}'
""")
        self.post(agent, SECONDS // 2)
        self.await_metric(receiver, "events_committed_total", SECONDS // 2)
        self.assertEqual(agent.metric("dictionary_chunks_total"), 0)
        self.assertEqual(agent.metric("dictionaries"), 0)
        self.assertEqual(self.dictionaries(), [])
        self.assert_all_are_read()


if __name__ == "__main__":
    support.main()
