"""kill -9 of one node under load, and of all of them at once: nothing acknowledged is lost, and
with one node of three gone everything goes on.
"""

import time

import cluster

LOSSES = 2 * cluster.ROUNDS
QUIET_SECONDS = 5
WINDOW_SECONDS = 10
MAX_P99_RATIO = 200  # of a machine with two cores that does everything at once
ALL_AT_ONCE = 3 * cluster.ROUNDS


class KillTest(cluster.ClusterTest):
    def test_one_of_three_dies_and_everything_goes_on(self):
        self.make_cluster(3)
        for number in range(LOSSES):
            load = self.start_load()
            cluster.pause(QUIET_SECONDS)
            victim = self.members[number % 3]
            killed = time.monotonic()
            victim.kill()
            cluster.pause(WINDOW_SECONDS)
            before = self.history.between(killed - QUIET_SECONDS + 1, killed)
            after = self.history.between(killed - 0.5, killed + WINDOW_SECONDS)
            victim.start()
            cluster.pause(1)
            load.stop()
            self.check_operations()
            ratio = cluster.quantile(after, 0.99) / cluster.quantile(before, 0.99)
            self.say(f"{victim.name} killed: writes' p99 {cluster.quantile(before, 0.99):.3f} s, "
                     f"around the kill {cluster.quantile(after, 0.99):.3f} s, ratio {ratio:.1f}, "
                     f"longest {cluster.quantile(after, 1):.2f} s, "
                     f"{len(before) / (QUIET_SECONDS - 1):.0f}/s and "
                     f"{len(after) / (WINDOW_SECONDS + 0.5):.0f}/s")
            self.assertLess(ratio, MAX_P99_RATIO)
            self.await_well()
        self.finish()
        self.check_disks()

    def test_all_die_at_once(self):
        self.make_cluster(3)
        for number in range(ALL_AT_ONCE):
            load = self.start_load()
            cluster.pause(self.random.uniform(0.5, 4))
            for member in self.members:
                member.signal(9)
            for member in self.members:
                member.kill()
            load.stopping.set()
            for member in self.members:
                member.start(wait=False)
            for member in self.members:
                member.node.await_ready()
            load.stop()
            self.assertEqual(self.history.errors[:5], [], f"round {number}")
            self.check_set()
        self.finish()
        self.check_disks()


if __name__ == "__main__":
    cluster.main()
