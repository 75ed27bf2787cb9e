"""A running carillon-collector, for the tests of this folder."""

import http.client
import json
import os
import re
import selectors
import signal
import subprocess
import time

import support

COLLECTOR = os.path.join(support.BINARIES, "carillon-collector")
COMMIT_SECONDS = 30  # the longest an accepted event may take to be read


class CollectorDidNotStart(Exception):
    def __init__(self, code, log):
        super().__init__(f"carillon-collector ended with {code}: {log}")
        self.code = code
        self.log = log


class Collector:
    """Use from the thread that made it: it dies with that thread."""

    def __init__(self, spool, endpoint, *arguments, listen="127.0.0.1:0"):
        self.spool = spool
        self.log_path = spool.rstrip("/") + ".log"
        self.addresses = {}
        command = [COLLECTOR, "--endpoint", endpoint, "--http", listen, "--spool", spool,
                   *map(str, arguments)]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                            stdout=subprocess.PIPE, stderr=log,
                                            preexec_fn=support.die_with_parent)
        try:
            self.await_ready()
        except BaseException:
            self.kill()
            raise

    def await_ready(self):
        deadline = time.monotonic() + support.START_SECONDS
        text = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while not text.endswith(b"ready\n"):
                if not selector.select(max(0, deadline - time.monotonic())):
                    raise TimeoutError(f"no 'ready' within {support.START_SECONDS} s: {text}")
                block = os.read(self.process.stdout.fileno(), 4096)
                if not block:
                    raise CollectorDidNotStart(self.process.wait(support.STOP_SECONDS), self.log())
                text += block
        for line in text.decode().splitlines():
            name, _, address = line.partition(" ")
            self.addresses[name] = address
        self.http = self.addresses["http"]

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def stop(self):
        return self._end(signal.SIGTERM)

    def kill(self):
        return self._end(signal.SIGKILL)

    def _end(self, with_signal):
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        try:
            return self.process.wait(support.STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(support.STOP_SECONDS)
            raise
        finally:
            self.process.stdout.close()

    def client(self, name="http"):
        host, _, port = self.addresses[name].rpartition(":")
        return support.HttpClient(
            http.client.HTTPConnection(host, int(port), timeout=support.HTTP_SECONDS))

    def post(self, body, path="/v1/events", **headers):
        """One request on a connection of its own; names of headers with '_' for '-'."""
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        with self.client() as client:
            return client.request("POST", path, body=body, headers={
                name.replace("_", "-"): value for name, value in headers.items()})

    def metric(self, name, **labels):
        wanted = ",".join(f'{key}="{value}"' for key, value in labels.items())
        with self.client("admin" if "admin" in self.addresses else "http") as client:
            text = client.get("/metrics").body
        pattern = re.escape(f"carillon_collector_{name}" + (f"{{{wanted}}}" if wanted else ""))
        found = re.search(rf"^{pattern} (\S+)$", text.decode(), re.MULTILINE)
        return float(found.group(1)) if found else 0


def read_events(node, bucket="events", seconds=3600, type_=None):
    """All events of the last hour, as objects."""
    now = int(time.time())
    arguments = ["read", "--bucket", bucket, "--from", now - seconds, "--to", now + 600]
    if type_ is not None:
        arguments += ["--type", type_]
    result = node.cli(*arguments)
    if result.returncode != 0:
        raise AssertionError(result)
    return [json.loads(line) for line in result.stdout.splitlines()]


def await_events(node, count, **options):
    """Waits until there are `count` events, and returns all there are."""
    deadline = time.monotonic() + COMMIT_SECONDS
    while True:
        events = read_events(node, **options)
        if len(events) >= count or time.monotonic() > deadline:
            return events
        time.sleep(0.2)
