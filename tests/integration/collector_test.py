"""From single events to committed seconds: a real node, a real collector, plain HTTP."""

import collections
import contextlib
import gzip
import http.client
import json
import os
import socket
import ssl
import subprocess
import threading
import time
import warnings
import zlib

import collector
import support

FAILED, USAGE = 1, 2
KILLS = int(os.environ.get("CARILLON_KILLS", "3"))


class WithCollector(support.NodeTest):
    def setUp(self):
        super().setUp()
        self.node = self.start()
        self.now = int(time.time())

    def spool(self):
        return os.path.join(self.root, "spool")

    def start_collector(self, *arguments, open_="acme", tenants=None, listen="127.0.0.1:0"):
        arguments = list(arguments)
        if open_:
            arguments += ["--open", open_]
        if tenants is not None:
            path = os.path.join(self.root, "tenants.toml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(tenants)
            arguments += ["--tenants", path]
        running = collector.Collector(self.spool(), self.node.grpc, *arguments, listen=listen)
        self.addCleanup(running.kill)
        return running

    def accept(self, running, body, count, **headers):
        answer = running.post(body, **headers)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.json(), {"accepted": count, "rejected": 0, "errors": []})

    def make_key(self, tenant="acme"):
        made = subprocess.run([collector.COLLECTOR, "key", "create", tenant], capture_output=True,
                              check=True, timeout=10).stdout.decode()
        return made.split()[1], made[made.index("[["):]


class CollectorTest(WithCollector):
    def test_events_of_every_shape_can_be_read_as_they_came(self):
        running = self.start_collector()
        event = {"timestamp": self.now, "type": "WEB", "subtype": "app", "n": 0}
        shape = [dict(event, n=n) for n in range(12)]
        lines = [json.dumps(one) for one in shape]
        self.accept(running, lines[0], 1, Content_Type="application/json")
        self.accept(running, json.dumps(shape[1:3]), 2, Content_Type="application/json")
        self.accept(running, "\n".join(lines[3:5]) + "\n", 2, Content_Type="application/x-ndjson")
        self.accept(running, json.dumps(shape[5], indent=2), 1, Content_Type="text/plain")
        self.accept(running, gzip.compress(lines[6].encode()), 1, Content_Encoding="gzip")
        self.accept(running, zlib.compress(lines[7].encode()), 1, Content_Encoding="deflate")
        packed = subprocess.run(["zstd"], input=lines[8].encode(), capture_output=True, check=True)
        self.accept(running, packed.stdout, 1, Content_Encoding="zstd")
        self.accept(running, json.dumps({"write_key": "any", "events": shape[9:11]}), 2,
                    Content_Type="text/plain")
        with running.client() as client:  # without a length
            client.connection.request("POST", "/v1/events", body=iter([lines[11].encode()]),
                                      encode_chunked=True,
                                      headers={"Transfer-Encoding": "chunked"})
            self.assertEqual(client.connection.getresponse().status, 200)
        events = collector.await_events(self.node, 12, type_="WEB")
        self.assertEqual(sorted(one["n"] for one in events), list(range(12)))
        for one in events:
            self.assertEqual(one.pop("_ip"), "127.0.0.1")
            self.assertAlmostEqual(one.pop("_received"), self.now, delta=60)
            self.assertEqual(one, dict(event, n=one["n"]))

    def test_an_event_gets_the_time_and_type_that_it_lacks(self):
        running = self.start_collector()
        self.accept(running, '{"a":1}', 1)
        events = collector.await_events(self.node, 1)
        self.assertEqual(events[0]["type"], "event")
        self.assertAlmostEqual(events[0]["timestamp"], self.now, delta=60)

    def test_bad_bodies_are_refused_and_good_lines_beside_bad_ones_are_kept(self):
        running = self.start_collector()
        for body in ["", "{", "[{}", "hello", "\xff\xfe", "[" * 100_000, '{"a":1e}']:
            self.assertEqual(running.post(body.encode("latin-1")).status, 400, body[:20])
        answer = running.post(b'{"a":1}\n{oops\n{"timestamp":"never"}\n{"b":"\xff"}\n')
        self.assertEqual(answer.status, 200)
        self.assertEqual((answer.json()["accepted"], answer.json()["rejected"]), (1, 3))
        self.assertEqual([error["index"] for error in answer.json()["errors"]], [1, 2, 3])
        self.assertEqual(running.post(b"x" * (1 << 20) + b"x").status, 413)
        bomb = gzip.compress(b'{"a":"' + b" " * (64 << 20) + b'"}')
        self.assertEqual(running.post(bomb, Content_Encoding="gzip").status, 413)
        self.assertEqual(running.post(b"{}", Content_Encoding="gzip").status, 400)
        self.assertEqual(len(collector.await_events(self.node, 1)), 1)

    def test_keys_origins_and_revocation(self):
        key, lines = self.make_key()
        other, other_lines = self.make_key()
        tenants = lines + 'origins = ["https://shop.example"]\n' + other_lines
        running = self.start_collector(open_=None, tenants=tenants)
        self.assertEqual(running.post({}).status, 401)
        self.assertEqual(running.post({}, X_Write_Key="nobodys").status, 401)
        self.assertEqual(running.post({}, X_Write_Key=key).status, 200)
        self.assertEqual(running.post({}, Authorization=f"Bearer {other}").status, 200)
        with running.client() as client:
            preflight = client.request("OPTIONS", "/v1/events", headers={
                "Origin": "https://shop.example", "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type,x-write-key"})
        self.assertEqual(preflight.status, 204)
        self.assertEqual(preflight.headers["Access-Control-Allow-Origin"], "https://shop.example")
        self.assertEqual(preflight.headers["Access-Control-Allow-Credentials"], "true")
        allowed = running.post({}, X_Write_Key=key, Origin="https://shop.example")
        self.assertEqual(allowed.status, 200)
        self.assertEqual(allowed.headers["Access-Control-Allow-Origin"], "https://shop.example")
        refused = running.post({}, X_Write_Key=key, Origin="https://evil.test")
        self.assertEqual(refused.status, 403)
        self.assertIsNone(refused.headers["Access-Control-Allow-Origin"])
        with open(os.path.join(self.root, "tenants.toml"), "a", encoding="utf-8") as file:
            file.write("revoked = true\n")  # the last key
        deadline = time.monotonic() + 10
        while running.post({}, X_Write_Key=other).status != 401:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)
        self.assertEqual(running.post({}, X_Write_Key=key).status, 200)

    def test_a_tenant_over_its_quota_is_told_when_to_come_back_and_others_are_not(self):
        key, lines = self.make_key()
        rich, rich_lines = self.make_key("globex")
        running = self.start_collector(
            open_=None, tenants=lines + rich_lines +
            "[tenants.acme.quota]\nevents_per_second = 10\nevents_burst = 10\n")
        self.assertEqual(running.post([{}] * 10, X_Write_Key=key).status, 200)
        over = running.post([{}] * 10, X_Write_Key=key)
        self.assertEqual(over.status, 429)
        self.assertGreaterEqual(int(over.headers["Retry-After"]), 1)
        self.assertEqual(running.post([{}] * 1000, X_Write_Key=rich).status, 200)
        self.assertEqual(running.metric("over_quota_total", tenant="acme"), 1)

    def test_rules_and_places_of_a_tenant(self):
        running = self.start_collector(tenants="""
[[tenants.acme.rules]]
when = { field = "level", equals = "debug" }
do = "drop"
[[tenants.acme.rules]]
do = "redact"
fields = ["card"]
[[tenants.acme.rules]]
when = { field = "vip", equals = true }
do = "route"
type = "VIP"
""")
        self.accept(running, [{"level": "debug"}, {"card": "4111", "n": 1},
                              {"vip": True, "card": 7, "n": 2}], 3)
        events = {one["n"]: one for one in collector.await_events(self.node, 2)}
        self.assertEqual(sorted(events), [1, 2])
        self.assertEqual(events[1]["card"], "[redacted]")
        self.assertEqual([one["n"] for one in collector.read_events(self.node, type_="VIP")], [2])

    def test_health_and_metrics_have_a_port_of_their_own_if_told(self):
        running = self.start_collector("--admin", "127.0.0.1:0")
        with running.client("admin") as client:
            self.assertEqual(client.get("/readyz").status, 200)
            self.assertEqual(client.get("/livez").status, 200)
            self.assertIn(b"carillon_collector_spool_bytes", client.get("/metrics").body)
            self.assertEqual(client.request("POST", "/v1/events", body="{}").status, 404)
        with running.client() as client:
            self.assertEqual(client.get("/metrics").status, 404)
            self.assertEqual(client.get("/readyz").status, 200)

    def test_a_second_process_cannot_have_the_spool_or_the_port(self):
        running = self.start_collector()
        with self.assertRaises(collector.CollectorDidNotStart) as same_spool:
            collector.Collector(self.spool(), self.node.grpc)
        self.assertEqual(same_spool.exception.code, FAILED)
        with self.assertRaises(collector.CollectorDidNotStart) as same_port:
            collector.Collector(self.spool() + "2", self.node.grpc, listen=running.http)
        self.assertEqual(same_port.exception.code, FAILED)
        self.accept(running, "{}", 1)

    def test_wrong_flags_and_files_are_told(self):
        good = os.path.join(self.root, "c.toml")
        with open(good, "w", encoding="utf-8") as file:
            file.write("spool = '/x'\n[tenants.acme]\nbucket = 'events'\n")
        bad = os.path.join(self.root, "bad.toml")
        with open(bad, "w", encoding="utf-8") as file:
            file.write("spool = '/x'\n[tenants.acme]\nbukket = 'events'\n")

        def run(*arguments):
            return subprocess.run([collector.COLLECTOR, *arguments], capture_output=True,
                                  timeout=20, check=False)

        example = os.path.join(support.REPOSITORY, "cluster-config", "collector.toml")
        for path in [good, example]:
            checked = run("config", "check", "--config", path)
            self.assertEqual(checked.returncode, 0, checked)
        for arguments, words in [
                (["config", "check", "--config", bad], b"unknown key 'bukket'"),
                (["config", "check", "--config", "/nowhere"], b"/nowhere"),
                (["--spool", "/x", "--http", "0.0.0.0:0"], b"--insecure-listen"),
                (["--spool", "/x", "--http", "0.0.0.0:0", "--insecure-listen", "--open", "t"],
                 b"without a key"),
                ([], b"--spool"),
                (["--frobnicate"], b"frobnicate"),
                (["key", "create", "a b"], b"only letters")]:
            result = run(*arguments)
            self.assertEqual(result.returncode, USAGE, result)
            self.assertIn(words, result.stderr + result.stdout)
        for arguments in [["--help"], ["--version"], ["--print-config"]]:
            self.assertEqual(run(*arguments).returncode, 0)

    def test_a_stop_answers_what_is_under_way_and_commits_it(self):
        running = self.start_collector()
        with running.client() as client:
            client.request("POST", "/v1/events", body='{"n":1}')
            started = time.monotonic()
            self.assertEqual(running.stop(), 0, running.log())
            self.assertLess(time.monotonic() - started, 15)
        self.assertEqual(len(collector.read_events(self.node)), 1)

    def test_events_come_by_forward_syslog_and_relp(self):
        running = self.start_collector(*(word for name in ("forward", "syslog", "relp")
                                         for word in (f"--{name}", "127.0.0.1:0")))

        def talk(name, data, answer_size):
            host, _, port = running.addresses[name].rpartition(":")
            with socket.create_connection((host, int(port)), timeout=20) as connection:
                connection.sendall(data)
                answer = b""
                while len(answer) < answer_size:
                    block = connection.recv(4096)
                    self.assertTrue(block, answer)
                    answer += block
                return answer

        # ["web.access", now, {"n": 1}, {"chunk": "c1"}] in msgpack
        message = (b"\x94\xaaweb.access\xce" + self.now.to_bytes(4, "big") + b"\x81\xa1n\x01" +
                   b"\x81\xa5chunk\xa2c1")
        self.assertEqual(talk("forward", message, 8), b"\x81\xa3ack\xa2c1")
        line = b"<34>1 - host app - - - hello"
        talk("syslog", line + b"\n", 0)
        frame = b"2 syslog %d %s\n" % (len(line), line)
        answer = talk("relp", b"1 open 14 relp_version=0\n" + frame, 60)
        self.assertTrue(answer.endswith(b"2 rsp 6 200 OK\n"), answer)
        events = collector.await_events(self.node, 3)
        self.assertEqual([one["n"] for one in collector.read_events(self.node, type_="web")], [1])
        self.assertEqual(sum("hello" in json.dumps(one) for one in events), 2)
        self.assertEqual(running.metric("requests_total", dialect="forward", code="OK"), 1)

    def make_certificate(self, name):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                        f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                        self.path("tls.key"), "-out", self.path("tls.crt")],
                       check=True, capture_output=True, timeout=20)
        return ssl.create_default_context(cafile=self.path("tls.crt"))

    def path(self, name):
        return os.path.join(self.root, name)

    def test_tls_and_a_certificate_that_changes(self):
        first = self.make_certificate("first")
        running = self.start_collector("--tls-certificate", self.path("tls.crt"), "--tls-key",
                                       self.path("tls.key"), "--syslog", "127.0.0.1:0")
        host, _, port = running.http.rpartition(":")

        def post(context, body):
            connection = http.client.HTTPSConnection(host, int(port), timeout=20, context=context)
            with support.HttpClient(connection) as client:
                return [client.request("POST", "/v1/events", body=body).status for _ in range(2)]

        self.assertEqual(post(first, "{}"), [200, 200])
        large = json.dumps([{"pad": "x" * 1000}] * 900)
        self.assertEqual(post(first, large), [200, 200])
        for hello in [b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n", bytes(100)]:  # plain text
            with socket.create_connection((host, int(port)), timeout=20) as connection:
                connection.sendall(hello)
                with contextlib.suppress(ConnectionResetError):
                    self.assertNotIn(b"HTTP", connection.recv(4096))
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises(ssl.SSLError):
            post(old, "{}")
        syslog_host, _, syslog_port = running.addresses["syslog"].rpartition(":")
        with socket.create_connection((syslog_host, int(syslog_port)), timeout=20) as plain:
            with first.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
                connection.sendall(b"<34>1 - host app - - - by TLS\n")
        second = self.make_certificate("second")
        deadline = time.monotonic() + 10
        while True:
            try:
                self.assertEqual(post(second, "{}"), [200, 200])
                break
            except ssl.SSLError:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.1)
        events = collector.await_events(self.node, 1 + 2 + 2 * 900 + 2)
        self.assertEqual(sum("by TLS" in json.dumps(one) for one in events), 1)

    def test_smuggled_requests_are_refused(self):
        running = self.start_collector()
        host, _, port = running.http.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                               b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                               b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
            answer = b""
            while block := connection.recv(4096):
                answer += block
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)
        self.assertEqual(answer.count(b"HTTP/1.1 "), 1)
        self.assertEqual(running.metric("events_total", tenant="acme", result="accepted"), 0)


class CollectorKillTest(WithCollector):
    WRITERS = 4

    def write(self, number, address, acknowledged, stop):
        """Sends events until told to stop; remembers the ids that were answered with 200."""
        sent = 0
        client = None
        while not stop.is_set():
            ids = [f"{number}-{sent + i}" for i in range(1 + sent % 3)]
            sent += len(ids)
            body = "\n".join(json.dumps({"timestamp": int(time.time()), "type": "K", "id": one})
                             for one in ids)
            try:
                if client is None:
                    client = support.HttpClient(collector.http.client.HTTPConnection(
                        address[0], address[1], timeout=5))
                if client.request("POST", "/v1/events", body=body).status == 200:
                    acknowledged.extend(ids)
            except (OSError, collector.http.client.HTTPException):
                if client is not None:
                    client.connection.close()
                client = None
                time.sleep(0.01)
        if client is not None:
            client.connection.close()

    def test_every_acknowledged_event_is_there_once_however_often_it_is_killed(self):
        with socket.socket() as probe:  # the same port each time
            probe.bind(("127.0.0.1", 0))
            listen = f"127.0.0.1:{probe.getsockname()[1]}"
        running = self.start_collector(listen=listen)
        stop = threading.Event()
        acknowledged = [[] for _ in range(self.WRITERS)]
        address = ("127.0.0.1", int(listen.rpartition(":")[2]))
        writers = [threading.Thread(target=self.write, args=(i, address, acknowledged[i], stop))
                   for i in range(self.WRITERS)]
        for writer in writers:
            writer.start()
        try:
            for _ in range(KILLS):
                time.sleep(self.random.uniform(0.3, 2.0))
                running.kill()
                running = self.start_collector(listen=listen)
            time.sleep(1)
        finally:
            stop.set()
            for writer in writers:
                writer.join()
        self.assertEqual(running.stop(), 0, running.log())
        promised = [one for ids in acknowledged for one in ids]
        self.assertGreater(len(promised), 100)
        found = collections.Counter(one["id"] for one in collector.read_events(self.node))
        self.assertEqual([one for one in promised if found[one] != 1], [])
        self.assertEqual([one for one, count in found.items() if count > 1], [])
        print(f"{len(promised)} events acknowledged, {KILLS} kills", flush=True)


if __name__ == "__main__":
    support.main()
