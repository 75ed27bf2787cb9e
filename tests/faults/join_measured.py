"""A fourth node joins three that hold much, under load: what it moves, and what the load feels.

Not among the tests that every run makes: it writes CARILLON_JOIN_GB (5) to the disk and takes
minutes. `tests/faults/run join_measured`; the directory is on TMPDIR's disk.
"""

import json
import os
import subprocess
import threading
import time

import cluster
import support

GB = float(os.environ.get("CARILLON_JOIN_GB", "5"))
SLICE_SECONDS = 8
MAX_MOVED_RATIO = 1.1
MAX_TWICE_RATIO = 0.02
LEAST_THROUGHPUT = 0.7


class JoinMeasured(cluster.ClusterTest):
    config = "partitions = 64\n"

    def bench(self, seconds):
        """MB/s of puts of 100 KB to n_val 3, as fast as they go."""
        done = subprocess.run(
            [support.CLI, "bench", "put", "--endpoint",
             ",".join(member.grpc for member in self.members[:3]), "--size", "100000",
             "--connections", "16", "--seconds", str(seconds), "--format", "json"],
            capture_output=True, check=False, timeout=seconds + 120)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return json.loads(done.stdout)["mb_per_second"]

    def logged(self):
        return sum(member.metric("carillon_log_appended_bytes_total")
                   for member in self.members[:3])

    def fill(self):
        while self.logged() < GB * 1e9:
            self.bench(5)

    def slices_until_moved(self, found):
        while self.members[0].view()["moving"]:
            found.append(self.bench(SLICE_SECONDS))

    def test_a_node_joins_three_that_hold_much(self):
        self.make_cluster(3)
        self.fill()
        undisturbed = sorted(self.bench(SLICE_SECONDS) for _ in range(3))[1]
        allocated = {member.name: member.allocated_bytes() for member in self.members}
        before = self.logged()
        joining = self.add_node("node4")
        began = time.monotonic()
        self.change_ring(self.members[0], wait=False)
        self.await_true(lambda: joining.metric("carillon_sync_bytes_total") > 0, 60, "it pulls")
        disturbed = []
        load = threading.Thread(target=self.slices_until_moved, args=(disturbed,))
        load.start()
        pulled = self.kill_in_the_middle(joining, before)
        load.join()
        took = time.monotonic() - began
        self.members.append(joining)
        self.await_well(300)
        pulled += joining.metric("carillon_sync_bytes_total")
        homes = self.owners()
        share = sum("node4" in one for one in homes) / len(homes)
        # The load writes on: what is written before a partition's turn comes must be pulled too.
        # On average a turn comes when half of it is there.
        least = share * (before + self.logged()) / 2 / 3
        ratio = sorted(disturbed)[len(disturbed) // 2] / undisturbed if disturbed else 1.0
        self.say(f"{before / 1e9:.2f} GB in three nodes; moved in {took:.0f} s; pulled "
                 f"{pulled / 1e6:.0f} MB, least {least / 1e6:.0f} MB, {pulled / least:.3f} x; "
                 f"writes {undisturbed:.0f} MB/s before, "
                 f"{[round(one) for one in disturbed]} MB/s meanwhile, {ratio:.2f}")
        self.check_shrunk(allocated)
        self.assertLess(pulled / least, MAX_MOVED_RATIO + MAX_TWICE_RATIO)
        self.assertGreater(ratio, LEAST_THROUGHPUT)
        self.check_disks()

    def kill_in_the_middle(self, joining, before):
        """When it has a third of its share. What it had pulled until then."""
        third = before / 4 / 3
        self.await_true(lambda: joining.metric("carillon_sync_bytes_total") > third, 600,
                        "a third has come")
        pulled = joining.metric("carillon_sync_bytes_total")
        joining.kill()
        joining.start()
        return pulled

    def check_shrunk(self, allocated):
        def after():
            return {member.name: member.allocated_bytes() for member in self.members[:3]}
        self.say("allocated: " + ", ".join(
            f"{name} {allocated[name] / 1e6:.0f} -> {size / 1e6:.0f} MB"
            for name, size in after().items()))


if __name__ == "__main__":
    cluster.main()
