"""The wall clock of a node jumps by an hour while it runs: writes, reads, and what is kept survive."""

import cluster
import shim

JUMP_SECONDS = 3600
FAULT_SECONDS = 4
QUIET_SECONDS = 2


class ClockTest(shim.ShimTest):
    def jump(self, members, seconds, what):
        begin = cluster.now()
        for member in members:
            member.set_clock_ahead(seconds)
        cluster.pause(FAULT_SECONDS)
        for member in members:
            member.set_clock_ahead(0)
        writes = self.history.between(begin, cluster.now())
        self.say(f"{what}: {len(writes)} writes, p99 {cluster.quantile(writes, 0.99):.3f} s, "
                 f"longest {cluster.quantile(writes, 1):.2f} s")
        self.assertGreater(len(writes), 100)
        cluster.pause(QUIET_SECONDS)

    def check(self, *jumps):
        members = self.make_cluster(3)
        homes, version = self.owners(), members[0].view()["version"]
        load = self.start_load()
        cluster.pause(QUIET_SECONDS)
        for count, seconds in jumps:
            self.jump(members[:count], seconds, f"{count} of 3 by {seconds} s")
        load.stop()
        self.check_operations()
        self.finish()
        self.assertEqual(self.owners(), homes)
        self.assertEqual(members[0].view()["version"], version)
        self.assertFalse(any(member.metric("carillon_identity_refused") for member in members))
        self.check_homes_agree()

    def test_clocks_jump_ahead_and_back(self):
        self.check((1, JUMP_SECONDS), (3, JUMP_SECONDS))

    def test_one_clock_falls_back_then_all(self):
        self.check((1, -JUMP_SECONDS), (3, -JUMP_SECONDS))


if __name__ == "__main__":
    cluster.main()
