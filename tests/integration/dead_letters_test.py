"""Dead letters: what the ring refuses for good is seen, sent again, and dropped by an operator."""

import json
import os
import subprocess
import time

import collector
import support

DEAD_SECONDS = 60  # four refusals, five seconds apart
FAILED, USAGE = 1, 2


class DeadLettersTest(support.NodeTest):
    def setUp(self):
        super().setUp()
        self.node = self.start()
        self.spool = os.path.join(self.root, "spool")
        self.tenants = os.path.join(self.root, "tenants.toml")
        with open(self.tenants, "w", encoding="utf-8") as file:
            file.write("[tenants.acme]\nbucket = 'nowhere'\n")

    def start_collector(self):
        running = collector.Collector(self.spool, self.node.grpc, "--open", "acme", "--tenants",
                                      self.tenants)
        self.addCleanup(running.kill)
        return running

    def dead(self, *arguments, code=0):
        done = subprocess.run([collector.COLLECTOR, "dead", *arguments, "--spool", self.spool],
                              capture_output=True, timeout=20, check=False)
        self.assertEqual(done.returncode, code, done)
        return done.stderr.decode() if code else done.stdout.decode()

    def await_letters(self, running, events):
        deadline = time.monotonic() + DEAD_SECONDS
        while running.metric("dead_letter_events_total") < events:
            self.assertLess(time.monotonic(), deadline, running.log())
            time.sleep(0.2)

    def test_an_operator_sees_sends_again_and_drops_them(self):
        running = self.start_collector()
        now = int(time.time())
        sent = [{"timestamp": now - 5, "type": "A", "n": n} for n in range(3)]
        self.assertEqual(running.post(sent + [{"timestamp": now - 5, "type": "B"}]).status, 200)
        self.await_letters(running, 4)
        listed = self.dead("list")
        self.assertIn("2 chunks, 4 events\n", listed)
        self.assertIn("NOT_FOUND", listed)
        self.assertIn("tenant acme, bucket nowhere, 3 events", listed)
        keys = [line for line in listed.splitlines() if line.startswith(str(now - 5))]
        first, second = sorted(keys, key=lambda key: ":B:" in key)
        shown = [json.loads(line) for line in self.dead("show", first).splitlines()]
        self.assertEqual([one["n"] for one in shown], [0, 1, 2])
        self.assertIn("stop it first", self.dead("retry", "--all", code=FAILED))

        self.assertEqual(running.stop(), 0, running.log())
        self.assertIn("no such dead letter", self.dead("drop", "--tenant", "x", code=FAILED))
        self.assertIn("want keys", self.dead("retry", code=USAGE))
        self.assertIn("1 chunks, 1 events: dropped", self.dead("drop", second))
        self.assert_done(self.node.cli("bucket", "create", "nowhere"))
        self.assertIn("1 chunks, 3 events: sent when", self.dead("retry", first))
        self.assertEqual(self.dead("list"), "0 chunks, 0 events\n")
        running = self.start_collector()
        events = collector.await_events(self.node, 3, bucket="nowhere")
        self.assertEqual(sorted(one["n"] for one in events), [0, 1, 2])
        self.assertEqual(running.stop(), 0, running.log())


if __name__ == "__main__":
    support.main()
