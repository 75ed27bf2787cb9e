"""SIGSTOP of a node under load, then SIGCONT: nothing acknowledged is lost, no homes change."""

import signal

import cluster


class PauseTest(cluster.ClusterTest):
    def test_a_list_does_not_wait_for_a_stopped_node(self):
        self.make_cluster(3)
        load = self.start_load()
        cluster.pause(3)
        load.stop()
        self.check_operations()
        times = []
        for stopped in self.members:
            stopped.signal(signal.SIGSTOP)
            times += [self.list_seconds(member) for member in self.members if member is not stopped
                      for _ in range(3)]
            stopped.signal(signal.SIGCONT)
            self.await_well()
        self.say(f"longest LIST {max(times):.3f} s")
        self.assertLess(max(times), 1)
        self.finish()

    def list_seconds(self, member):
        with member.client() as client:
            began = cluster.now()
            listed = client.seconds(cluster.BUCKET)
            took = cluster.now() - began
        self.assertEqual({key for keys in listed.values() for key in keys},
                         set(self.history.listed))
        return took

    def test_a_stopped_node_comes_back(self):
        self.make_cluster(3)
        homes, version = self.owners(), self.members[0].view()["version"]
        load = self.start_load()
        for number in range(3 * cluster.ROUNDS):
            cluster.pause(2)
            stopped = self.members[number % 3]
            stopped.signal(signal.SIGSTOP)
            seconds = self.random.uniform(5, 10)
            cluster.pause(seconds)
            stopped.signal(signal.SIGCONT)
            cluster.pause(2)
            self.say(f"{stopped.name} stopped for {seconds:.1f} s")
        load.stop()
        self.check_operations()
        self.say(f"longest write {cluster.quantile(self.history.between(0, 1e12), 1):.2f} s, "
                 f"p99 {cluster.quantile(self.history.between(0, 1e12), 0.99):.3f} s")
        self.finish()
        self.assertEqual(self.owners(), homes)
        self.assertEqual(self.members[0].view()["version"], version)
        self.check_disks()


if __name__ == "__main__":
    cluster.main()
