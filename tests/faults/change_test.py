"""Nodes come, go, and are replaced while a cluster is under load."""

import json
import threading

import cluster
import support

LOADED_SECONDS = 6
# Bytes pulled against the least possible. It is 2 today: pulls of one partition from several homes
# run at the same time, and each fetches what the others fetch too.
MAX_MOVED_RATIO = 3.0
PREFILL_GROUPS = 150  # of 1-4 chunks, each writer


class ChangeTest(cluster.ClusterTest):
    def fill(self):
        """Much, and quickly, so that a move takes a while."""
        load = self.start_load(sizes=(60000, 100000), pause_seconds=0)
        self.await_true(lambda: load.workers[0].groups >= PREFILL_GROUPS * cluster.ROUNDS, 60,
                        "filled")
        load.stop()
        self.check_operations()

    def await_moved(self):
        self.await_true(lambda: all(view is not None and not view["moving"] for view in
                                    [member.view() for member in self.members]),
                        cluster.SETTLE_SECONDS, "nothing moves any more")

    def test_a_node_joins(self):
        self.join_under_load(kill=False)

    def test_a_joining_node_is_killed_in_the_middle_and_goes_on(self):
        self.join_under_load(kill=True)

    def test_a_plan_tells_the_bytes_it_will_move(self):
        self.make_cluster(3)
        self.fill()
        first = self.members[0]
        joining = self.add_node("node4")
        plan = json.loads(self.assert_done(
            first.cli("ring", "plan", "--look", "--format", "json")).stdout)
        self.assertTrue(plan["bytes_known"], plan["risks"])
        members = {member["name"]: member for member in plan["members"]}
        gained = members["node4"]["bytes_gained"]
        self.assertEqual(gained, plan["bytes_moved"])
        self.assertEqual(gained, sum(move["bytes"] for move in plan["moves"]))
        self.assertEqual(members["node4"]["peak_bytes"], gained)
        self.assertGreater(members["node4"]["free_bytes"], gained)
        self.say(first.cli("ring", "plan", "--look").stdout)
        self.change_ring(first, wait=False)
        self.members.append(joining)
        self.await_moved()
        self.await_well()
        pulled = joining.metric("carillon_sync_bytes_total")
        self.say(f"planned {gained / 1e6:.2f} MB, pulled {pulled / 1e6:.2f} MB")
        self.assertGreaterEqual(pulled, gained)
        self.check_set()

    def join_under_load(self, kill):
        self.make_cluster(3)
        self.fill()
        old = list(self.members)
        allocated = {member.name: member.allocated_bytes() for member in old}
        logged = sum(member.metric("carillon_log_appended_bytes_total") for member in old)
        load = self.start_load(pause_seconds=0.05)
        joining = self.add_node("node4")
        self.change_ring(old[0], wait=False)
        self.await_true(lambda: joining.metric("carillon_sync_bytes_total") > 0, 30,
                        "the new node pulls")
        pulled = joining.metric("carillon_sync_bytes_total")
        moving = old[0].view()["moving"]
        if kill:
            joining.kill()
            cluster.pause(1)
            joining.start()
        else:
            pulled = 0
        self.members.append(joining)
        self.await_moved()
        load.stop()
        self.check_operations()
        self.await_well()
        pulled += joining.metric("carillon_sync_bytes_total")
        pulled_by_old = sum(member.metric("carillon_sync_bytes_total") for member in old)
        homes = self.owners()
        share = sum(joining.name in one for one in homes) / len(homes)
        least = share * logged / 3  # of what was there before, of which each has a copy
        self.say(f"{'killed' if kill else 'not killed'}, moving: {moving}; "
                 f"pulled {pulled / 1e6:.1f} MB, least {least / 1e6:.1f} MB, ratio "
                 f"{pulled / least:.2f}; old nodes pulled {pulled_by_old / 1e6:.1f} MB")
        self.assertGreater(share, 0.5)
        self.assertLess(pulled / least, MAX_MOVED_RATIO)
        self.check_set()
        self.check_shrunk(old, allocated)
        self.say(self.history.summary())
        self.check_disks()

    def check_shrunk(self, old, allocated):
        def shrunk():
            return all(member.allocated_bytes() < allocated[member.name] for member in old)
        try:
            self.await_true(shrunk, 30, "the old nodes gave space back")
        finally:
            self.say("allocated, before and after: " + ", ".join(
                f"{member.name} {allocated[member.name] / 1e6:.0f} -> "
                f"{member.allocated_bytes() / 1e6:.0f} MB" for member in old))

    def test_a_node_leaves(self):
        self.make_cluster(4)
        load = self.start_load()
        cluster.pause(LOADED_SECONDS)
        leaving = self.members[3]
        self.change_ring(self.members[0], "leave", leaving.name, wait=False)
        self.await_true(lambda: leaving.name not in self.names(), cluster.SETTLE_SECONDS,
                        "it is no member any more")
        self.members.remove(leaving)
        load.stop()
        leaving.kill()
        self.check_operations()
        self.assertFalse(any(leaving.name in homes for homes in self.owners()))
        self.finish()
        self.check_disks()

    def test_a_killed_node_is_replaced(self):
        self.make_cluster(3)
        load = self.start_load()
        cluster.pause(LOADED_SECONDS)
        dead = self.members[1]
        dead.kill()
        new = self.add_node("node4")
        self.await_true(lambda: self.health(dead.name) == "dead", 60, "the dead one is seen dead")
        self.change_ring(self.members[0], "replace", dead.name, new.name, wait=False)
        self.members.remove(dead)
        self.members.append(new)
        self.await_true(lambda: dead.name not in self.names(), cluster.SETTLE_SECONDS,
                        "the dead one is no member any more")
        cluster.pause(1)
        load.stop()
        self.check_operations()
        self.finish()
        self.check_disks()

    def names(self):
        return [one["name"] for one in self.members[0].view()["members"]]

    def health(self, name):
        return next(one["health"] for one in self.members[0].view()["members"]
                    if one["name"] == name)

    def test_of_two_plans_committed_at_once_one_is_carried_out(self):
        """What is staged, and the plan, are the cluster's: two admins meet in them."""
        self.make_cluster(3)
        for number in range(4 * cluster.ROUNDS):
            weight = (50, 100)[number % 2]
            first, second = self.random.sample(self.members, 2)
            self.assert_done(first.cli("ring", "weight", "node3", weight))
            version = first.view()["version"]
            done = (self.same_plan if number % 2 else self.two_plans)(first, second)
            self.assertEqual([one.returncode for one in done].count(0), 1, done)
            self.await_well()
            for view in [member.view() for member in self.members]:
                self.assertGreater(view["version"], version)
                found = {one["name"]: one["weight"] for one in view["members"]}
                self.assertEqual(found["node3"], weight, done)
        self.check_disks()

    def same_plan(self, first, second):
        self.assert_done(first.cli("ring", "plan"))
        plan = first.view()["plan"]
        identity = plan if isinstance(plan, str) else plan["id"]
        return self.at_once((first, second), lambda member: member.cli(
            "ring", "commit", identity, "--yes", "--wait"))

    def two_plans(self, first, second):
        def plan_and_commit(member):
            member.cli("ring", "plan")  # one of them may be told to look again
            return member.cli("ring", "commit", "--yes", "--wait")
        return self.at_once((first, second), plan_and_commit)

    def at_once(self, members, action):
        results = []
        barrier = threading.Barrier(len(members))

        def run(member):
            barrier.wait(support.CLI_SECONDS)
            results.append(action(member))
        threads = [threading.Thread(target=run, args=(member,)) for member in members]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results


if __name__ == "__main__":
    cluster.main()
