"""Five nodes in three racks, of two, two, and one: no rack has two homes of a partition, and a
whole rack dies under load.
"""

import cluster

RACKS = {"node1": "a", "node2": "a", "node3": "b", "node4": "b", "node5": "c"}
QUIET_SECONDS = 3
DEAD_SECONDS = 8


class RackTest(cluster.ClusterTest):
    def make_racks(self):
        members = self.make_cluster(5)
        for name, rack in RACKS.items():
            self.assert_done(members[0].cli("ring", "rack", name, rack))
        self.change_ring(members[0])
        self.await_well()
        for homes in self.owners():
            self.assertEqual(len(homes), 3)
            self.assertEqual(len({RACKS[home] for home in homes}), 3, homes)
        return members

    def test_a_whole_rack_dies_under_load(self):
        members = self.make_racks()
        load = self.start_load()
        for rack in ("a", "b") * cluster.ROUNDS:
            cluster.pause(QUIET_SECONDS)
            dead = [member for member in members if RACKS[member.name] == rack]
            killed = cluster.now()
            for member in dead:
                member.signal(9)
            for member in dead:
                member.kill()
            cluster.pause(DEAD_SECONDS)
            self.say_kinds(f"rack {rack} is dead", killed)
            for member in dead:
                member.start()
            cluster.pause(QUIET_SECONDS)
            self.await_well()  # two racks at once would be more than w allows
        load.stop()
        self.check_operations()
        self.finish()
        self.check_homes_agree()

    def say_kinds(self, what, begin):
        for kinds in (("put", "commit"), ("seconds", "get")):
            found = self.history.between(begin, cluster.now(), kinds)
            self.say(f"{what}: {len(found)} {'+'.join(kinds)}, p99 "
                     f"{cluster.quantile(found, 0.99):.3f} s, longest "
                     f"{cluster.quantile(found, 1):.2f} s")
            self.assertGreater(len(found), 10)


if __name__ == "__main__":
    cluster.main()
