"""kill -9 in the middle of a load, again and again: all that was acknowledged is there, no more.

CARILLON_KILLS: how often (20). CARILLON_SEED: what is written, and when it is killed; the machine's
own timing is not repeatable.
"""

import http.client
import itertools
import os
import random
import threading
import time

import real_data_test
import support

KILLS = int(os.environ.get("CARILLON_KILLS", "20"))
WRITERS = 4
MAX_WRITE_SECONDS = 1.2
KILL_IN_RECOVERY = 0.3  # of the rounds
MAX_RECOVERY_SECONDS = 0.08
SECONDS_WRITTEN = 40  # few, so that writers share seconds
ROUNDS_PER_STOP = 4
# The process dies, not the machine: with sync = os nothing may be lost either.
BUCKETS = ("events", "unsynced")


class Ledger:
    """What one writer sent, and what was acknowledged. Of one thread, then of the main thread."""

    def __init__(self):
        self.sent = {}  # (bucket, key) -> value
        self.stored = set()  # of those, the acknowledged ones
        self.commits = []  # [bucket, epoch, keys, acknowledged]
        self.errors = []


class Writer(threading.Thread):
    """Puts a few chunks, commits them, and so on, until the node is gone."""

    def __init__(self, client, ledger, name, seed, first_epoch):
        super().__init__(daemon=True)
        self.client = client
        self.ledger = ledger
        self.cell = name
        self.random = random.Random(seed)
        self.first_epoch = first_epoch

    def run(self):
        try:
            with self.client:
                for number in itertools.count():
                    self.write_group(number)
        except (OSError, http.client.HTTPException):
            pass  # the node was killed
        except AssertionError as error:
            self.ledger.errors.append(str(error))

    def write_group(self, number):
        bucket = self.random.choice(BUCKETS)
        epoch = self.first_epoch + self.random.randrange(SECONDS_WRITTEN)
        chunks = {}
        for part in range(self.random.randint(1, 5)):
            key = f"{epoch}:1:{self.cell}:T{part}:{self.random.choice(['', 's'])}:chunk{number}"
            chunks[key] = self.make_value()
        for key, value in chunks.items():
            self.ledger.sent[bucket, key] = value
            answer = self.client.put_chunk(key, value, bucket)
            if answer.status == 503:
                raise ConnectionError("the node is stopping")
            if answer.status != 201:
                raise AssertionError(f"put of {key}: {answer}")
            self.ledger.stored.add((bucket, key))
        commit = [bucket, epoch, frozenset(chunks), False]
        self.ledger.commits.append(commit)
        answer = self.client.commit(epoch, chunks, bucket)
        if answer.status == 503:
            raise ConnectionError("the node is stopping")
        if answer.status != 201:
            raise AssertionError(f"commit of {epoch}: {answer}")
        commit[3] = True

    def make_value(self):
        size = self.random.choice([1, 100, 1000, 4096, 20000])
        return self.random.randbytes(self.random.randint(1, size))


class KillTest(support.NodeTest):
    def setUp(self):
        super().setUp()
        self.ledgers = []
        self.first_epoch = int(time.time()) - 1000
        self.kills = 0

    def test_what_was_acknowledged_survives_kill_9(self):
        node = self.start()
        self.assert_done(node.cli("bucket", "create", "unsynced", "--sync", "os"))
        for number in itertools.count(1):
            # Some end with SIGTERM: these leave an index that the next kill finds behind the log.
            self.load_until_ended(node, kill=number % ROUNDS_PER_STOP != 0)
            self.kill_in_recovery()
            node = self.start()
            with node.client() as client:
                self.check(client, self.ledgers[-WRITERS:])
                self.send_again(client, self.ledgers[-WRITERS:])
            if self.kills >= KILLS:
                break
        with node.client() as client:
            self.check(client, self.ledgers)
            self.assertEqual(client.metric("carillon_records_quarantined"), 0)
            self.assertEqual(client.metric("carillon_segments_missing"), 0)
        node.kill()
        self.assert_done(support.run_cli("check", self.directory))
        commits = [commit for ledger in self.ledgers for commit in ledger.commits]
        stored = sum(len(ledger.stored) for ledger in self.ledgers)
        print(f"({self.kills} kills, {stored} chunks, {len(commits)} commits)", end=" ", flush=True)

    def load_until_ended(self, node, kill):
        ledgers = [Ledger() for _ in range(WRITERS)]
        writers = [Writer(node.client(), ledger, f"w{len(self.ledgers) + number}",
                          f"{support.SEED}:{len(self.ledgers) + number}", self.first_epoch)
                   for number, ledger in enumerate(ledgers)]
        for writer in writers:
            writer.start()
        threading.Event().wait(self.random.uniform(0.02, MAX_WRITE_SECONDS))
        if kill:
            node.kill()
            self.kills += 1
        else:
            self.stop(node)
        for writer in writers:
            writer.join(support.HTTP_SECONDS)
            self.assertFalse(writer.is_alive())
        self.assertEqual([error for ledger in ledgers for error in ledger.errors], [])
        self.ledgers += ledgers

    def kill_in_recovery(self):
        if self.random.random() < KILL_IN_RECOVERY and self.kills < KILLS:
            node = self.start(wait=False)
            threading.Event().wait(self.random.uniform(0, MAX_RECOVERY_SECONDS))
            node.kill()
            self.kills += 1

    def check(self, client, ledgers):
        for ledger in ledgers:
            for (bucket, key), value in ledger.sent.items():
                self.check_chunk(client, ledger, bucket, key, value)
        for bucket in BUCKETS:
            self.check_seconds(client, bucket)

    def check_chunk(self, client, ledger, bucket, key, value):
        answer = client.get_chunk(key, bucket)
        if answer.status == 404 and (bucket, key) not in ledger.stored:
            return  # it was on its way
        self.assertEqual(answer.status, 200, f"{bucket} {key}: {answer}")
        self.assertEqual(answer.body, value, f"{bucket} {key} holds other bytes")
        self.assertEqual(answer.headers["X-Carillon-Crc32c"], support.crc32c(value))

    def check_seconds(self, client, bucket):
        """Every commit is listed whole or, if it was not acknowledged, not at all."""
        listed = {key for keys in client.seconds(bucket).values() for key in keys}
        expected = set()
        for ledger in self.ledgers:
            for of_bucket, epoch, keys, acknowledged in ledger.commits:
                if of_bucket != bucket:
                    continue
                if acknowledged:
                    self.assertLessEqual(keys, listed, f"a commit of {epoch} was lost")
                elif not keys & listed:
                    continue
                else:
                    self.assertLessEqual(keys, listed, f"half a commit of {epoch} is listed")
                expected |= keys
        self.assertEqual(listed - expected, set(), "keys were invented")

    def send_again(self, client, ledgers):
        """What a client does that got no answer; afterwards that is acknowledged too."""
        for ledger in ledgers:
            for (bucket, key), value in ledger.sent.items():
                if (bucket, key) not in ledger.stored:
                    answer = client.put_chunk(key, value, bucket)
                    self.assertIn(answer.status, (200, 201), answer)
                    ledger.stored.add((bucket, key))
            for commit in ledger.commits:
                bucket, epoch, keys, acknowledged = commit
                if not acknowledged:
                    chunks = {key: ledger.sent[bucket, key] for key in keys}
                    answer = client.commit(epoch, chunks, bucket)
                    self.assertIn(answer.status, (200, 201), answer)
                    commit[3] = True


class KilledLoadTest(support.NodeTest):
    def test_a_load_whose_node_was_killed_is_made_whole_by_loading_again(self):
        path = os.path.join(support.REPOSITORY, "tests", "data", "samples", "access.log")
        with open(path, "rb") as file:
            lines = real_data_test.access_log_lines(file.read())
        node = self.start()
        self.assert_done(node.cli("bucket", "create", "archive", "--ttl", "forever"))
        for _ in range(3):
            killer = threading.Timer(self.random.uniform(0.005, 0.05), node.process.kill)
            killer.start()
            # Done or failed; the retries of the command line end with its --timeout.
            node.cli("--bucket", "archive", "--timeout", 1, "load", path, cwd=self.root)
            killer.join()
            node.kill()
            node = self.start()
        self.assert_done(node.cli("--bucket", "archive", "load", path, cwd=self.root))
        read = self.assert_done(node.cli("--bucket", "archive", "read", "--from", 0,
                                         "--to", 1 << 39))
        # Each load makes chunks of its own: what came through twice is there twice.
        found = real_data_test.rebuilt_lines(read.stdout)
        self.assertEqual(set(found), set(lines))
        self.assertFalse(lines - found)
        self.stop(node)
        self.assert_done(support.run_cli("check", self.directory))


if __name__ == "__main__":
    support.main()
