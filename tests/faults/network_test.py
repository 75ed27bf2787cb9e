"""Cuts, one-way cuts, and links that lose large packets, between nodes in network namespaces.

The test reaches all nodes all the time: only what is between the nodes is cut.
"""

import time
import unittest

import cluster
import namespaces

QUIET_SECONDS = 2
FAULT_SECONDS = 8
LARGE_BYTES = 600
WHY_NOT = namespaces.why_not()


@unittest.skipIf(WHY_NOT, f"no network namespaces here: {WHY_NOT}")
class NetworkTest(cluster.ClusterTest):
    def setUp(self):
        super().setUp()
        self.network = namespaces.Network()
        self.network.__enter__()
        self.addCleanup(self.network.__exit__)
        self.network.enter_test()
        self.namespaces = {}

    def make_member(self, name):
        number = 10 + len(self.everyone)
        space = self.namespaces[name] = self.network.add(name, number)
        member = cluster.Member(self.root, name, self.config, space.address,
                                ["--insecure-listen-anywhere"], space.before)
        self.everyone.append(member)
        self.addCleanup(member.kill)
        return member

    def address(self, *members):
        return ", ".join(member.host for member in members)

    def heal(self):
        for space in self.namespaces.values():
            space.clear_rules()

    def say_writes(self, what, begin, end):
        writes = self.history.between(begin, end)
        self.say(f"{what}: {len(writes)} writes, p99 {cluster.quantile(writes, 0.99):.3f} s, "
                 f"longest {cluster.quantile(writes, 1):.2f} s")

    def under_fault(self, what):
        begin = time.monotonic()
        cluster.pause(FAULT_SECONDS)
        self.say_writes(what, begin, time.monotonic())

    def test_one_node_is_cut_off(self):
        first, second, lonely = self.make_cluster(3)
        before = self.start_load()
        cluster.pause(QUIET_SECONDS)
        before.stop()
        self.await_well()
        known = set(self.history.listed)
        homes = self.owners()
        for _ in range(cluster.ROUNDS):
            others = self.address(first, second)
            self.namespaces[lonely.name].set_rules(f"ip saddr {{ {others} }} drop",
                                                   f"ip daddr {{ {others} }} drop")
            load = cluster.Load([first, second], self.history, f"cut{len(self.loads)}")
            self.loads.append(load)
            self.under_fault("one is cut off")
            with self.history.lock:
                new = set(self.history.listed) - known
            self.check_reads(lonely, known)
            self.check_new(lonely, new)
            self.check_change_refused(first, lonely)
            self.assert_done(first.cli("ring", "weight", first.name, 50))
            self.assert_done(first.cli("ring", "clear"))
            self.heal()
            cluster.pause(QUIET_SECONDS)
            load.stop()
            self.check_operations()
            self.clear_late_change(first)
            self.await_well()
        self.assertEqual(self.owners(), homes)
        self.finish()

    def check_change_refused(self, first, lonely):
        version = lonely.view()["version"]
        refused = lonely.cli("--timeout", 2, "ring", "weight", first.name, 50)
        self.assertEqual(refused.returncode, 1, refused)
        self.assertIn(b"DEADLINE_EXCEEDED", refused.stderr)
        self.assertEqual(lonely.view()["version"], version)

    def clear_late_change(self, member):
        """What was DEADLINE_EXCEEDED may still be done: the node goes on without its client."""
        cluster.pause(QUIET_SECONDS)
        staged = member.view()["staged"]
        if staged:
            self.say(f"staged after the client was told DEADLINE_EXCEEDED: {staged}")
            self.assert_done(member.cli("ring", "clear"))

    def check_reads(self, member, keys):
        """What was there before the cut is read through the side that is cut off."""
        with member.client() as client:
            for key in sorted(keys)[:200]:
                answer = client.get_chunk(key, cluster.BUCKET)
                self.assertEqual(answer.status, 200, f"{key}: {answer}")
                self.assertEqual(answer.body, self.history.value(key))
            answer = client.get("/v1/seconds", bucket=cluster.BUCKET, from_=0, to=1 << 39)
            self.assertEqual(answer.status, 503, f"a list that may lack something: {answer}")

    def check_new(self, member, keys):
        """What the others took meanwhile: it may not say that this is not there, nor take more."""
        self.assertGreater(len(keys), 100)
        with member.client() as client:
            for key in sorted(keys)[:100]:
                answer = client.get_chunk(key, cluster.BUCKET)
                self.assertEqual(answer.status, 503, f"{key}: {answer}")
            key = f"{self.loads[0].first_epoch}:1:alone:T::chunk0"
            value = self.history.add_value(key, 1, 1000)
            answer = client.put_chunk(key, value, cluster.BUCKET)
            self.assertEqual(answer.status, 503, answer)

    def test_a_cut_in_one_direction(self):
        first, _, third = self.make_cluster(3)
        homes = self.owners()
        load = self.start_load()
        for _ in range(cluster.ROUNDS):
            cluster.pause(QUIET_SECONDS)
            self.namespaces[third.name].set_rules(f"ip saddr {first.host} drop", "")
            self.under_fault("one hears another no more")
            self.heal()
        cluster.pause(QUIET_SECONDS)
        load.stop()
        self.check_operations()
        self.finish()
        self.assertEqual(self.owners(), homes)

    def test_large_packets_are_lost(self):
        first, second, third = self.make_cluster(3)
        homes = self.owners()
        load = self.start_load()
        for _ in range(cluster.ROUNDS):
            cluster.pause(QUIET_SECONDS)
            others = self.address(first, third)
            large = f"meta length > {LARGE_BYTES} drop"
            self.namespaces[second.name].set_rules(f"ip saddr {{ {others} }} {large}",
                                                   f"ip daddr {{ {others} }} {large}")
            self.under_fault("small packets only")
            self.say(f"health of {second.name}: " + ", ".join(
                f"{one['name']} {one['health']}" for one in first.view()["members"]))
            self.heal()
        cluster.pause(QUIET_SECONDS)
        load.stop()
        self.check_operations()
        self.finish()
        self.assertEqual(self.owners(), homes)


if __name__ == "__main__":
    cluster.main()
