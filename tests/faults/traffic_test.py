"""What goes over the wire between the nodes, counted by the kernel: packets with their headers.

The client of C++ puts and reads from a namespace of its own; each node counts in its own what
comes from the other nodes.
"""

import json
import re
import subprocess

import cluster
import namespaces
import network
import support

CHUNK_BYTES = 100_000
SECONDS = 4
MAX_PUT_RATIO = 2.05
MAX_RANGE_RATIO = 0.01
COUNTED = re.compile(r"counter packets \d+ bytes (\d+)")


class TrafficTest(network.NetworkTest):
    def bench(self, workload, seconds, *arguments):
        endpoints = ",".join(member.grpc for member in self.members)
        done = subprocess.run(
            [support.CLI, "bench", workload, "--endpoint", endpoints, "--size", str(CHUNK_BYTES),
             "--seconds", str(seconds), "--n-val", "3", "--format", "json", "--dir", self.root,
             *arguments], capture_output=True, check=False, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return json.loads(done.stdout)

    def count(self):
        """From here on, at every node, what comes from others."""
        for member in self.members:
            self.namespaces[member.name].set_rules(
                f"ip saddr {{ {self.others(member)} }} counter", "")

    def counted(self):
        """Bytes of IP packets since then."""
        total = 0
        for member in self.members:
            space = self.namespaces[member.name]
            text = namespaces.run("nft", "list", "table", "inet", "fault",
                                  before=lambda space=space: namespaces.enter(space.descriptor))
            total += sum(int(found) for found in COUNTED.findall(text))
        return total

    def test_a_put_goes_to_two_other_homes_once(self):
        self.make_cluster(3)
        self.await_well()
        self.count()
        result = self.bench("put", SECONDS, "--connections", "8")
        self.await_well()  # what was late counts too
        put = result["operations"] * CHUNK_BYTES
        ratio = self.counted() / put
        self.say(f"{put / 1e6:.0f} MB put, {ratio:.4f} x between nodes, "
                 f"{result['inside_bytes_ratio']} x by their own count")
        self.assertEqual(result["failed"], 0)
        self.assertLess(ratio, MAX_PUT_RATIO)

    def test_a_range_read_moves_nothing_between_nodes(self):
        """The bench stores first what it reads. What that moves is found by reading less than half."""
        self.make_cluster(3)
        short, stored = self.read_ranges(1)
        less = self.bytes_read(short)
        read, seconds = 0, SECONDS
        while read <= 2 * less and seconds <= 4 * SECONDS:
            result, moved = self.read_ranges(seconds)
            read, seconds = self.bytes_read(result), 2 * seconds
        ratio = (moved - stored) / (read - less)
        self.say(f"{less / 1e6:.0f} and {read / 1e6:.0f} MB read, {stored / 1e6:.2f} and "
                 f"{moved / 1e6:.2f} MB moved with the storing: {ratio:.5f} x between nodes")
        self.assertEqual(result["failed"], 0)
        self.assertGreater(read, 2 * less)
        self.assertLess(ratio, MAX_RANGE_RATIO)

    @staticmethod
    def bytes_read(result):
        return result["mb_per_second"] * 1e6 * result["seconds"]

    def read_ranges(self, seconds):
        self.await_well()
        self.count()
        result = self.bench("range", seconds, "--range-seconds", "5", "--chunks", "40")
        self.await_well()
        return result, self.counted()


if __name__ == "__main__":
    cluster.main()
