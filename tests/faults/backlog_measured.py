"""How long a live event takes to a reader that follows, while a backlog drains beside it, against
the same without one.

Not among the tests that every run makes: `tests/faults/run backlog_measured`, with
CARILLON_FAULT_SECONDS (2400) for its time limit; CARILLON_OUTAGE (600): seconds without a ring;
CARILLON_STALE_PERCENT (20): of the bytes, for the backlog; CARILLON_BULK_KB (3000): a second of what
makes the backlog. Run it alone on the machine.
"""

import os
import time

import cluster
import collector_load
import support
from collector_probe import Probe, quantile, readable

OUTAGE = int(os.environ.get("CARILLON_OUTAGE", "600"))
PERCENT = int(os.environ.get("CARILLON_STALE_PERCENT", "20"))
BULK_KB = int(os.environ.get("CARILLON_BULK_KB", "3000"))
WINDOW = 40  # seconds that are measured, at most
LIVE_RATE, LIVE_EVENTS = 50, 4  # requests a second, events of each
BULK_RATE = 20
RECONNECT_SECONDS = 5  # after the nodes are back: the collector tries again as seldom as that
SETTLE = 4  # seconds at the end of a window whose events may be read after it
FLOOR = 1 << 20  # bytes a second that a backlog has at least
MAX_RATIO = 1.2
LEAST_DRAIN = 10  # seconds of a backlog under load, or there is nothing to be seen
support.TEST_SECONDS = 600 + 3 * OUTAGE


class BacklogMeasured(collector_load.CollectorTest):
    config = "partitions = 64\n"

    def start_probes(self):
        self.live = Probe(self, "send", self.ports["http"], self.keys["live"], "live", LIVE_RATE,
                          LIVE_EVENTS, 200, 2)
        self.reader = Probe(self, "tail", f"127.0.0.1:{self.members[0].http_port}", "live")
        self.bulk = Probe(self, "send", self.ports["http"], self.keys["bulk"], "bulk", BULK_RATE,
                          20, BULK_KB * 1000 // BULK_RATE // 20, 4)

    def sent_bytes(self):
        metrics = self.metrics()
        return metrics["live_bytes_sent_total"], metrics["stale_bytes_sent_total"]

    def behind(self):
        return self.metrics()["lag_seconds"] > 10

    def drain_window(self):
        """Begin and end of the time in which the backlog drains, at most so long as the window,
        and the bytes sent in it, live and stale."""
        begin, before = time.time(), self.sent_bytes()
        while self.behind() and time.time() < begin + WINDOW:
            cluster.pause(0.5)
        after = self.sent_bytes()
        return begin, time.time(), after[0] - before[0], after[1] - before[1]

    def test_live_events_hardly_feel_a_backlog(self):
        self.make_cluster(3)
        for name in ("live", "bulk"):
            # Its ids are of the sender, which begins anew with each run only.
            self.add_tenant(name, "deduplicate = 'off'" if name == "bulk" else "")
        self.start_collector("live", f"stale_percent = {PERCENT}\nspool_mib = 16384\n")
        self.start_probes()
        cluster.pause(5)
        quiet = time.time(), time.time() + WINDOW
        cluster.pause(WINDOW)
        for member in self.members:
            member.kill()
        cluster.pause(OUTAGE)
        backlog = self.metrics()["outbox_bytes"]
        for member in self.members:
            member.start(wait=False)
        for member in self.members:
            member.node.await_ready()
        back = time.time()
        cluster.pause(RECONNECT_SECONDS)
        begin, end, live_bytes, stale_bytes = self.drain_window()
        still_behind = self.behind()
        cluster.pause(SETTLE)
        bulk = self.bulk.stop()
        sent = self.live.stop()
        self.await_through(600 + OUTAGE)
        through = time.time() - back
        read = self.reader.stop()
        self.report(sent, read, quiet, (begin, end), (live_bytes, stale_bytes))
        self.say(f"no ring for {OUTAGE} s, backlog of {backlog / 1e6:.0f} MB, all through after "
                 f"{through:.0f} s" + ("" if still_behind else ", while new events came"))
        self.assertEqual({int(line[2]) for line in sent + bulk}, {200})
        self.assertEqual(self.metrics()["dead_letter_events_total"], 0)

    def report(self, sent, read, quiet, drain, sent_bytes):
        fared = readable(sent, read, LIVE_EVENTS)
        figures = []
        for name, (begin, end) in (("alone", quiet), ("beside the backlog", drain)):
            times = [took for when, took in fared if begin <= when < end - SETTLE]
            self.assertGreater(len(times), LIVE_RATE * LIVE_EVENTS * (LEAST_DRAIN - SETTLE) // 2)
            self.assertNotIn(None, times, f"{name}: {times.count(None)} of {len(times)} not read")
            figures.append(quantile(times, 0.99))
            self.say(f"{name}: {len(times)} events readable after p50 {quantile(times, 0.5):.3f}, "
                     f"p99 {figures[-1]:.3f}, at most {max(times):.3f} s")
        live, stale = sent_bytes
        seconds = drain[1] - drain[0]
        share = stale / max(1, live + stale)
        self.say(f"in {seconds:.0f} s {live / 1e6:.1f} MB live and {stale / 1e6:.1f} MB stale: "
                 f"{100 * share:.0f} % of {PERCENT}, and {stale / seconds / 1e6:.2f} MB/s; "
                 f"p99 {figures[1] / figures[0]:.2f} x")
        self.assertLess(figures[1], MAX_RATIO * figures[0])
        earned = live * PERCENT / (100 - PERCENT)
        self.assertLess(stale, 1.1 * max(earned, FLOOR * seconds) + 2 * FLOOR)
        self.assertGreater(stale, 0.8 * earned)


if __name__ == "__main__":
    cluster.main()
