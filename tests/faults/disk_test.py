"""Disks that fail and disks that are full: what they cost is one home, never an acknowledged byte."""

import os
import subprocess
import unittest

import cluster
import shim
import support

FAULT_SECONDS = 5
QUIET_SECONDS = 2
DISK_MB = 96
MOUNTED = os.geteuid() == 0
RESTARTS = 8


class FailingDiskTest(shim.ShimTest):
    config = cluster.CONFIG + "anti_entropy_seconds = 5\n"

    def under_fault(self, member, what, *kinds):
        begin = cluster.now()
        before = member.failed()
        member.fail(*kinds)
        self.watch(member, begin + FAULT_SECONDS)
        member.fail()
        writes = self.history.between(begin, cluster.now())
        self.say(f"{what}: {member.failed() - before} calls failed, {len(writes)} writes, p99 "
                 f"{cluster.quantile(writes, 0.99):.3f} s, longest "
                 f"{cluster.quantile(writes, 1):.2f} s")
        self.assertGreater(member.failed(), before)

    def watch(self, member, deadline):
        """As whatever supervises it: what ended is started again, a few times."""
        starts = 0
        while cluster.now() < deadline:
            if not member.running() and starts < RESTARTS:
                starts += 1
                try:
                    member.start()
                except support.NodeDidNotStart as error:
                    self.assertIn("Input/output error", error.log)
            cluster.pause(0.5)
        self.assertLess(starts, 4, "it ends again and again")
        self.say(f"started again {starts} times")

    def check_healed(self, member):
        """With the disk whole again and a restart, all homes agree. Syncs that failed twice are not
        forgotten before the admin says so."""
        member.kill()
        suspects = os.path.join(member.directory, "SUSPECTS")
        if os.path.exists(suspects):
            os.unlink(suspects)
        member.start()
        self.loads[-1].stop()
        self.check_operations()
        self.finish()
        self.check_homes_agree()

    def test_reads_fail(self):
        _, second, _ = self.make_cluster(3)
        self.start_load()
        cluster.pause(QUIET_SECONDS)
        self.drop_page_cache_use(second)
        self.under_fault(second, "reads", shim.READS)
        self.assertTrue(second.running())
        self.check_healed(second)

    def drop_page_cache_use(self, member):
        """What is in memory is served from there: a restart makes it read the disk."""
        member.kill()
        member.start()

    def test_writes_fail(self):
        _, second, _ = self.make_cluster(3)
        self.start_load()
        cluster.pause(QUIET_SECONDS)
        self.under_fault(second, "writes", shim.WRITES)
        self.assertTrue(second.running())
        with second.client() as client:
            self.assertEqual(client.get("/readyz").status, 503)
        self.check_healed(second)

    def test_syncs_fail(self):
        _, second, _ = self.make_cluster(3)
        self.start_load()
        cluster.pause(QUIET_SECONDS)
        self.under_fault(second, "syncs", shim.SYNCS)
        self.check_healed(second)


@unittest.skipUnless(MOUNTED, "not root: no disk of its own")
class FullDiskTest(cluster.ClusterTest):
    config = cluster.CONFIG + "anti_entropy_seconds = 5\n"

    def make_member(self, name):
        member = super().make_member(name)
        if name == "node2":
            self.mount(member.directory)
        return member

    def mount(self, directory):
        os.mkdir(directory)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", directory],
                       check=True, timeout=10)
        self.addCleanup(subprocess.run, ["umount", "--lazy", directory], check=False, timeout=10)

    def fill(self, member):
        """All but a little less than the node wants to be free (5 %); it writes meanwhile."""
        path = os.path.join(member.directory, "filler")
        free = os.statvfs(member.directory)
        size = int(free.f_bavail * free.f_frsize * 0.97)
        with open(path, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)
        return path

    def test_a_full_disk_refuses_and_the_others_go_on(self):
        _, second, _ = self.make_cluster(3)
        load = self.start_load()
        cluster.pause(QUIET_SECONDS)
        filler = self.fill(second)
        self.await_true(lambda: second.metric("carillon_disk_full") == 1, 30, "it knows")
        begin = cluster.now()
        cluster.pause(FAULT_SECONDS)
        writes = self.history.between(begin, cluster.now())
        self.say(f"full: {len(writes)} writes, p99 {cluster.quantile(writes, 0.99):.3f} s, longest "
                 f"{cluster.quantile(writes, 1):.2f} s")
        self.assertGreater(len(writes), 100)
        self.assertEqual(second.metric("carillon_disk_failed"), 0)
        with second.client() as client:
            self.assertEqual(client.get("/readyz").status, 200, "a full disk is still read")
        os.unlink(filler)
        self.await_true(lambda: second.metric("carillon_disk_full") == 0, 30, "it took it up again")
        cluster.pause(QUIET_SECONDS)
        load.stop()
        self.check_operations()
        self.finish()
        self.check_homes_agree()


    def test_one_node_alone_says_that_its_disk_is_full(self):
        alone = self.make_member("node2").start()
        self.members.append(alone)
        load = self.start_load()
        cluster.pause(1)
        load.stop()
        filler = self.fill(alone)
        self.await_true(lambda: alone.metric("carillon_disk_full") == 1, 30, "it knows")
        key = f"{load.first_epoch}:1:cell0:T::chunk1"
        with alone.client() as client:
            answer = client.put_chunk(key, b"x" * 1000, cluster.BUCKET)
            self.assertIn(answer.status, (429, 503, 507), answer)
            self.assertIn(b"full", answer.body)
            self.say(f"{answer}")
            os.unlink(filler)
            self.await_true(lambda: alone.metric("carillon_disk_full") == 0, 30, "it goes on")
            value = self.history.add_value(key, 1, 1000)
            self.assertEqual(client.put_chunk(key, value, cluster.BUCKET).status, 201)
        alone.kill()
        alone.start()
        with alone.client() as client:
            for key in sorted(self.history.stored):
                self.assertEqual(client.get_chunk(key, cluster.BUCKET).body,
                                 self.history.value(key))


if __name__ == "__main__":
    cluster.main()
