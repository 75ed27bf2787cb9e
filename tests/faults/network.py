"""Clusters whose nodes are each in a network namespace, for tests of what is between them.

The test reaches all nodes all the time: only what is between the nodes is cut.
"""

import cluster
import namespaces

QUIET_SECONDS = 2
FAULT_SECONDS = 8
WHY_NOT = namespaces.why_not()


class NetworkTest(cluster.ClusterTest):
    def setUp(self):
        if WHY_NOT:
            self.skipTest(f"no network namespaces here: {WHY_NOT}")
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

    def others(self, member):
        return self.address(*[one for one in self.everyone if one is not member])

    def between(self, member, others, what):
        """A rule of nft for all packets from and to others, such as `drop`."""
        self.namespaces[member.name].set_rules(f"ip saddr {{ {others} }} {what}",
                                               f"ip daddr {{ {others} }} {what}")

    def heal(self):
        for space in self.namespaces.values():
            space.clear_rules()

    def say_writes(self, what, begin, end):
        writes = self.history.between(begin, end)
        self.say(f"{what}: {len(writes)} writes, p99 {cluster.quantile(writes, 0.99):.3f} s, "
                 f"longest {cluster.quantile(writes, 1):.2f} s")

    def under_fault(self, what):
        begin = cluster.now()
        cluster.pause(FAULT_SECONDS)
        self.say_writes(what, begin, cluster.now())
