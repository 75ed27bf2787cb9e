"""What anti-entropy costs when there is nothing to do: CPU of nodes that hold very many chunks and
agree on all of them.

Only by name: it stores CARILLON_AGREE_CHUNKS (1,000,000) chunks of 100 bytes first.
`CARILLON_FAULT_SECONDS=900 tests/faults/run agree_measured`
"""

import json
import os
import subprocess
import time

import cluster
import support

CHUNKS = int(os.environ.get("CARILLON_AGREE_CHUNKS", "1000000"))
ROUNDS = 5
MAX_CPU_SECONDS = 1.0  # of a round, of a node
TICKS = os.sysconf("SC_CLK_TCK")
support.TEST_SECONDS = 900


class AgreeMeasured(cluster.ClusterTest):
    config = "partitions = 64\nanti_entropy_seconds = 3600\n"  # only when asked for

    def put(self, seconds):
        done = subprocess.run(
            [support.CLI, "bench", "put", "--endpoint",
             ",".join(member.grpc for member in self.members), "--size", "100", "--sync", "os",
             "--connections", "1024", "--seconds", str(seconds), "--format", "json",
             "--dir", self.root], capture_output=True, check=False, timeout=seconds + 60)
        self.assertIn(done.returncode, (0, 3), done.stderr.decode())
        return json.loads(done.stdout)["operations"]

    def cpu(self):
        """Seconds that each node has used."""
        found = []
        for member in self.members:
            with open(f"/proc/{member.node.process.pid}/stat", encoding="ascii") as file:
                fields = file.read().rpartition(")")[2].split()
            found.append((int(fields[11]) + int(fields[12])) / TICKS)
        return found

    def used(self, act):
        before, began = self.cpu(), time.monotonic()
        act()
        return [after - one for one, after in zip(before, self.cpu())], time.monotonic() - began

    def round(self):
        self.assert_done(self.members[0].cli("ring", "repair"))
        self.await_true(lambda: all(
            not view["transfers"] and not view["transfers_waiting"] for view in
            [member.view() for member in self.members]), 120, "all have compared")

    def test_a_round_of_nodes_that_agree(self):
        self.make_cluster(3)
        stored = 0
        while stored < CHUNKS:
            stored += self.put(20)
        self.await_well(300)
        self.round()  # whatever differs is mended
        cluster.pause(5)
        idle, took = self.used(lambda: cluster.pause(5))
        self.say(f"{stored} chunks in each; idle: {max(idle) / took:.3f} s of CPU a second")
        pulled = [member.metric("carillon_sync_bytes_total") for member in self.members]
        rounds = [self.used(self.round) for _ in range(ROUNDS)]
        for used, took in rounds:
            self.say(f"a round: {', '.join(f'{one:.2f}' for one in used)} s of CPU in {took:.2f} s")
        self.assertEqual(pulled, [member.metric("carillon_sync_bytes_total")
                                  for member in self.members], "they agree")
        worst = sorted(max(used) for used, _ in rounds)[ROUNDS // 2]
        self.assertLess(worst, MAX_CPU_SECONDS)


if __name__ == "__main__":
    cluster.main()
