"""Load by the client of C++, which knows the ring: open loops in processes of their own.

What is due is asked for, whatever became of the rest. It gives the p99 of every second.
"""

import collections
import json
import os
import subprocess
import time

import cluster
import support

BUCKET = "bench-n3-w0-always"
PUT, GET = 0, 2  # as tools/carillon/bench/ring_loads.h counts
AT_ONCE = 1000
END_SECONDS = 60  # after its time is up


class RingLoads:
    """Of one test: puts, and gets of keys that were put before."""

    def __init__(self, test, size=20_000, keys=200):
        self.test = test
        self.size = size
        self.keys = keys
        self.run = test.random.randrange(1, 1 << 40)
        self.epoch = int(time.time())
        self.started = 0
        test.assert_done(test.alive()[0].cli("bucket", "create", BUCKET))
        result = self.start(PUT, keys / 2, 2).result()
        test.assertEqual((result["operations"], result["failures"]), (keys, {}), result)

    def start(self, workload, rate, seconds):
        number, self.started = self.started, self.started + 1
        journal = os.path.join(self.test.root, f"journal{number}")
        endpoints = ",".join(member.grpc for member in self.test.members)
        return RingLoad(self.test, order(
            workload=workload, bucket=BUCKET, size=self.size, keys=self.keys, process=number,
            run=self.run, now=self.epoch, at_once=AT_ONCE, seconds=seconds, rate=rate,
            begin_ms=int(time.time() * 1000) + 300, endpoint=endpoints, journal=journal))


def order(**fields):
    """What `carillon bench --load` is told (tools/carillon/bench/load_order.h)."""
    return " ".join(f"{name}={value}" for name, value in fields.items())


class RingLoad:
    def __init__(self, test, order):
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [support.CLI, "bench", "--load", order], stdout=subprocess.PIPE,
            preexec_fn=support.die_with_parent)
        test.addCleanup(self.process.kill)
        self.began = cluster.now() + 0.3

    def second(self):
        """Of its life, now."""
        return int(cluster.now() - self.began)

    def result(self):
        return json.loads(self.process.communicate(timeout=END_SECONDS)[0])


def late(result, first, limit):
    """The greatest p99 of its seconds from `first` on, before `limit`, and that of all, in ms."""
    seconds = result["by_second"][first:limit]
    return max(one["p99_ms"] for one in seconds), p99(one["latency"] for one in seconds)


def p99(histograms):
    """In ms, of histograms as tools/carillon/bench/latency_histogram.h encodes them."""
    counts = collections.Counter()
    for text in histograms:
        for bucket in filter(None, text.partition(";")[0].split(",")):
            number, _, count = bucket.partition(":")
            counts[int(number)] += int(count)
    wanted, seen = 0.99 * counts.total(), 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= wanted:
            break
    doubling = max(0, (bucket >> 5) - 1)
    return (((bucket - (doubling << 5) + 1) << doubling) - 1) / 1e6
