"""A directory that was wiped, and a copy of one: neither may pass for the node it was."""

import json
import os
import shutil
import signal
import time
import unittest

import cluster
import support

NO_MORE = "this one serves no more"
MOVE_SECONDS = 3  # what a new address may cost a start


class IdentityTest(cluster.ClusterTest):
    def loaded(self, seconds=2):
        load = self.start_load()
        cluster.pause(seconds)
        load.stop()
        self.check_operations()

    def test_a_wiped_node_joins_as_a_new_one_only(self):
        first, _, wiped = self.make_cluster(3)
        self.loaded()
        self.await_well()
        wiped.kill()
        shutil.rmtree(wiped.directory)
        self.members.remove(wiped)
        self.founds_a_cluster_of_its_own(first, wiped)
        with self.assertRaisesRegex(support.NodeDidNotStart, "the name node3 is taken"):
            wiped.start(join=first)
        shutil.rmtree(wiped.directory, ignore_errors=True)
        self.loaded()
        new = self.add_node("node4")
        self.change_ring(first, "replace", "node3", new.name)
        self.members.append(new)
        self.finish()
        self.check_disks()

    def founds_a_cluster_of_its_own(self, first, wiped):
        """At the same address: the others take it for dead, and give it nothing."""
        wiped.start()
        self.assertIn("founded a new cluster", wiped.node.log())
        self.await_true(lambda: self.health(first, "node3") == "dead", 30, "it is seen dead")
        self.assertNotEqual(wiped.view()["cluster"], first.view()["cluster"])
        self.assertEqual([one["name"] for one in wiped.view()["members"]], ["node3"])
        self.loaded()  # the others, that is
        self.assertEqual(wiped.metric("carillon_records_quarantined"), 0)
        self.assertEqual(wiped.metric("carillon_log_appended_bytes_total"), 0)
        wiped.kill()
        shutil.rmtree(wiped.directory)

    def health(self, member, name):
        return next(one["health"] for one in member.view()["members"] if one["name"] == name)

    def test_an_old_copy_that_runs_elsewhere_is_noticed(self):
        first, second, third = self.make_cluster(3)
        self.loaded()
        self.await_well()
        copy = cluster.Member(self.root, "copy", self.config)
        third.stop()
        shutil.copytree(third.directory, os.path.join(self.root, "copy"))
        third.start()
        self.loaded()
        self.await_well()
        homes = self.owners()
        self.everyone.append(copy)
        self.addCleanup(copy.kill)
        self.start_unseen(copy, third)
        notices = lambda member: "two run as node" in member.node.log()
        self.await_true(lambda: NO_MORE in copy.node.log(), 30, "the copy hears so")
        self.loaded()  # through the members, with the copy there
        for member in (first, second):  # one of them, if the copy had not heard so before it spoke
            if notices(member):
                self.shows_two(member, "node3")
        self.refused(copy)
        for _ in range(2):  # its starts are more than those of the node
            copy.kill()
            self.start_unseen(copy, third)
            self.refused(copy)
        self.loaded()
        self.serves_on(third)
        copy.kill()
        self.finish()
        self.assertEqual(self.owners(), homes)
        self.check_disks()

    def start_unseen(self, copy, original):
        """The original is stopped meanwhile, so that it cannot say that it is there."""
        original.signal(signal.SIGSTOP)
        try:
            copy.start()
        finally:
            original.signal(signal.SIGCONT)

    def test_a_copy_of_a_running_node_does_not_start_elsewhere(self):
        _, _, third = self.make_cluster(3)
        self.loaded()
        self.await_well()
        copy = cluster.Member(self.root, "copy", self.config)
        self.addCleanup(copy.kill)
        shutil.copytree(third.directory, copy.directory, ignore=shutil.ignore_patterns("index"))
        for _ in range(2):  # its starts become more than those of the node
            with self.assertRaisesRegex(support.NodeDidNotStart,
                                        f"node3 runs at {third.grpc}: .* is a copy"):
                copy.start()
        self.loaded()
        self.serves_on(third)
        self.finish()
        self.check_disks()

    def test_a_node_moves_to_another_address_at_once(self):
        first, _, third = self.make_cluster(3)
        self.loaded()
        self.await_well()
        began = time.monotonic()
        third.stop()
        third.start()
        same = time.monotonic() - began
        self.await_well()
        began = time.monotonic()
        third.stop()
        third.grpc_port = cluster.free_port()
        third.start()
        self.assertLess(time.monotonic() - began, same + MOVE_SECONDS)
        self.await_true(lambda: third.grpc in [one["address"] for one in first.view()["members"]],
                        20, "the others know its new address")
        self.loaded()
        self.finish()
        self.check_disks()

    def test_a_node_whose_vote_is_needed_moves_to_another_address(self):
        first, second, third = self.make_cluster(3)
        self.loaded()
        self.await_well()
        third.kill()
        second.stop()
        second.grpc_port = cluster.free_port()
        second.start()
        self.await_true(lambda: second.grpc in [one["address"] for one in first.view()["members"]],
                        20, "the other knows its new address")
        third.start()
        self.await_well()
        self.loaded()
        self.finish()
        self.check_disks()

    def shows_two(self, member, name):
        self.await_true(lambda: member.metric("carillon_duplicate_members") == 1, 10, "it counts")
        status = member.cli("ring", "status").stdout.decode()
        self.assertIn(f"two processes run as {name}", status)
        status = json.loads(member.cli("ring", "status", "--format", "json").stdout)
        self.assertEqual([one["name"] for one in status["members"] if one["duplicate"]], [name])

    def refused(self, member):
        with member.client() as client:
            ready = client.get("/readyz")
        self.assertEqual(ready.status, 503)
        self.assertIn(NO_MORE.encode(), ready.body)
        self.assertEqual(member.metric("carillon_identity_refused"), 1)
        status = member.cli("ring", "status").stdout.decode()
        self.assertIn(NO_MORE, status)

    def serves_on(self, member):
        """The rightful one, also after a restart."""
        for _ in range(2):
            with member.client() as client:
                self.assertEqual(client.get("/readyz").status, 200)
            self.assertEqual(member.metric("carillon_identity_refused"), 0)
            member.stop()
            member.start()
            self.await_well(90)  # the copy is shown for a minute

    def restore_old_copy(self):
        """An old copy at the same address; the newer one is gone for good. It runs, noticed."""
        _, _, third = self.make_cluster(3)
        self.loaded()
        third.stop()
        copy = os.path.join(self.root, "copy")
        shutil.copytree(third.directory, copy)
        third.start()
        self.loaded()
        self.await_well()
        third.kill()
        shutil.rmtree(third.directory)
        os.rename(copy, third.directory)
        third.start()
        self.await_true(lambda: NO_MORE in third.node.log(), 20, "it notices")
        self.members.remove(third)
        return third

    def test_an_old_copy_in_the_place_of_a_node_serves_nothing(self):
        third = self.restore_old_copy()
        self.refuses(third)
        self.loaded()
        third.kill()
        new = self.add_node("node4")
        self.await_true(lambda: self.health(self.members[0], "node3") == "dead", 60,
                        "it is seen dead")
        self.change_ring(self.members[0], "replace", "node3", new.name)
        self.members.append(new)
        self.finish()
        self.check_disks()

    def test_an_old_copy_that_serves_nothing_is_not_ready(self):
        third = self.restore_old_copy()
        with third.client() as client:
            self.assertEqual(client.get("/readyz").status, 503)
            answer = client.get("/v1/seconds", bucket=cluster.BUCKET)
            self.assertEqual(answer.status, 503, answer)

    def test_an_old_copy_is_refused_after_a_restart_too(self):
        third = self.restore_old_copy()
        for _ in range(2):
            third.kill()
            third.start()
            self.await_true(lambda: NO_MORE in third.node.log(), 5, "it knows")
            self.refused(third)
            self.refuses(third)
        self.loaded()

    def refuses(self, member):
        key = sorted(self.history.listed)[0]
        with member.client() as client:
            for answer in (client.get_chunk(key, cluster.BUCKET),
                           client.put_chunk(key, self.history.value(key), cluster.BUCKET),
                           client.get("/v1/seconds", bucket=cluster.BUCKET, from_=0, to=1 << 39)):
                self.assertIn(answer.status, (409, 503), answer)
                self.assertIn(b"serves no more", answer.body)


if __name__ == "__main__":
    cluster.main()
