"""The partitions of a cluster are split, twice, while it is under load and while a node is away."""

import cluster

LOADED_SECONDS = 5


class SplitTest(cluster.ClusterTest):
    def split(self, partitions):
        """Through any member; the homes of a part are those of what it was a part of."""
        before = self.owners()
        self.change_ring(self.random.choice(self.alive()), "split")
        self.await_true(lambda: all(
            view is not None and len(view["partitions"]) == partitions for view in
            [member.view() for member in self.alive()]), cluster.SETTLE_SECONDS,
            f"every member has {partitions} partitions")
        self.assertEqual([sorted(homes) for homes in self.owners()],
                         [sorted(homes) for homes in before for _ in range(2)])

    def test_a_split_under_load_and_one_that_a_node_sleeps_through(self):
        self.make_cluster(3)
        self.assertEqual(len(self.owners()), 16)
        load = self.start_load()
        cluster.pause(LOADED_SECONDS)
        self.split(32)
        cluster.pause(LOADED_SECONDS)
        asleep = self.members[2]
        asleep.stop()
        cluster.pause(1)
        self.split(64)
        cluster.pause(LOADED_SECONDS)
        asleep.start()
        cluster.pause(LOADED_SECONDS)
        load.stop()
        self.check_operations()
        self.say(f"longest write {cluster.quantile(self.history.between(0, 1e12), 1):.2f} s, "
                 f"p99 {cluster.quantile(self.history.between(0, 1e12), 0.99):.3f} s")
        status = self.members[0].cli("ring", "status")
        self.assertIn(b"64 partitions", status.stdout)
        self.finish()
        for member in self.members:
            self.assertEqual(member.metric("carillon_index_rebuilds_total"), 0)
        for member in self.members:
            self.assertEqual(member.stop(), 0, member.node.log())
        for member in self.members:
            member.start(wait=False)
        for member in self.members:
            member.node.await_ready()
        self.finish()
        for member in self.members:
            self.assertEqual(member.metric("carillon_index_rebuilds_total"), 0)
        self.check_disks()


if __name__ == "__main__":
    cluster.main()
