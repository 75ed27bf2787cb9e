"""The checker of the other tests notices what it is there for."""

import cluster


class CheckerTest(cluster.ClusterTest):
    def test_it_notices_what_is_lost_wrong_and_invented(self):
        self.make_cluster(1)
        load = self.start_load()
        cluster.pause(1)
        load.stop()
        self.check_operations()
        self.check_set()
        history = self.history
        lost, wrong, invented, unlisted = sorted(history.listed)[:4]
        for spoil, said in (
                (lambda: self.claim(lost.replace("chunk", "chunk9999")), "acknowledged: True: 404"),
                (lambda: history.values.update({wrong: (1, 2)}), "holds other bytes"),
                (lambda: history.sent_commits.remove(invented), "nobody sent it"),
                (lambda: history.listed.update({unlisted + "9999": 0}), "is not listed")):
            saved = (dict(history.values), set(history.stored), dict(history.listed),
                     set(history.sent_commits))
            spoil()
            with self.assertRaisesRegex(AssertionError, said):
                self.check_set()
            history.values, history.stored, history.listed, history.sent_commits = saved
        self.check_set()

    def claim(self, key):
        self.history.add_value(key, 1, 10)
        self.history.stored.add(key)

    def test_a_reader_notices_what_is_not_listed(self):
        self.make_cluster(1)
        load = self.start_load()
        cluster.pause(0.5)
        self.history.listed[f"{load.first_epoch + 5}:1:nobody:T::chunk1"] = 0
        self.await_true(lambda: self.history.errors, 20, "an error")
        load.stop()
        self.assertIn("not listed", self.history.errors[0])


if __name__ == "__main__":
    cluster.main()
