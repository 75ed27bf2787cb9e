"""What one tenant feels of others: of one that sends a hundred times its quota, and of two whose
events cannot be told from duplicates because their claims get no verdict.

Not among the tests that every run makes: `tests/faults/run isolation_measured`, with
CARILLON_FAULT_SECONDS (900) for its time limit; CARILLON_ISOLATION_ROUNDS (3) of one window with each of
these, and one without anybody before each. Run it alone on the machine.

One node of three is dead all the time. The ids of `stuck` are claimed in a bucket whose w is 3, so that each
claim is undecided; those of `refused` in one whose quota is a byte a second.
"""

import collections
import os
import time

import cluster
import collector_load
import support
from collector_probe import Probe, quantile, readable

ROUNDS = int(os.environ.get("CARILLON_ISOLATION_ROUNDS", "3"))
WINDOW = 15  # seconds
BEGIN, END = 2, 4  # seconds of a window that are left out
RATE, EVENTS = 100, 5  # of the steady one
QUOTA = 10  # requests a second
# Requests a second, events of each, bytes of an event, threads.
CROWDS = {"greedy": (100 * QUOTA, 1, 100, 4), "stuck": (50, 10, 100, 2), "refused": (50, 10, 100, 2)}
MAX_RATIO = 1.2
support.TEST_SECONDS = 200 + 2 * len(CROWDS) * ROUNDS * (WINDOW + 5)


class IsolationMeasured(collector_load.CollectorTest):
    config = "partitions = 64\n"

    def prepare(self):
        self.make_cluster(3)
        first = self.members[0]
        self.assert_done(first.cli("bucket", "create", "claims-7200s", "--ttl", "2h", "--n-val",
                                   "3", "--w", "3"))
        self.assert_done(first.cli("bucket", "create", "claims-10800s", "--ttl", "3h", "--quota",
                                   "1"))
        self.add_tenant("steady", "deduplicate = '1h'")
        self.add_tenant("greedy", f"[tenants.greedy.quota]\nrequests_per_second = {QUOTA}\n")
        self.add_tenant("stuck", "deduplicate = '2h'")
        self.add_tenant("refused", "deduplicate = '3h'")
        self.start_collector("steady")
        self.members[2].kill()

    def run_windows(self):
        """The time of each window by who was there, and what the crowds were told."""
        windows = collections.defaultdict(list)
        codes = collections.defaultdict(collections.Counter)
        for number in range(ROUNDS):
            for name, (rate, events, size, threads) in CROWDS.items():
                windows["nobody"].append(time.time())
                cluster.pause(WINDOW)
                # Numbers of its own in each round: else its ids would be known.
                crowd = Probe(self, "send", self.ports["http"], self.keys[name],
                              f"{name}{number}", rate, events, size, threads)
                windows[name].append(time.time())
                cluster.pause(WINDOW)
                codes[name].update(int(line[2]) for line in crowd.stop())
        return windows, codes

    def test_a_steady_tenant_feels_nothing_of_others(self):
        self.prepare()
        steady = Probe(self, "send", self.ports["http"], self.keys["steady"], "steady", RATE,
                       EVENTS, 200, 4)
        reader = Probe(self, "tail", f"127.0.0.1:{self.members[0].http_port}", "steady")
        cluster.pause(5)
        windows, codes = self.run_windows()
        sent = steady.stop()
        cluster.pause(END)
        fared = readable(sent, reader.stop(), EVENTS)
        self.sample()
        self.assertEqual({int(line[2]) for line in sent}, {200}, "of the steady one")
        answers = [(line[0], line[1] - line[0]) for line in sent]
        base = None
        ratios = {}
        for name in ["nobody", *CROWDS]:
            took = [self.within(times, windows[name]) for times in (answers, fared)]
            self.assertNotIn(None, took[1], f"{name}: events that were never read")
            p99 = [quantile(times, 0.99) for times in took]
            base = base or p99
            ratios[name] = [one / of for one, of in zip(p99, base)]
            self.say(f"{name}: told {dict(codes[name])}, {len(took[0])} answers to the steady one "
                     f"p50 {1000 * quantile(took[0], 0.5):.1f}, p99 {1000 * p99[0]:.1f} ms, "
                     f"readable p50 {quantile(took[1], 0.5):.3f}, p99 {p99[1]:.3f} s, "
                     f"{ratios[name][0]:.2f} and {ratios[name][1]:.2f} x")
        self.check_crowds(codes)
        for name, of in ratios.items():
            self.assertLess(max(of), MAX_RATIO, name)

    @staticmethod
    def within(times, windows):
        return [took for when, took in times for begin in windows
                if begin + BEGIN <= when < begin + WINDOW - END]

    def unchecked(self, tenant, reason):
        return self.total("dedup_unchecked_total", f'tenant="{tenant}",reason="{reason}"')

    def check_crowds(self, codes):
        """They were what they are said to be, and the steady one's ids were looked at."""
        self.assertGreater(codes["greedy"][429], 0.8 * sum(codes["greedy"].values()))
        for name in ("stuck", "refused"):
            self.assertEqual(set(codes[name]), {200})
            of = f'tenant="{name}"'
            checked = self.total("dedup_checked_total", of)
            self.assertEqual(self.total("dedup_duplicates_total", of), 0)
            self.say(f"{name}: of {checked:.0f} ids unchecked: " + ", ".join(
                f"{self.unchecked(name, reason):.0f} {reason}"
                for reason in ("late", "undecided", "full", "resting")))
        self.assertEqual(self.total("dedup_unchecked_total", 'tenant="steady"'), 0)
        self.assertGreater(self.total("dedup_unchecked_total", 'tenant="stuck"'), 0)
        self.assertGreater(self.total("dedup_unchecked_total", 'tenant="refused"'), 0)


if __name__ == "__main__":
    cluster.main()
