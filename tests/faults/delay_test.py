"""Links that are late, as between cities: what nodes send to one another passes a relay (relay.py).

The test itself reaches each node at once.
"""

import cluster
import relay

FAR = (0.020, 0.060)  # one way
SLOW = (0.200, 0.400)


class DelayTest(cluster.ClusterTest):
    def setUp(self):
        super().setUp()
        self.relays = relay.Relays()
        self.relays.__enter__()
        self.addCleanup(self.relays.__exit__)
        self.far = {}  # the port by which others reach it

    def make_member(self, name):
        member = super().make_member(name)
        port = self.far[name] = cluster.free_port()
        self.relays.add(port, member.grpc_port)
        member.arguments += ["--advertise", f"127.0.0.1:{port}"]
        return member

    def delay(self, members, low, high):
        for member in members:
            self.relays.delay(self.far[member.name], low, high)

    def all_live(self):
        health = {one["health"] for member in self.members for one in member.view()["members"]}
        self.assertEqual(health, {"alive"}, "late is not dead")

    def test_all_are_far_from_one_another(self):
        members = self.make_cluster(3)
        self.run_through("20 to 60 ms each way between all", lambda: self.delay(members, *FAR),
                         lambda: self.delay(members, 0, 0), self.all_live)

    def test_one_is_slow_to_reach(self):
        members = self.make_cluster(3)
        self.run_through("200 to 400 ms each way to one", lambda: self.delay(members[2:], *SLOW),
                         lambda: self.delay(members, 0, 0), self.all_live)

    def test_a_node_joins_from_far(self):
        self.make_cluster(3)
        load = self.start_load()
        cluster.pause(cluster.QUIET_SECONDS)
        self.delay(self.members, *FAR)
        joining = self.add_node("node4")
        self.delay([joining], *FAR)
        self.change_ring(self.members[0])
        self.members.append(joining)
        self.await_well()
        load.stop()
        self.assertTrue(any(joining.name in one for one in self.owners()))
        self.check_operations()
        self.finish()
        self.check_disks()


if __name__ == "__main__":
    cluster.main()
