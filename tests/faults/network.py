"""Clusters whose nodes are each in a network namespace, for tests of what is between them.

The test reaches all nodes all the time: only what is between the nodes is cut.
"""

import cluster
import namespaces

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
