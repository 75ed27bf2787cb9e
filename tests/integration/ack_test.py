"""What an acknowledgement promises: `ack = stored` by real nodes and a real collector."""

import json
import time

import collector
import support
from collector_test import WithCollector

UNAVAILABLE = 503


class StoredTest(WithCollector):
    def body(self, *ids):
        return [{"timestamp": self.now, "type": "A", "id": one} for one in ids]

    def ids(self):
        return sorted(one["id"] for one in collector.read_events(self.node, type_="A"))

    def test_an_answer_comes_when_the_events_can_be_read(self):
        running = self.start_collector("--ack", "stored")
        for number in range(3):
            self.accept(running, self.body(f"e{number}"), 1)
            self.assertIn(f"e{number}", self.ids())

    def test_a_tenants_own_level_stands_over_the_collectors(self):
        running = self.start_collector("--ack", "stored", tenants="[tenants.acme]\nack = 'local'\n")
        self.node.kill()
        self.accept(running, self.body("e"), 1)

    def test_without_the_ring_it_is_503_and_a_second_try_is_no_second_event(self):
        config = self.root + "/ack.toml"
        with open(config, "w", encoding="utf-8") as file:
            file.write("ack = 'stored'\nack_timeout_ms = 1000\n")
        running = self.start_collector("--config", config)
        self.accept(running, self.body("before"), 1)
        self.node.kill()
        began = time.monotonic()
        answer = running.post(json.dumps(self.body("away")))
        self.assertEqual(answer.status, UNAVAILABLE, answer)
        self.assertGreater(int(answer.headers["Retry-After"]), 0)
        self.assertLess(time.monotonic() - began, 10)
        self.node = support.Node(self.directory, support.SMALL_SEGMENTS, listen=self.node.grpc)
        self.addCleanup(self.node.kill)
        deadline = time.monotonic() + 60
        while running.post(json.dumps(self.body("away"))).status != 200:
            self.assertLess(time.monotonic(), deadline, running.log())
            time.sleep(0.2)
        found = self.ids()
        unchecked = sum(running.metric("dedup_unchecked_total", tenant="acme", reason=reason)
                        for reason in ("late", "undecided", "full", "resting"))
        self.assertEqual(sorted(set(found)), ["away", "before"])
        self.assertLessEqual(len(found) - 2, unchecked)
        self.assertEqual(running.stop(), 0, running.log())


if __name__ == "__main__":
    support.main()
