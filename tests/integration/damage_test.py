"""Damage on the disk costs what it hit: the rest is served, nothing wrong is, and it is named."""

import os
import random
import shutil
import struct
import tempfile
import time

import support

SEGMENT_HEADER = 4096
RECORD_HEADER = 48
CHUNK, MANIFEST, SYNC = 1, 2, 3
SECONDS_WRITTEN = 60
CHUNKS_PER_SECOND = 5


class Record:
    """Where a record of a segment file is, by docs/FORMATS.md."""

    def __init__(self, path, offset, head):
        self.path = path
        self.offset = offset
        self.type, self.key_bytes, self.value_bytes = struct.unpack_from("<BxHI", head, 8)
        self.key_at = offset + RECORD_HEADER
        self.value_at = self.key_at + self.key_bytes
        self.end = (self.value_at + self.value_bytes + 7) // 8 * 8
        self.key = None

    @property
    def segment(self):
        return int(os.path.basename(self.path).split(".")[0], 16)


def read_records(path):
    with open(path, "rb") as file:
        data = file.read()
    offset = SEGMENT_HEADER
    records = []
    while data[offset:offset + 4] == b"CRLR":
        record = Record(path, offset, data[offset:offset + RECORD_HEADER])
        _, _, key = data[record.key_at:record.value_at].partition(b"\0")
        record.key = key.decode()
        records.append(record)
        offset = record.end
    return records


def flip(path, offset, mask=0x10):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ mask]))


class Answers:
    """All that a node says: chunks by key (None: not served), seconds, events."""

    def __init__(self, chunks, statuses, seconds, events):
        self.chunks = chunks
        self.statuses = statuses
        self.seconds = seconds
        self.events = events


class DirectoryTest(support.NodeTest):
    """One directory is written once, and copied for each damage."""

    @classmethod
    def setUpClass(cls):
        cls.original = tempfile.mkdtemp(prefix="carillon-test-")
        cls.addClassCleanup(shutil.rmtree, cls.original, ignore_errors=True)
        directory = os.path.join(cls.original, "data")
        generator = random.Random(support.SEED)
        node = support.Node(directory, support.SMALL_SEGMENTS)
        try:
            cls.values = {}
            first = int(time.time()) - 1000
            with node.client() as client:
                for epoch in range(first, first + SECONDS_WRITTEN):
                    cls.write_second(client, epoch, generator)
                cls.answers = cls.ask(client)
        finally:
            code = node.stop()
        if code != 0 or cls.answers.chunks != cls.values:
            raise AssertionError(f"the undamaged node: exit code {code}, {cls.answers.statuses}")

    @classmethod
    def write_second(cls, client, epoch, generator):
        chunks = {}
        for number in range(CHUNKS_PER_SECOND):
            key = f"{epoch}:1:cell0:WEB:app:chunk{number}"
            chunks[key] = generator.randbytes(generator.randint(100, 16000))
            answer = client.put_chunk(key, chunks[key])
            if answer.status != 201:
                raise AssertionError(answer)
        if client.commit(epoch, chunks).status != 201:
            raise AssertionError(f"commit of {epoch}")
        cls.values.update(chunks)

    @classmethod
    def ask(cls, client):
        """Raises AssertionError when bytes are served that were not written."""
        chunks, statuses = {}, {}
        for key, value in cls.values.items():
            answer = client.get_chunk(key)
            statuses[key] = answer.status
            if answer.status != 200:
                continue
            if answer.body != value:
                raise AssertionError(f"wrong bytes were served for {key}")
            if answer.headers["X-Carillon-Crc32c"] != support.crc32c(value):
                raise AssertionError(f"a wrong crc was served for {key}")
            chunks[key] = answer.body
        events = client.get("/v1/events", from_=0, to=1 << 39).status
        return Answers(chunks, statuses, client.seconds(), events)

    def setUp(self):
        super().setUp()
        shutil.copytree(os.path.join(self.original, "data"), self.directory)
        folder = os.path.join(self.directory, "segments")
        self.segments = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
        self.assertGreaterEqual(len(self.segments), 3)
        self.records = [record for path in self.segments for record in read_records(path)]
        chunks = [record.key for record in self.records if record.type == CHUNK]
        self.assertEqual(sorted(chunks), sorted(self.values))

    def remove_index(self):
        shutil.rmtree(os.path.join(self.directory, "index"))

    def pick(self, of_type, segment):
        """Some record of a type; segment: 0 for the first, sealed, -1 for the last, open."""
        return self.random.choice([record for record in self.records if record.type == of_type and
                                   record.path == self.segments[segment]])

    def check_offline(self, segment=None, damaged=True):
        """Exit code 3 and the segment named; or no damage."""
        result = support.run_cli("check", self.directory)
        self.assert_done(result, 3 if damaged else 0)
        if damaged:
            named = [line for line in result.stdout.decode().splitlines()
                     if line.startswith("DAMAGE") and f"segment {segment}" in line]
            self.assertTrue(named, result.stdout)

    def check_costs(self, lost, counted="carillon_records_quarantined", repair=True,
                    lists_all=True):
        """The node starts and serves all but `lost`; lost chunks come back when put again."""
        lost = set(lost)
        node = self.start()
        with node.client() as client:
            answers = self.ask(client)
            self.assertEqual({key for key in self.values if key not in answers.chunks}, lost)
            self.assertLessEqual({answers.statuses[key] for key in lost}, {500, 404})
            if lists_all:
                self.assertEqual(answers.seconds, self.answers.seconds)
            if counted is not None:
                self.assertGreaterEqual(client.metric(counted), 1)
            if repair:
                self.repair(client, lost)
        self.stop(node)

    def repair(self, client, lost):
        for key in lost:
            self.assertEqual(client.put_chunk(key, self.values[key]).status, 201)
        self.assertEqual(self.ask(client).chunks, self.values)

    def restore(self):
        shutil.rmtree(self.directory)
        shutil.copytree(os.path.join(self.original, "data"), self.directory)


class DamageTest(DirectoryTest):
    def in_each_place(self, check):
        """check(segment, index): a sealed and the open segment, with and without the index."""
        for segment in (0, -1):
            for index in (True, False):
                with self.subTest(segment=segment, index=index):
                    self.restore()
                    if not index:
                        self.remove_index()
                    check(segment, index)

    def check_flip(self, of_type, place, lost=None, uncounted_with_index=False):
        """place(record): the offset of the byte to flip."""
        def check(segment, index):
            record = self.pick(of_type, segment)
            flip(record.path, place(record), 1 << self.random.randrange(8))
            self.check_offline(record.segment)
            counted = not (index and uncounted_with_index)
            self.check_costs([record.key] if lost is None else lost,
                             "carillon_records_quarantined" if counted else None)
        self.in_each_place(check)

    def test_a_flip_in_the_header_of_a_record_costs_that_record(self):
        self.check_flip(CHUNK, lambda record: record.offset + self.random.randrange(RECORD_HEADER))

    def test_a_flip_in_the_key_of_a_record_costs_that_record(self):
        self.check_flip(CHUNK,
                        lambda record: record.key_at + self.random.randrange(record.key_bytes))

    def test_a_flip_in_a_value_costs_that_record(self):
        self.check_flip(CHUNK,
                        lambda record: record.value_at + self.random.randrange(record.value_bytes))

    def test_a_flip_in_a_sync_mark_costs_nothing(self):
        # With the index, nobody looks there; the scrub takes longer than this test.
        self.check_flip(SYNC, lambda record: record.offset + self.random.randrange(RECORD_HEADER),
                        lost=[], uncounted_with_index=True)

    def test_a_flip_in_a_manifest_costs_at_most_that_it_is_listed(self):
        def check(segment, index):
            record = self.pick(MANIFEST, segment)
            inside = RECORD_HEADER + record.key_bytes + record.value_bytes
            flip(record.path, record.offset + self.random.randrange(inside))
            self.check_offline(record.segment)
            epoch = int(record.key.split("-")[0])
            chunks = {key: value for key, value in self.values.items()
                      if key.startswith(f"{epoch}:")}
            node = self.start()
            with node.client() as client:
                answers = self.ask(client)
                self.assertEqual(answers.chunks, self.values)
                if not index:
                    listed = dict(self.answers.seconds)
                    del listed[epoch, "1"]
                    self.assertEqual(answers.seconds, listed)
                    self.assertGreaterEqual(client.metric("carillon_records_quarantined"), 1)
                    self.assertEqual(client.commit(epoch, chunks).status, 201)
                self.assertEqual(client.seconds(), self.answers.seconds)
            self.stop(node)
        self.in_each_place(check)

    def test_a_flip_in_the_header_of_a_segment_costs_that_segment(self):
        def check(segment, index):
            inside = [record for record in self.records if record.path == self.segments[segment]]
            flip(inside[0].path, self.random.randrange(SEGMENT_HEADER))
            self.check_offline(inside[0].segment)
            lost = [record.key for record in inside if record.type == CHUNK]
            self.check_costs(lost, "carillon_segments_missing", lists_all=False)
        self.in_each_place(check)

    def test_a_lost_segment_costs_that_segment(self):
        path = self.segments[1]
        inside = [record for record in self.records if record.path == path]
        os.remove(path)
        self.check_offline(inside[0].segment)
        self.check_costs([record.key for record in inside if record.type == CHUNK],
                         "carillon_segments_missing", lists_all=False)

    def test_a_cut_segment_costs_what_was_cut_off(self):
        for segment in (0, -1):
            with self.subTest(segment=segment):
                self.restore()
                record = self.pick(CHUNK, segment)
                os.truncate(record.path, record.value_at + record.value_bytes // 2)
                lost = [other.key for other in self.records if other.path == record.path and
                        other.type == CHUNK and other.offset >= record.offset]
                self.check_offline(record.segment)
                self.check_costs(lost, lists_all=False)

    def test_many_flips_everywhere_never_serve_wrong_bytes(self):
        def check(*_):
            hit = set()
            for _ in range(30):
                record = self.random.choice(self.records)
                flip(record.path, self.random.randrange(record.offset, record.end),
                     1 << self.random.randrange(8))
                hit.add(record.key)
            node = self.start()
            with node.client() as client:
                answers = self.ask(client)  # compares the bytes
                lost = {key for key in self.values if key not in answers.chunks}
                self.assertLessEqual(lost, hit)
                self.repair(client, lost)
            self.stop(node)
            self.check_after_restart()
        self.in_each_place(check)

    def check_after_restart(self):
        node = self.start()
        with node.client() as client:
            self.assertEqual(self.ask(client).chunks, self.values)
        self.stop(node)

    def test_damage_that_was_found_is_remembered_and_repairs_hold(self):
        record = self.pick(CHUNK, 0)
        flip(record.path, record.value_at)
        for _ in range(2):
            node = self.start()
            with node.client() as client:
                self.assertEqual(client.get_chunk(record.key).status, 500)
                self.assertGreaterEqual(client.metric("carillon_records_quarantined"), 1)
            self.stop(node)
        self.check_costs([record.key])
        self.check_after_restart()

    def test_read_names_what_it_cannot_read_and_prints_the_rest(self):
        key = f"{int(time.time()) - 5}:1:cell0:READ:app:chunk"
        events = b'{"n":1}\n{"n":2}\n'
        node = self.start()
        for number in range(2):
            self.assert_done(node.cli("put", f"{key}{number}", "-", "--encode", "--commit",
                                      stdin=events))
        self.stop(node)
        paths = [os.path.join(self.directory, "segments", name)
                 for name in os.listdir(os.path.join(self.directory, "segments"))]
        record = next(record for path in paths for record in read_records(path)
                      if record.type == CHUNK and record.key == key + "0")
        flip(record.path, record.value_at)
        node = self.start()
        read = self.assert_done(node.cli("read", "--from", "-1h", "--type", "READ"), 3)
        self.assertEqual(read.stdout, events)
        self.assertIn(key + "0", read.stderr.decode())
        self.assertNotIn(key + "1", read.stderr.decode())
        self.stop(node)


class IndexDamageTest(DirectoryTest):
    def check_same_answers(self):
        node = self.start()
        with node.client() as client:
            answers = self.ask(client)
            self.assertEqual(answers.chunks, self.values)
            self.assertEqual(answers.seconds, self.answers.seconds)
            self.assertEqual(answers.events, self.answers.events)
            self.assertEqual(client.metric("carillon_records_quarantined"), 0)
        self.stop(node)
        self.check_offline(damaged=False)
        return node.log()

    def index_files(self, prefix="", suffix=""):
        folder = os.path.join(self.directory, "index")
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder))
                if name.startswith(prefix) and name.endswith(suffix) and
                os.path.getsize(os.path.join(folder, name)) > 0]

    def damage_each(self, prefix="", suffix=""):
        names = self.index_files(prefix, suffix)
        self.assertTrue(names)
        for path in names:
            for how in ("flip", "flip", "cut", "remove"):
                with self.subTest(file=os.path.basename(path), how=how):
                    self.restore()
                    size = os.path.getsize(path)
                    if how == "flip":
                        flip(path, self.random.randrange(size), 1 << self.random.randrange(8))
                    elif how == "cut":
                        os.truncate(path, size // 2)
                    else:
                        os.remove(path)
                    self.check_same_answers()

    def test_a_removed_index_is_rebuilt(self):
        self.remove_index()
        self.check_same_answers()

    def test_check_names_a_damaged_index_and_not_a_removed_one(self):
        with open(os.path.join(self.directory, "index", "CURRENT"), "wb") as file:
            file.write(b"damaged\n")
        result = self.assert_done(support.run_cli("check", self.directory), 3)
        self.assertIn(b"DAMAGE: index", result.stdout)
        self.remove_index()
        self.check_offline(damaged=False)

    def test_a_damaged_table_of_the_index_changes_no_answer(self):
        self.damage_each(suffix=".sst")

    def test_a_damaged_manifest_of_the_index_changes_no_answer(self):
        self.damage_each(prefix="MANIFEST")

    def test_a_damaged_current_file_of_the_index_changes_no_answer(self):
        self.damage_each(prefix="CURRENT")


if __name__ == "__main__":
    support.main()
