"""An agent that sends to collectors instead of the ring: real processes, a file, kill -9."""

import collections
import os
import random
import time

import agent_test
import collector
import support
from collector_test import WithCollector

KILLS = int(os.environ.get("CARILLON_KILLS", "3"))


class WithAgent(WithCollector):
    """Has files, of which an agent is told what to do with them."""

    def write(self, name, text):
        path = os.path.join(self.root, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def run_agent(self, config):
        path = self.write("agent.toml", "open = 'agent'\n" + config)
        # Nobody is there at the ring's address: it is not asked.
        running = collector.Collector(os.path.join(self.root, "agent"), "127.0.0.1:1", "--config",
                                      path)
        self.addCleanup(running.kill)
        return running

    def await_messages(self, wanted, read=None):
        read = read or (lambda: collector.read_events(self.node))
        deadline = time.monotonic() + collector.COMMIT_SECONDS
        while True:
            found = agent_test.messages(read())
            if not wanted - found or time.monotonic() > deadline:
                return found
            time.sleep(0.3)

    def await_failures(self, agent, count):
        deadline = time.monotonic() + 30
        while agent.metric("send_failures_total") < count:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)

    def start_writer(self, some):
        writer = agent_test.LogWriter(os.path.join(self.root, "app.log"), some,
                                      lambda _, file: file)
        writer.start()
        return writer

    def expect_each_once(self, writer, agent):
        wanted = collections.Counter(writer.written)
        found = self.await_messages(wanted)
        self.assertEqual(wanted - found, collections.Counter(), "lost")
        self.assertEqual(found - wanted, collections.Counter(), "twice")
        self.assertEqual(agent.metric("dead_letter_events_total"), 0)

    def append(self, *lines):
        with open(os.path.join(self.root, "app.log"), "a", encoding="utf-8") as file:
            file.write("".join(one + "\n" for one in lines))


class SendTest(WithAgent):
    def setUp(self):
        super().setUp()
        key, lines = self.make_key("acme")
        self.tenants = self.write("tenants.toml",
                                  "[tenants.acme]\npacked_chunks = true\n" + lines)
        self.key = self.write("key", key + "\n")

    def start_one(self, name, listen="127.0.0.1:0"):
        running = collector.Collector(os.path.join(self.root, name), self.node.grpc, "--tenants",
                                      self.tenants, listen=listen)
        self.addCleanup(running.kill)
        return running

    def start_agent(self, to, key=None, extra=""):
        urls = ", ".join(f"'http://{one}'" for one in to)
        return self.run_agent(f"""
[send]
to = [{urls}]
key_file = '{key or self.key}'
[[tail]]
name = 'log'
paths = ['{self.root}/app.log*']
start = 'beginning'
{extra}""")

    def test_each_line_is_stored_once_whatever_is_killed(self):
        some = random.Random(int(os.environ.get("CARILLON_SEED", "1")))
        peers = [self.start_one("c0"), self.start_one("c1")]
        addresses = [one.http for one in peers]
        agent = self.start_agent(addresses)
        writer = self.start_writer(some)
        for kill in range(KILLS):
            time.sleep(0.8)
            victim = kill % 2
            peers[victim].kill()
            time.sleep(some.random())
            if kill == 1:
                self.node.kill()
                time.sleep(1)
                self.node = support.Node(self.directory, support.SMALL_SEGMENTS,
                                         listen=self.node.grpc)
                self.addCleanup(self.node.kill)
            peers[victim] = self.start_one(f"c{victim}", addresses[victim])
            if kill == 2:
                agent.kill()
                agent = self.start_agent(addresses)
        time.sleep(0.5)
        writer.stop()
        self.expect_each_once(writer, agent)
        self.assertEqual(agent.stop(), 0, agent.log())

    def test_with_no_collector_there_it_waits_and_goes_on(self):
        first = self.start_one("c0")
        address = first.http
        first.kill()
        agent = self.start_agent([address])
        self.append("one", "two")
        self.await_failures(agent, 1)
        self.assertEqual(agent.metric("ring_reachable"), 0)
        self.start_one("c0", address)
        wanted = collections.Counter(["one", "two"])
        self.assertEqual(self.await_messages(wanted), wanted)
        self.assertEqual(agent.metric("ring_reachable"), 1)

    def test_a_key_that_nobody_has_loses_nothing(self):
        running = self.start_one("c0")
        agent = self.start_agent([running.http], key=self.write("wrong", "wk_wrong\n"))
        self.append("kept")
        self.await_failures(agent, 2)
        agent.kill()
        agent = self.start_agent([running.http])
        wanted = collections.Counter(["kept"])
        self.assertEqual(self.await_messages(wanted), wanted)
        self.assertEqual(agent.metric("dead_letter_events_total"), 0)


if __name__ == "__main__":
    support.main()
