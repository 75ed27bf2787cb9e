"""The collector as the agent of a host (files, host events), and what its edge adds: parsed user
agents, packed chunks, the mirror."""

import collections
import json
import os
import shutil
import socket
import subprocess
import threading
import time

import collector
import support
from collector_test import WithCollector

KILLS = int(os.environ.get("CARILLON_KILLS", "3"))
USAGE = 2


def messages(events):
    return collections.Counter(one["message"] for one in events if "message" in one)


class LogWriter(threading.Thread):
    """Writes numbered lines, and rotates its file now and then, until it is told to stop."""

    def __init__(self, path, random, rotate):
        super().__init__()
        self.path = path
        self.random = random
        self.rotate = rotate  # called with this
        self.written = []
        self.stopping = threading.Event()
        self.began = time.monotonic()

    def run(self):
        file = open(self.path, "ab", buffering=0)  # pylint: disable=consider-using-with
        number = 0
        while not self.stopping.is_set():
            for _ in range(self.random.randint(1, 20)):
                line = f"line {number} " + "x" * self.random.randint(0, 200)
                number += 1
                self.written.append(line)
                data = line.encode() + b"\n"
                cut = self.random.randint(0, len(data))
                file.write(data[:cut])
                file.write(data[cut:])
            if self.random.random() < 0.02:
                file = self.rotate(self, file)
            time.sleep(0.005)
        file.close()

    def stop(self):
        self.stopping.set()
        self.join()


class TailTest(WithCollector):
    def path(self, name):
        return os.path.join(self.root, name)

    def start_agent(self, config, *arguments):
        path = self.path("agent.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(config)
        return self.start_collector("--config", path, *arguments)

    def await_messages(self, wanted):
        """Waits until all wanted lines are there; returns the counts of all that are."""
        deadline = time.monotonic() + collector.COMMIT_SECONDS
        while True:
            found = messages(collector.read_events(self.node))
            if not wanted - found or time.monotonic() > deadline:
                return found
            time.sleep(0.5)

    def test_lines_of_files_become_events(self):
        log = self.path("app.log")
        with open(log, "wb") as file:
            file.write(b"before it came\n")
        running = self.start_collector("--tail", self.path("app*.log"))
        self.await_metric(running, "tail_files", 1)
        with open(log, "ab") as file:
            file.write(b'say "hi"\nbytes \xff\xfe\n' + b"y" * 70_000 + b"\nunfinished")
        events = collector.await_events(self.node, 3)
        long = next(one for one in events if "cut" in one)
        self.assertEqual(long["message"], "y" * 65536)
        self.assertEqual(messages(events), collections.Counter(
            ['say "hi"', "bytes \ufffd\ufffd", long["message"]]))
        for one in events:
            self.assertEqual((one["file"], one["type"]), (log, "event"))
            self.assertEqual(one["host"], os.uname().nodename)
        self.assertEqual(running.metric("tail_cut_lines_total"), 1)
        with open(log, "ab") as file:
            file.write(b" no more\n")
        events = collector.await_events(self.node, 4)
        self.assertEqual(messages(events)["unfinished no more"], 1)

    def await_metric(self, running, name, least):
        deadline = time.monotonic() + 20
        while running.metric(name) < least:
            self.assertLess(time.monotonic(), deadline, name)
            time.sleep(0.05)

    def test_json_lines_are_events_of_their_own_and_go_through_the_rules(self):
        log = self.path("app.json")
        event = {"timestamp": self.now, "type": "WEB", "subtype": "app", "card": "4111"}
        with open(log, "w", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\nno json\n" + json.dumps(dict(event, drop=True)) + "\n")
        running = self.start_agent(f"""
[[tail]]
paths = ["{self.root}/*.json", "{self.root}/*.nothing"]
format = "json"
start = "beginning"
tenant = "acme"
[tenants.acme]
enrich = []
[[tenants.acme.rules]]
when = {{ field = "drop", exists = true }}
do = "drop"
[[tenants.acme.rules]]
do = "redact"
fields = ["card"]
""")
        events = collector.await_events(self.node, 2)
        self.assertEqual([one for one in events if "card" in one],
                         [dict(event, card="[redacted]")])
        self.assertEqual(messages(events), {"no json": 1})
        self.assertEqual(running.metric("tail_unparsed_lines_total"), 1)

    def rotate_and_compare(self, rotate, paths):
        """Kills the agent again and again while a writer rotates its file; nothing may be lost,
        and nothing may come twice."""
        log = self.path("app.log")
        config = f'[[tail]]\npaths = "{self.root}/{paths}"\nstart = "beginning"\n'
        running = self.start_agent(config)
        writer = LogWriter(log, self.random, rotate)
        writer.start()
        try:
            for _ in range(KILLS):
                time.sleep(self.random.uniform(0.3, 2.0))
                running.kill()
                time.sleep(self.random.uniform(0, 0.5))
                running = self.start_agent(config)
            time.sleep(1)
        finally:
            writer.stop()
        wanted = collections.Counter(writer.written)
        found = self.await_messages(wanted)
        self.assertEqual(+(wanted - found), collections.Counter(), running.log()[-2000:])
        self.assertEqual(+(found - wanted), collections.Counter(), running.log()[-2000:])
        print(f"{len(wanted)} lines, {KILLS} kills", flush=True)

    def rename(self, writer, file):
        number = getattr(writer, "rotations", 0)
        writer.rotations = number + 1
        os.rename(writer.path, f"{writer.path}.{number}")
        if self.random.random() < 0.5:  # logrotate renames before the writer opens anew
            line = f"late {number}"
            file.write(line.encode() + b"\n")
            writer.written.append(line)
        file.close()
        return open(writer.path, "ab", buffering=0)

    def test_a_rotation_by_rename_and_kills_lose_and_repeat_nothing(self):
        self.rotate_and_compare(self.rename, "app.log*")

    def test_the_rest_of_a_renamed_file_is_found_although_no_pattern_matches_it(self):
        def rotate(writer, file):  # not twice while nobody looks
            if time.monotonic() - getattr(writer, "rotated", writer.began) < 3:
                return file
            writer.rotated = time.monotonic()
            return self.rename(writer, file)

        self.rotate_and_compare(rotate, "app.log")

    def test_a_rotation_by_copy_and_kills_lose_and_repeat_nothing(self):
        def rotate(writer, file):
            number = getattr(writer, "rotations", 0)
            writer.rotations = number + 1
            shutil.copy(writer.path, f"{writer.path}.{number}")
            os.truncate(writer.path, 0)
            return file

        self.rotate_and_compare(rotate, "app.log*")

    def test_what_a_full_spool_does_not_take_stays_in_the_file(self):
        self.node.kill()
        log = self.path("app.log")
        lines = [f"{i} " + os.urandom(5000).hex() for i in range(4000)]
        with open(log, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        running = self.start_agent(f'spool_mib = 16\n[[tail]]\npaths = "{log}"\n'
                                   'start = "beginning"\n')
        deadline = time.monotonic() + 60
        while "tried again" not in running.log():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)
        self.assertGreater(running.metric("tail_lag_bytes"), 10_000_000)
        self.assertLess(running.metric("spool_bytes"), 32 << 20)
        address = self.node.grpc
        self.node = support.Node(self.directory, support.SMALL_SEGMENTS, listen=address)
        self.addCleanup(self.node.kill)
        deadline = time.monotonic() + 90
        while running.metric("events_committed_total") < len(lines):
            self.assertLess(time.monotonic(), deadline, running.log()[-2000:])
            time.sleep(0.2)
        self.assertEqual(messages(collector.read_events(self.node)), collections.Counter(lines))

    def test_wrong_tails_are_told(self):
        for config, words in [
                ('[[tail]]\npaths = "log"\n', b"'log' is no absolute path"),
                ('[[tail]]\n', b"without paths"),
                ('[[tail]]\npaths = "/a"\nformat = "xml"\n', b"want 'json' or 'line'"),
                ('[[tail]]\npaths = "/a"\nstart = "middle"\n', b"want 'end' or 'beginning'"),
                ('[[tail]]\npaths = "/a"\n[[tail]]\npaths = "/a"\n', b"there twice"),
                ('[[tail]]\npaths = "/a"\nmax_line_kib = 0\n', b"1..1024"),
                ('[[tail]]\npaths = "/a"\nlines = 1\n', b"unknown key 'lines'"),
                ('[tail]\npaths = "/a"\n', b"[[tail]]"),
                ('[host]\nevery_seconds = 0\n', b"1..3600"),
                ('[host]\n', None)]:
            path = self.path("bad.toml")
            with open(path, "w", encoding="utf-8") as file:
                file.write("spool = '/x'\nopen = 'acme'\n" + config)
            result = subprocess.run(
                [collector.COLLECTOR, "config", "check", "--config", path],
                capture_output=True, timeout=20, check=False)
            self.assertEqual(result.returncode, 0 if words is None else USAGE, result)
            self.assertIn(words or b"", result.stderr)


class HostTest(WithCollector):
    def test_the_host_reports_itself(self):
        path = os.path.join(self.root, "agent.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write('[host]\nevery_seconds = 1\nname = "web1"\n')
        running = self.start_collector("--config", path)
        events = collector.await_events(self.node, 2, type_="host")
        self.assertGreaterEqual(len(events), 2)
        for one in events:
            self.assertEqual(one["host"], "web1")
            self.assertGreater(one["memory"]["mem_total_bytes"], 0)
            self.assertGreater(one["cpu"]["cpus"], 0)
            self.assertIn("1m", one["cpu"]["load"])
            self.assertIn("interfaces", one["network"])
            self.assertIn("devices", one["disk"])
        self.assertEqual(running.stop(), 0, running.log())


class UserAgentTest(WithCollector):
    CHROME = ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
              "Chrome/120.0.0.0 Safari/537.36")

    def test_a_user_agent_is_parsed_and_cannot_be_claimed(self):
        running = self.start_collector(tenants="[tenants.acme]\nuser_agent = ['ctx.ua']\n")
        self.accept(running, {"n": 1, "_ua": {"browser": "mine"}}, 1, User_Agent=self.CHROME)
        self.accept(running, {"n": 2, "ctx": {"ua": "curl/7.88.1"}}, 1, User_Agent=self.CHROME)
        events = {one["n"]: one for one in collector.await_events(self.node, 2)}
        self.assertEqual(events[1]["_ua"], {"browser": "Chrome", "browser_version": "120.0.0",
                                            "os": "Windows", "os_version": "10"})
        self.assertEqual(events[2]["_ua"]["browser"], "curl")

    def test_rules_that_are_not_there_are_told_at_the_start(self):
        path = os.path.join(self.root, "ua.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write("user_agent_rules = '/nowhere/regexes.yaml'\n"
                       "[tenants.acme]\nuser_agent = true\n")
        with self.assertRaises(collector.CollectorDidNotStart) as refused:
            self.start_collector("--config", path)
        self.assertEqual(refused.exception.code, USAGE)
        self.assertIn("/nowhere/regexes.yaml", refused.exception.log)


class ChunkTest(WithCollector):
    def put(self, running, key, value, **headers):
        with running.client() as client:
            return client.request("PUT", f"/v1/chunks/{key}", body=value, headers={
                name.replace("_", "-"): value for name, value in headers.items()})

    def pack(self, lines):
        return subprocess.run(["zstd", "-c"], input=lines, capture_output=True, check=True).stdout

    def test_a_packed_chunk_is_stored_under_its_key(self):
        running = self.start_collector(tenants="[tenants.acme]\npacked_chunks = true\n")
        key = f"{self.now}:1:cell9:WEB:app:chunk12"
        value = self.pack(b'{"n":1}\n{"n":2}\n')
        answer = self.put(running, key, value, X_Carillon_Crc32c=support.crc32c(value))
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(self.put(running, key, value).status, 201)  # the answer was lost
        events = collector.await_events(self.node, 2, type_="WEB")
        self.assertEqual(events, [{"n": 1}, {"n": 2}])
        with self.node.client() as client:
            self.assertEqual(client.get_chunk(key).body, value)

    def test_a_packed_chunk_outlives_the_collector(self):
        running = self.start_collector(tenants="[tenants.acme]\npacked_chunks = true\n")
        self.node.kill()
        value = self.pack(b'{"n":1}\n')
        for number in range(20):
            key = f"{self.now}:1:cell9:WEB:app:chunk{number}"
            self.assertEqual(self.put(running, key, value).status, 201)
        running.kill()
        self.node = support.Node(self.directory, support.SMALL_SEGMENTS)
        self.addCleanup(self.node.kill)
        self.start_collector()
        self.assertEqual(len(collector.await_events(self.node, 20)), 20)

    def test_a_packed_chunk_is_refused_for_what_is_wrong_with_it(self):
        running = self.start_collector(tenants="[tenants.acme]\npacked_chunks = true\n")
        key = f"{self.now}:1:cell9:WEB:app:chunk0"
        value = self.pack(b'{"n":1}\n')
        for wrong_key, wrong, headers, status in [
                ("nonsense", value, {}, 400),
                (key, b"nonsense", {}, 400),
                (key, self.pack(b"no json\n"), {}, 400),
                (key, value, {"X_Carillon_Crc32c": "00000000"}, 400),
                (key.replace(":1:", ":2:"), value, {}, 400),
                (f"{self.now - 90 * 86400}:1:cell9:WEB:app:chunk0", value, {}, 400)]:
            answer = self.put(running, wrong_key, wrong, **headers)
            self.assertEqual(answer.status, status, (wrong_key, headers, answer))
        self.assertEqual(running.stop(), 0)
        running = self.start_collector(tenants="")
        self.assertEqual(self.put(running, key, value).status, 403)


class MirrorTest(WithCollector):
    def start_second(self, *arguments):
        running = collector.Collector(self.spool() + "-2", self.node.grpc, "--open", "second",
                                      *arguments, "--tenants", self.write("""
[tenants.second]
type = "COPY"
"""))
        self.addCleanup(running.kill)
        return running

    def write(self, text):
        path = os.path.join(self.root, f"second-{len(text)}.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def start_with_mirror(self, url, more=""):
        return self.start_collector("--config", self.write(f'mirror = "{url}"\n{more}'))

    def await_metric(self, running, name, least):
        deadline = time.monotonic() + 30
        while running.metric(name) < least:
            self.assertLess(time.monotonic(), deadline, name)
            time.sleep(0.05)

    def test_accepted_requests_arrive_at_the_other_collector_as_they_came(self):
        second = self.start_second()
        running = self.start_with_mirror(f"http://{second.http}")
        self.accept(running, [{"n": n} for n in range(10)], 10)
        packed = subprocess.run(["zstd"], input=b'{"n":10}', capture_output=True, check=True)
        self.accept(running, packed.stdout, 1, Content_Encoding="zstd")
        self.assertEqual(running.post("{oops").status, 400)
        self.await_metric(running, "mirror_sent_total", 2)
        copies = collector.await_events(self.node, 11, type_="COPY")
        self.assertEqual(sorted(one["n"] for one in copies), list(range(11)))
        self.assertEqual(len(collector.await_events(self.node, 11, type_="event")), 11)
        self.assertEqual(second.metric("requests_total", dialect="native", code="OK"), 2)
        self.assertEqual(second.metric("requests_total", dialect="native",
                                       code="INVALID_ARGUMENT"), 0)

    def test_a_share_is_copied_and_always_the_same(self):
        second = self.start_second()
        running = self.start_with_mirror(f"http://{second.http}",
                                         "[tenants.acme]\nmirror_rate = 0.5\n")
        for _ in range(2):
            for n in range(100):
                self.accept(running, {"n": n}, 1)
        time.sleep(1)
        counts = collections.Counter(
            one["n"] for one in collector.await_events(self.node, 200, type_="COPY"))
        self.assertTrue(20 < len(counts) < 80, counts)
        self.assertEqual(set(counts.values()), {2})

    def test_a_dead_or_silent_mirror_changes_nothing(self):
        with socket.socket() as silent:  # accepts, and never answers
            silent.bind(("127.0.0.1", 0))
            silent.listen(64)
            for port, failing in [(1, True), (silent.getsockname()[1], False)]:
                running = self.start_with_mirror(f"http://127.0.0.1:{port}")
                with running.client() as client:
                    started = time.monotonic()
                    for n in range(2000):
                        answer = client.request("POST", "/v1/events", body=b'{"pad":"%s","n":%d}' % (
                            b"x" * 30_000, n))
                        self.assertEqual(answer.status, 200)
                    self.assertLess(time.monotonic() - started, 30)
                if failing:
                    self.await_metric(running, "mirror_failed_total", 1000)
                else:  # 32 MiB wait, and no more
                    self.await_metric(running, "mirror_dropped_total", 500)
                started = time.monotonic()
                self.assertEqual(running.stop(), 0, running.log())
                self.assertLess(time.monotonic() - started, 25)
        self.assertEqual(len(collector.read_events(self.node)), 4000)


if __name__ == "__main__":
    support.main()
