"""Links that lose packets at random, and a cut between two nodes that a third one sees."""

import cluster
import network

LOST_PERCENT = 10


class LossTest(network.NetworkTest):
    def lossy(self, member):
        """Loses as many of what comes from the others as of what goes to them."""
        self.between(member, self.others(member),
                     f"numgen random mod 100 < {LOST_PERCENT} drop")

    def test_packets_are_lost_between_all(self):
        self.make_cluster(3)
        self.run_through(f"{LOST_PERCENT} % are lost each way at both ends",
                         lambda: [self.lossy(member) for member in self.members], self.heal)

    def test_two_do_not_see_each_other_and_a_third_sees_both(self):
        first, second, third = self.make_cluster(3)

        def all_live():
            health = {one["name"]: one["health"] for one in third.view()["members"]}
            self.assertEqual(set(health.values()), {"alive"}, health)

        self.run_through("two do not see each other",
                         lambda: self.between(first, self.address(second), "drop"), self.heal,
                         all_live)

    def test_a_node_joins_while_packets_are_lost(self):
        self.join(lambda joining: [self.lossy(member) for member in self.everyone])

    def test_a_node_joins_that_does_not_see_one_of_the_others(self):
        self.join(lambda joining: self.between(joining, self.address(self.members[1]), "drop"))

    def join(self, fault):
        """It may take until the network is whole; nothing fails meanwhile, nothing is lost."""
        self.make_cluster(3)
        load = self.start_load()
        cluster.pause(cluster.QUIET_SECONDS)
        joining = self.add_node("node4")
        self.await_joined()
        fault(joining)
        self.await_planned(self.members[0])
        self.under_fault("a node joins")
        moving = self.members[0].view()["moving"]
        self.heal()
        self.members.append(joining)
        self.await_well()
        load.stop()
        self.check_operations()
        self.say(f"moving when healed: {moving}")
        self.assertTrue(any(joining.name in one for one in self.owners()))
        self.finish()
        self.check_disks()

    def await_planned(self, member):
        """A plan is refused while a member seems away, a commit may have to be asked for again."""
        def committed():
            view = member.view()
            if view["plan"] is None:
                member.cli("--timeout", 10, "ring", "plan")
            member.cli("--timeout", 10, "ring", "commit", "--yes")
            return any("node4" in one for one in self.next_homes(member))
        self.await_true(committed, cluster.SETTLE_SECONDS, "the join is committed")

    @staticmethod
    def next_homes(member):
        view = member.view()
        return [part["homes"] + (part.get("next") or []) for part in view["partitions"]]


if __name__ == "__main__":
    cluster.main()
