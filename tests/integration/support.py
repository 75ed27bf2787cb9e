"""Real nodes on temporary directories, the command line, and HTTP, for the tests of this folder.

Nothing here outlives its test: nodes die with the test's process (PR_SET_PDEATHSIG), directories
are removed, and every wait has an end.
"""

import ctypes
import http.client
import json
import os
import random
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.parse

REPOSITORY = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BINARIES = os.path.join(REPOSITORY, os.environ.get("CARILLON_BIN", "build/release/bin"))
DAEMON = os.path.join(BINARIES, "carillond")
CLI = os.path.join(BINARIES, "carillon")
SEED = int(os.environ.get("CARILLON_SEED", "1"))

START_SECONDS = 30
STOP_SECONDS = 20
CLI_SECONDS = 60
HTTP_SECONDS = 30
TEST_SECONDS = 150  # one test; a hung one is an error, and the next one runs

# Many small segments, quickly made, so that sealed ones are there too.
SMALL_SEGMENTS = "segment_mib = 1\nallocate_mib = 1\nballast_mib = 0\n"

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def make_crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


CRC_TABLE = make_crc_table()


def crc32c(data):
    """As 8 hexadecimal digits, as HTTP carries it."""
    crc = 0xFFFFFFFF
    table = CRC_TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return f"{crc ^ 0xFFFFFFFF:08x}"


class NodeDidNotStart(Exception):
    def __init__(self, code, log):
        super().__init__(f"carillond ended with {code}: {log}")
        self.code = code
        self.log = log


class Node:
    """A running carillond. Use from the thread that made it: it dies with that thread."""

    def __init__(self, directory, config=None, wait=True, listen="127.0.0.1:0",
                 http_listen="127.0.0.1:0", arguments=(), before=die_with_parent):
        """Before: called in the new process; it has to call die_with_parent."""
        self.directory = directory
        self.grpc = self.http = None
        self.log_path = directory.rstrip("/") + ".log"
        self.log_start = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        command = [DAEMON, "--data", directory, "--listen", listen, "--http", http_listen,
                   *arguments]
        if config is not None:
            config_path = directory.rstrip("/") + ".toml"
            with open(config_path, "w", encoding="utf-8") as file:
                file.write(config)
            command += ["--config", config_path]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                preexec_fn=before)
        if wait:
            try:
                self.await_ready()
            except BaseException:
                self.kill()
                raise

    def await_ready(self):
        deadline = time.monotonic() + START_SECONDS
        text = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while not text.endswith(b"ready\n"):
                if not selector.select(max(0, deadline - time.monotonic())):
                    raise TimeoutError(f"no 'ready' within {START_SECONDS} s: {text}")
                block = os.read(self.process.stdout.fileno(), 4096)
                if not block:
                    raise NodeDidNotStart(self.process.wait(STOP_SECONDS), self.log())
                text += block
        for line in text.decode().splitlines():
            name, _, address = line.partition(" ")
            if name in ("grpc", "http"):
                setattr(self, name, address)

    def log(self):
        """What this process wrote to standard error."""
        with open(self.log_path, "rb") as file:
            file.seek(self.log_start)
            return file.read().decode(errors="replace")

    def stop(self):
        """SIGTERM; the exit code."""
        return self._end(signal.SIGTERM)

    def kill(self):
        return self._end(signal.SIGKILL)

    def _end(self, with_signal):
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_SECONDS)
            raise
        finally:
            self.process.stdout.close()

    def connect(self):
        host, _, port = self.http.rpartition(":")
        return http.client.HTTPConnection(host, int(port), timeout=HTTP_SECONDS)

    def client(self):
        return HttpClient(self.connect())

    def cli(self, *arguments, **options):
        return run_cli(*arguments, endpoint=self.grpc, **options)


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


class HttpClient:
    """One connection, for one thread. Raises OSError or HTTPException when it breaks."""

    def __init__(self, connection):
        self.connection = connection

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.connection.close()

    def request(self, method, path, body=None, headers=None, **query):
        query = {name.rstrip("_"): value for name, value in query.items() if value is not None}
        if query:
            path += "?" + urllib.parse.urlencode(query)
        self.connection.request(method, path, body=body, headers=headers or {})
        reply = self.connection.getresponse()
        return Answer(reply.status, reply.headers, reply.read())

    def get(self, path, **query):
        return self.request("GET", path, **query)

    def put_chunk(self, key, value, bucket=None, headers=None):
        return self.request("PUT", f"/v1/chunks/{key}", body=value, headers=headers, bucket=bucket)

    def get_chunk(self, key, bucket=None):
        return self.get(f"/v1/chunks/{key}", bucket=bucket)

    def commit(self, epoch, chunks, bucket=None, dc="1"):
        """Chunks: a dict of keys to values."""
        body = json.dumps({"chunks": [describe(key, value) for key, value in chunks.items()]})
        return self.request("POST", f"/v1/seconds/{epoch}-{dc}", body=body, bucket=bucket)

    def seconds(self, bucket=None, from_=0, to=1 << 39):
        """All seconds of a range: a dict of (epoch, dc) to the sorted list of keys."""
        found = {}
        while from_ is not None:
            answer = self.get("/v1/seconds", bucket=bucket, from_=from_, to=to, chunks=1)
            if answer.status != 200:
                raise AssertionError(f"/v1/seconds: {answer}")
            page = answer.json()
            for second in page["seconds"]:
                found.setdefault((second["epoch"], second["dc"]), []).extend(second["keys"])
            from_ = page["next_from"]
        return {second: sorted(keys) for second, keys in found.items()}

    def metric(self, name):
        text = self.get("/metrics").body.decode()
        values = [line.split()[-1] for line in text.splitlines() if line.startswith(name + " ")]
        if len(values) != 1:
            raise AssertionError(f"{len(values)} metrics named {name}")
        return float(values[0])


def describe(key, value, events=1):
    return {"key": key, "events": events, "raw_bytes": len(value), "value_bytes": len(value),
            "value_crc32c": crc32c(value)}


def run_cli(*arguments, endpoint="127.0.0.1:1", stdin=b"", cwd=None):
    """CompletedProcess with bytes; its exit code is for the caller to look at."""
    environment = dict(os.environ, CARILLON_ENDPOINT=endpoint)
    return subprocess.run([CLI, *map(str, arguments)], input=stdin, capture_output=True,
                          timeout=CLI_SECONDS, env=environment, cwd=cwd, check=False)


class NodeTest(unittest.TestCase):
    """Gives each test a directory and a seeded generator, and cleans up whatever happens."""

    def setUp(self):
        self.random = random.Random(f"{SEED}:{self.id()}")
        self.root = tempfile.mkdtemp(prefix="carillon-test-")
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        self.directory = os.path.join(self.root, "data")
        signal.signal(signal.SIGALRM, self._time_is_up)
        signal.alarm(TEST_SECONDS)
        self.addCleanup(signal.alarm, 0)

    def _time_is_up(self, *_):
        raise TimeoutError(f"{self.id()} took more than {TEST_SECONDS} s")

    def start(self, directory=None, config=SMALL_SEGMENTS, wait=True):
        node = Node(directory or self.directory, config, wait)
        self.addCleanup(node.kill)
        return node

    def stop(self, node):
        self.assertEqual(node.stop(), 0, node.log())

    def assert_done(self, result, code=0):
        said = (result.args, result.stderr, result.stdout[-2000:])
        self.assertEqual(result.returncode, code, said)
        return result


def main():
    print(f"CARILLON_SEED={SEED}", flush=True)
    unittest.main(verbosity=2)
