"""An agent that sends by the Fluent forward protocol: real processes, a file, kill -9."""

import collections
import json
import os
import random
import signal
import subprocess
import time
import unittest

import clients_test
import collector
import support
from send_test import WithAgent

KILLS = int(os.environ.get("CARILLON_KILLS", "3"))


class WithForwardAgent(WithAgent):
    def start_agent(self, to, send="", stream="app.log"):
        urls = ", ".join(f"'{one}'" for one in to)
        return self.run_agent(f"""
[send]
to = [{urls}]
{send}
[[tail]]
name = 'log'
paths = ['{self.root}/app.log*']
start = 'beginning'
stream = '{stream}'
""")


class ForwardSendTest(WithForwardAgent):
    def start_one(self, name, forward="127.0.0.1:0", extra="", scheme="forward"):
        config = self.write(name + ".toml", "open = 'acme'\nclaim_deadline_ms = 30000\n" + extra)
        running = collector.Collector(os.path.join(self.root, name), self.node.grpc, "--config",
                                      config, "--forward", forward)
        self.addCleanup(running.kill)
        running.url = f"{scheme}://{running.addresses['forward']}"
        return running

    def test_each_line_is_stored_once_whatever_is_killed(self):
        some = random.Random(int(os.environ.get("CARILLON_SEED", "1")))
        peers = [self.start_one("c0"), self.start_one("c1")]
        urls = [one.url for one in peers]
        agent = self.start_agent(urls)
        writer = self.start_writer(some)
        for kill in range(KILLS):
            time.sleep(1.5)
            victim = kill % 2
            forward = peers[victim].addresses["forward"]
            peers[victim].kill()
            time.sleep(some.random())
            peers[victim] = self.start_one(f"c{victim}", forward)
            if kill == 2:
                agent.kill()
                agent = self.start_agent(urls)
        time.sleep(0.5)
        writer.stop()
        # Once by the ids of the events, which tell that a chunk came again.
        self.expect_each_once(writer, agent)
        for peer in peers:
            self.assertGreater(peer.metric("requests_total", dialect="forward", code="OK"), 0)
        self.assertEqual(agent.stop(), 0, agent.log())

    def test_while_nobody_answers_it_waits(self):
        first = self.start_one("c0")
        forward = first.addresses["forward"]
        first.kill()
        agent = self.start_agent([first.url])
        self.append("one", "two")
        self.await_failures(agent, 2)
        self.assertEqual(agent.metric("ring_reachable"), 0)
        self.start_one("c0", forward)
        wanted = collections.Counter(["one", "two"])
        self.assertEqual(self.await_messages(wanted), wanted)
        self.assertEqual(agent.metric("ring_reachable"), 1)

    def read_one(self, type_, subtype):
        deadline = time.monotonic() + collector.COMMIT_SECONDS
        while True:
            read = self.node.cli("read", "--from", "-1h", "--type", type_, "--subtype", subtype)
            events = [json.loads(line) for line in read.stdout.splitlines()]
            if events or time.monotonic() > deadline:
                self.assertEqual(len(events), 1, read)
                return events[0]
            time.sleep(0.3)

    def test_events_keep_type_time_and_fields(self):
        agent = self.start_agent([self.start_one("c0").url], stream="nginx.access")
        before = time.time()
        event = [{"type": "web", "subtype": "cart", "n": 1, "deep": {"list": [1.5, None, True]},
                  "text": "\u00e4\n"}]
        self.assertEqual(agent.post(event).status, 200)
        self.append("hello")
        line = self.read_one("nginx", "access")
        self.assertEqual((line["message"], line["type"]), ("hello", "nginx"))
        self.assertTrue(before - 1 <= line["timestamp"] <= time.time(), line)
        found = self.read_one("web", "cart")
        self.assertEqual(found, found | event[0])
        self.assertTrue(before - 1 <= found["timestamp"] <= time.time(), found)

    def test_by_tls_with_a_key_packed_under_one_tag(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=c0",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                        os.path.join(self.root, "tls.key"), "-out",
                        os.path.join(self.root, "tls.crt")],
                       check=True, capture_output=True, timeout=20)
        tls = (f"tls_certificate = '{self.root}/tls.crt'\ntls_key = '{self.root}/tls.key'\n"
               "forward_shared_key = 'the-shared-key'\n")
        peer = self.start_one("c0", extra=tls, scheme="forward+tls")
        wrong = self.write("wrong", "another-key\n")
        send = f"ca_file = '{self.root}/tls.crt'\ncompress = 'gzip'\ntag = 'all.{{type}}'\n"
        agent = self.start_agent([peer.url], f"{send}key_file = '{wrong}'", stream="nginx.access")
        self.append("kept")
        self.await_failures(agent, 2)
        agent.kill()
        key = self.write("shared", "the-shared-key\n")
        agent = self.start_agent([peer.url], f"{send}key_file = '{key}'", stream="nginx.access")
        self.assertEqual(self.read_one("all", "nginx")["message"], "kept")
        self.assertEqual(agent.metric("dead_letter_events_total"), 0)

    def test_what_cannot_be_a_peer_is_said_at_the_start(self):
        with self.assertRaises(collector.CollectorDidNotStart) as caught:
            self.start_agent(["forward://nowhere"])
        self.assertIn("want forward://HOST:PORT", caught.exception.log)


class ForeignServerTest(WithForwardAgent):
    """@fluent-org/logger's server, unmodified."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not clients_test.install():
            raise unittest.SkipTest("there is no npm")

    def start_server(self, port=0, key=""):
        script = os.path.join(clients_test.SOURCE, "forward_server.mjs")
        process = subprocess.Popen(
            ["node", script, str(port), self.heard, key], stdout=subprocess.PIPE,
            env=dict(os.environ, CARILLON_CLIENTS=os.path.realpath(clients_test.INSTALLED)),
            preexec_fn=support.die_with_parent)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait, 20)
        self.addCleanup(process.kill)
        return process, int(process.stdout.readline())

    def setUp(self):
        super().setUp()
        self.heard = self.write("heard", "")

    def entries(self):
        with open(self.heard, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def test_each_line_arrives_also_when_the_server_goes_and_comes(self):
        some = random.Random(int(os.environ.get("CARILLON_SEED", "1")))
        process, port = self.start_server(key="the-key")
        key = self.write("key", "the-key\n")
        agent = self.start_agent([f"forward://127.0.0.1:{port}"],
                                 f"key_file = '{key}'\ncompress = 'gzip'")
        began = time.time()
        writer = self.start_writer(some)
        for _ in range(2):
            time.sleep(2)
            process.send_signal(signal.SIGTERM)
            process.wait(20)
            time.sleep(some.random())
            process, _ = self.start_server(port, "the-key")
        time.sleep(1)
        writer.stop()
        wanted = collections.Counter(writer.written)
        found = self.await_messages(wanted, lambda: [one["record"] for one in self.entries()])
        self.assertEqual(wanted - found, collections.Counter(), "lost")
        self.assertEqual(set(found), set(wanted), "invented")
        for entry in self.entries():
            self.assertEqual(entry["tag"], "app.log")
            at = entry["time"]["epoch"] + entry["time"]["nano"] / 1e9
            self.assertTrue(began - 1 < at < time.time(), entry)
            self.assertAlmostEqual(at, entry["record"]["timestamp"], places=5)
        self.assertEqual(agent.stop(), 0, agent.log())


if __name__ == "__main__":
    support.main()
