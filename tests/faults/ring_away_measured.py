"""All nodes are gone for a while, and events go on coming: they are answered, wait in the spool,
and are in the store once when the nodes are back.

Not among the tests that every run makes: `tests/faults/run ring_away_measured`, with
CARILLON_FAULT_SECONDS (1500) for its time limit; CARILLON_OUTAGE (300): seconds without a ring.
"""

import os
import signal
import time

import cluster
import collector_load
import support

OUTAGE = int(os.environ.get("CARILLON_OUTAGE", "300"))
RATE = float(os.environ.get("CARILLON_AWAY_RATE", "25"))  # requests/s of each of five senders
EVENTS = 20  # of a request, about
MIB = 1 << 20
SPOOL_MIB = 1024
LEAST_SPOOL_MIB = 16
CHECK_SECONDS = 1
BEHIND_SECONDS = 5  # a chunk that waits for longer is of the backlog
support.TEST_SECONDS = 600 + 4 * OUTAGE


class RingAwayMeasured(collector_load.CollectorTest):
    def prepare(self, spool_mib, pad_bytes=100):
        self.make_cluster(3)
        self.add_tenant("acme")
        self.add_tenant("initech")
        self.start_collector("initech", f"spool_mib = {spool_mib}\n")
        # What is sent once has no excuse for being stored twice.
        self.acme = collector_load.Promises("acme", repeats=True, pad_bytes=pad_bytes)
        self.initech = collector_load.Promises("initech", repeats=True, pad_bytes=pad_bytes)
        self.most_spool = 0

    def start_load(self, rate):
        for number in range(3):
            self.start_sender(collector_load.HttpSender(
                self.acme, f"acme{number}", self.ports["http"], key=self.keys["acme"],
                rate=rate, events=EVENTS, again=0))
        for number in range(2):
            self.start_sender(collector_load.ForwardSender(
                self.initech, f"initech{number}", self.ports["forward"], rate=rate,
                events=EVENTS, again=0))

    def codes(self):
        return self.acme.codes + self.initech.codes

    def stay_away(self, seconds, spool_mib):
        """The spool stays in its bounds. Returns how often each answer came."""
        before = self.codes()
        until = cluster.now() + seconds
        while cluster.now() < until:
            cluster.pause(CHECK_SECONDS)
            spool = self.metrics()["spool_bytes"]
            self.most_spool = max(self.most_spool, spool)
            # Beyond it comes what the accepted ones compress to.
            self.assertLess(spool, 1.25 * spool_mib * MIB)
        return self.codes() - before

    def bring_back(self, killed):
        for member in self.members:
            if killed:
                member.start(wait=False)
            else:
                member.signal(signal.SIGCONT)
        if killed:
            for member in self.members:
                member.node.await_ready()
        self.came_back = time.monotonic()

    def finish_load(self, seconds):
        self.await_true(lambda: self.metrics()["lag_seconds"] < BEHIND_SECONDS, seconds,
                        "the backlog is through")
        drained = time.monotonic() - self.came_back
        self.stop_senders()
        self.await_well()
        self.await_through()
        return drained

    def check_all(self):
        self.sample()
        for promises in (self.acme, self.initech):
            self.assertEqual(promises.sent - promises.acknowledged, set())
            again = promises.repeated > 0
            self.check_promises(promises, unchecked=again and self.total(
                "dedup_unchecked_total", f'tenant="{promises.type}"'))
        self.assertEqual(self.total("dead_letter_events_total"), 0)
        self.assertEqual(self.running.stop(), 0, self.running.log())

    def outage(self, killed):
        self.prepare(SPOOL_MIB)
        self.start_load(RATE)
        cluster.pause(5)
        for member in self.members:
            member.signal(signal.SIGKILL if killed else signal.SIGSTOP)
        for member in self.members if killed else []:
            member.kill()
        answers = self.stay_away(OUTAGE, SPOOL_MIB)
        backlog = self.metrics()
        self.assertEqual(set(answers) - set(collector_load.GOOD), set(), answers)
        self.assertGreater(sum(answers.values()), 0.5 * 5 * RATE * OUTAGE)
        self.bring_back(killed)
        drained = self.finish_load(120 + OUTAGE)
        self.say(f"no ring for {OUTAGE:.0f} s: {sum(answers.values())} answers, all good; "
                 f"{backlog['chunks_waiting']:.0f} chunks, spool {self.most_spool / MIB:.1f} MiB "
                 f"at most; backlog through {drained:.1f} s after the nodes were back, under load")
        self.check_all()

    def test_all_nodes_are_killed(self):
        self.outage(killed=True)

    def test_all_nodes_are_stopped(self):
        self.outage(killed=False)

    def test_a_spool_that_is_full_refuses_and_loses_nothing(self):
        self.prepare(LEAST_SPOOL_MIB, pad_bytes=4000)
        self.start_load(RATE)
        for member in self.members:
            member.kill()
        answers = self.stay_away(min(30, OUTAGE), LEAST_SPOOL_MIB)
        self.assertGreater(answers[200], 0)
        self.assertGreater(answers[503], 0)
        self.bring_back(killed=True)
        drained = self.finish_load(120)
        self.say(f"spool {self.most_spool / MIB:.1f} MiB of {LEAST_SPOOL_MIB}, "
                 f"answers {dict(answers)}; through after {drained:.1f} s")
        self.check_all()


if __name__ == "__main__":
    cluster.main()
