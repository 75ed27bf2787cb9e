"""kill -9 of a collector and of the nodes behind it, in any order, under load: every acknowledged
event is in the store exactly once.

CARILLON_KILLS (10): how many; the seed says of whom and when.
"""

import collections
import os

import cluster
import collector_load
import support

KILLS = int(os.environ.get("CARILLON_KILLS", "10"))
# Until then an event waits for a word on its id. So long that none goes on unchecked while a node
# starts: then there is no excuse for a duplicate.
DEADLINE_MS = int(os.environ.get("CARILLON_CLAIM_DEADLINE_MS", "30000"))
VICTIMS = ("collector", "node", "both")
support.TEST_SECONDS = 240 + 10 * KILLS


class CollectorKillTest(collector_load.CollectorTest):
    def start_load(self):
        """acme and globex by HTTP, forward's by forward; each but globex sends again what was not
        answered. globex has no ids looked at, and sends everything once."""
        self.promises = {
            "acme": collector_load.Promises("acme", repeats=True),
            "globex": collector_load.Promises("globex", repeats=False),
            "initech": collector_load.Promises("initech", repeats=True),
        }
        for name in ("acme", "globex"):
            for number in range(2):
                self.start_sender(collector_load.HttpSender(
                    self.promises[name], f"{name}{number}", self.ports["http"],
                    key=self.keys[name]))
        for number in range(2):
            self.start_sender(collector_load.ForwardSender(
                self.promises["initech"], f"initech{number}", self.ports["forward"]))

    def kill(self, victim, node):
        if victim != "node":
            self.kill_collector()
        if victim != "collector":
            node.kill()
        cluster.pause(self.random.choice((0, self.random.uniform(0, 1.5))))
        if victim != "collector":
            node.start(wait=False)
        if victim != "node":
            self.start_collector_again()
        if victim != "collector":
            node.node.await_ready()

    def unchecked(self, tenant):
        return self.total("dedup_unchecked_total", f'tenant="{tenant}"')

    def test_what_is_acknowledged_is_stored_once_whoever_is_killed(self):
        self.make_cluster(3)
        self.add_tenant("acme")
        self.add_tenant("globex", "deduplicate = 'off'")
        self.add_tenant("initech")
        self.start_collector("initech", f"claim_deadline_ms = {DEADLINE_MS}\n")
        self.start_load()
        killed = collections.Counter()
        order = []
        for _ in range(KILLS):
            until = cluster.now() + self.random.uniform(0.3, 2)
            while cluster.now() < until:
                cluster.pause(0.05)
                self.sample()
            victim = self.random.choice(VICTIMS)
            node = self.random.choice(self.members)
            order.append(victim[0] + (node.name[-1] if victim != "collector" else ""))
            killed[victim] += 1
            self.kill(victim, node)
        self.say(f"killed: {dict(killed)}, in order {' '.join(order)}")
        cluster.pause(1)
        self.stop_senders()
        self.await_well()
        self.await_through()
        self.sample()
        for name, promises in self.promises.items():
            self.check_promises(promises, self.unchecked(name))
            self.assertGreater(len(promises.acknowledged), 20 * KILLS)
            if promises.repeats:
                self.assertEqual(promises.sent - promises.acknowledged, set())
        self.assertEqual(self.total("dead_letter_events_total"), 0)
        self.assertEqual(self.total("spool_damaged_total"), 0)
        self.assertGreater(self.total("dedup_duplicates_total"), 0)
        self.assertEqual(self.running.stop(), 0, self.running.log())
        self.check_disks()


if __name__ == "__main__":
    cluster.main()
