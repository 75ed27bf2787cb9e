"""A segment of one home of three is damaged, while the node is down and while it runs: nothing
wrong is served, the others mend it, and in the end all homes agree.
"""

import json
import os

import cluster
import support

STRETCHES = 12  # of so many bytes, in each segment that is hit
STRETCH_BYTES = 64
HEADER_BYTES = 4096
LOADED_SECONDS = 3


class SegmentTest(cluster.ClusterTest):
    config = cluster.CONFIG + "anti_entropy_seconds = 5\nscrub_mib_per_second = 64\n"

    def loaded(self):
        self.make_cluster(3)
        load = self.start_load()
        cluster.pause(LOADED_SECONDS)
        load.stop()
        self.check_operations()
        self.await_well()

    def damage(self, member, count):
        """Of `count` segments that are full; the names of those."""
        folder = os.path.join(member.directory, "segments")
        hit = self.random.sample(sorted(os.listdir(folder))[:-1], count)
        for name in hit:
            with open(os.path.join(folder, name), "r+b") as file:
                size = os.path.getsize(file.name)
                for _ in range(STRETCHES):
                    at = self.random.randrange(HEADER_BYTES, size - STRETCH_BYTES)
                    file.seek(at)
                    bytes_ = bytes(byte ^ 0x5A for byte in file.read(STRETCH_BYTES))
                    file.seek(at)
                    file.write(bytes_)
        return hit

    def check_mended(self, member, hit):
        self.await_true(lambda: member.metric("carillon_records_quarantined") == 0 or
                        member.metric("carillon_records_repaired_total") > 0, 60,
                        "something is mended")
        self.assert_done(self.members[0].cli("ring", "repair"))
        self.await_well()
        self.check_set()
        self.say(f"{len(hit)} segments hit, quarantined "
                 f"{member.metric('carillon_records_quarantined'):.0f}, repaired "
                 f"{member.metric('carillon_records_repaired_total'):.0f}")
        self.check_homes_agree(damaged=[member])
        self.check_each_alone()
        self.check_where(member, hit)

    def check_where(self, member, hit):
        """What is damaged in the end is in what was hit, and no entry leads there."""
        report = json.loads(support.run_cli("check", "--format", "json", member.directory).stdout)
        segments = {str(int(name.split(".")[0], 16)) for name in hit}
        for finding in report["findings"]:
            if finding["damage"]:
                self.assertIn(finding["where"].split()[1], segments, finding)

    def test_a_segment_is_damaged_while_its_node_is_down(self):
        self.loaded()
        victim = self.members[1]
        victim.kill()
        hit = self.damage(victim, 2)
        victim.start()
        self.read_all(victim)
        self.check_mended(victim, hit)

    def test_a_segment_is_damaged_while_its_node_runs(self):
        self.loaded()
        victim = self.members[1]
        load = self.start_load()
        hit = self.damage(victim, 2)
        self.await_true(lambda: victim.metric("carillon_records_quarantined") > 0, 60,
                        "the scrub, or a read, finds it")
        load.stop()
        self.check_operations()
        self.read_all(victim)
        self.check_mended(victim, hit)

    def test_a_segment_is_gone(self):
        self.loaded()
        victim = self.members[1]
        victim.stop()  # so that its index has all of its segments
        folder = os.path.join(victim.directory, "segments")
        lost = self.random.choice(sorted(os.listdir(folder))[:-1])
        os.unlink(os.path.join(folder, lost))
        victim.start()
        self.assertEqual(victim.metric("carillon_segments_missing"), 1)
        self.read_all(victim)
        self.check_mended(victim, [lost])

    def read_all(self, member):
        """Through the damaged one: never other bytes, never 'not found'."""
        with member.client() as client:
            for key in sorted(self.history.stored):
                answer = client.get_chunk(key, cluster.BUCKET)
                self.assertEqual(answer.status, 200, f"{key}: {answer}")
                self.assertEqual(answer.body, self.history.value(key))


if __name__ == "__main__":
    cluster.main()
