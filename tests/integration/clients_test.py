"""Real clients, unmodified, against a real collector before a real node.

They are npm packages (clients/package.json), put into build/clients at the first run; without npm
these tests are skipped.
"""

import contextlib
import filecmp
import http.server
import json
import os
import shutil
import subprocess
import threading
import unittest

import collector
import support

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "clients")
INSTALLED = os.path.join(support.BINARIES, "..", "..", "clients")
COUNT = 20


def install():
    """Whether the clients are there."""
    manifest = os.path.join(INSTALLED, "package.json")
    wanted = os.path.join(SOURCE, "package.json")
    if os.path.exists(manifest) and filecmp.cmp(manifest, wanted, shallow=False):
        return True
    if shutil.which("npm") is None:
        return False
    os.makedirs(INSTALLED, exist_ok=True)
    fresh = manifest + ".new"
    shutil.copy(wanted, fresh)
    shutil.copy(wanted, manifest)
    done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"],
                          cwd=INSTALLED, capture_output=True, check=False, timeout=240)
    if done.returncode != 0:
        os.remove(manifest)
        raise unittest.SkipTest(f"npm install failed: {done.stderr.decode()[-500:]}")
    return True


class WithClients(support.NodeTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not install():
            raise unittest.SkipTest("there is no npm")

    def setUp(self):
        super().setUp()
        self.node = self.start()
        self.running = collector.Collector(os.path.join(self.root, "spool"), self.node.grpc,
                                           "--open", "shop", "--forward", "127.0.0.1:0")
        self.addCleanup(self.running.kill)

    def send(self, client, where="http"):
        """What the client says of it."""
        done = subprocess.run(
            ["node", os.path.join(SOURCE, "send.mjs"), client,
             f"http://{self.running.addresses[where]}", str(COUNT)],
            capture_output=True, check=False, timeout=60,
            env=dict(os.environ, CARILLON_CLIENTS=os.path.realpath(INSTALLED)))
        self.assertEqual(done.returncode, 0, done.stderr.decode()[-2000:])
        return json.loads(done.stdout.splitlines()[-1])

    def check(self, number_of, **where):
        """Every event is in the store, once."""
        events = collector.await_events(self.node, COUNT, **where)
        self.assertEqual(sorted(map(number_of, events)), list(range(COUNT)), events[:2])


class ClientsTest(WithClients):
    def test_splunk_logging(self):
        said = self.send("splunk")
        self.assertEqual((said["error"], said["errors"]), (None, []))
        self.check(lambda event: event["message"]["n"])

    def test_segments_library(self):
        self.assertEqual(self.send("segment")["errors"], [])
        self.check(lambda event: event["properties"]["n"])

    def test_opentelemetry_as_json(self):
        self.assertEqual(self.send("otlpJson")["failures"], [])
        self.check(lambda event: int(event["attributes"]["n"]))

    def test_opentelemetry_as_protobuf(self):
        self.assertEqual(self.send("otlpProtobuf")["failures"], [])
        self.check(lambda event: int(event["attributes"]["n"]))

    def test_elasticsearchs_bulk(self):
        said = self.send("elasticsearch")
        self.assertEqual((said["errors"], said["items"]), (False, [201] * COUNT))
        self.check(lambda event: event["n"])

    def test_fluent_logger_with_acknowledgements(self):
        self.send("fluentLogger", where="forward")
        self.check(lambda event: event["n"])

    def test_fluent_org_logger_compressed_with_acknowledgements(self):
        self.send("fluentOrg", where="forward")
        self.check(lambda event: event["n"])


class RepeatsTest(WithClients):
    """What clients send again because they did not hear the answer is stored once."""

    @contextlib.contextmanager
    def deaf(self, times):
        """Passes requests on, and says 503 instead of the answer to the first so many."""
        target = self.running
        counts = {"lost": 0, "passed": 0}

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):  # pylint: disable=invalid-name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.replace("-", "_"): value for name, value in self.headers.items()
                           if name.lower() not in ("host", "content-length", "connection")}
                answer = target.post(body, path=self.path, **headers)
                counts["passed"] += 1
                status = answer.status
                if counts["lost"] < times:
                    counts["lost"] += 1
                    status = 503
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.running.addresses["deaf"] = f"127.0.0.1:{server.server_address[1]}"
        try:
            yield counts
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def test_segments_library_that_sends_again(self):
        with self.deaf(times=2) as counts:
            self.assertEqual(self.send("segment", where="deaf")["errors"], [])
        self.assertEqual(counts, {"lost": 2, "passed": COUNT // 5 + 2})
        self.check(lambda event: event["properties"]["n"])
        self.assertEqual(self.running.stop(), 0)
        self.check(lambda event: event["properties"]["n"])


class DaemonsTest(support.NodeTest):
    """Debian's shippers, each skipped where its package is not installed."""

    def setUp(self):
        super().setUp()
        self.node = self.start()
        arguments = ["--open", "shop"]
        for name in ("forward", "syslog", "relp"):
            arguments += [f"--{name}", "127.0.0.1:0"]
        self.running = collector.Collector(os.path.join(self.root, "spool"), self.node.grpc,
                                           *arguments)
        self.addCleanup(self.running.kill)

    @contextlib.contextmanager
    def daemon(self, *command):
        """Runs until the block ends."""
        with open(os.path.join(self.root, "daemon.log"), "wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log,
                                       preexec_fn=support.die_with_parent)
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)

    def daemon_log(self):
        with open(os.path.join(self.root, "daemon.log"), encoding="utf-8") as file:
            return file.read()

    def written(self, name, text):
        path = os.path.join(self.root, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def ship_by_rsyslog(self, action):
        lines = self.written("in.log", "".join(f"line {n} of the log\n" for n in range(COUNT)))
        state = os.path.join(self.root, "rsyslog")
        os.mkdir(state)
        config = self.written("rsyslog.conf", f"""
            global(workDirectory="{state}")
            module(load="imfile" PollingInterval="1")
            input(type="imfile" File="{lines}" Tag="shop:")
            {action}""")
        with self.daemon("rsyslogd", "-n", "-f", config, "-i", os.path.join(self.root, "pid")):
            events = collector.await_events(self.node, COUNT)
        found = [json.dumps(event) for event in events]
        for n in range(COUNT):
            self.assertEqual(sum(f"line {n} of the log" in one for one in found), 1, found[:2])

    @unittest.skipIf(shutil.which("rsyslogd") is None, "there is no rsyslog")
    def test_rsyslog_over_tcp(self):
        port = self.running.addresses["syslog"].rpartition(":")[2]
        self.ship_by_rsyslog(f"""action(type="omfwd" protocol="tcp" target="127.0.0.1" port="{port}"
            tcp_framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format")""")

    @unittest.skipIf(shutil.which("rsyslogd") is None, "there is no rsyslog")
    def test_rsyslog_over_relp(self):
        port = self.running.addresses["relp"].rpartition(":")[2]
        self.ship_by_rsyslog(f"""module(load="omrelp")
            action(type="omrelp" target="127.0.0.1" port="{port}"
            template="RSYSLOG_SyslogProtocol23Format")""")

    @unittest.skipIf(shutil.which("collectd") is None, "there is no collectd")
    def test_collectds_write_http(self):
        config = self.written("collectd.conf", f"""
            Hostname "h1"
            Interval 1
            BaseDir "{self.root}"
            PIDFile "{self.root}/collectd.pid"
            TypesDB "/usr/share/collectd/types.db"
            LoadPlugin load
            LoadPlugin write_http
            <Plugin write_http>
              <Node "collector">
                URL "http://{self.running.http}/collectd"
                User "any"
                Password "any"
                Format "JSON"
                BufferSize 1024
              </Node>
            </Plugin>
            """)
        with self.daemon("collectd", "-f", "-C", config):
            events = collector.await_events(self.node, 2)
        self.assertGreaterEqual(len(events), 2, self.daemon_log())
        self.assertEqual({(event["host"], event["plugin"]) for event in events}, {("h1", "load")})

    @unittest.skipIf(not os.path.isdir("/usr/lib/python3/dist-packages/fluent"),
                     "there is no python3-fluent-logger")
    def test_pythons_fluent_logger(self):
        port = self.running.addresses["forward"].rpartition(":")[2]
        program = f"""
from fluent import sender
logger = sender.FluentSender("shop", host="127.0.0.1", port={port})
for n in range({COUNT}):
    assert logger.emit("cart", {{"n": n}}), logger.last_error
logger.close()"""
        subprocess.run(["/usr/bin/python3", "-c", program], check=True, timeout=60)
        events = collector.await_events(self.node, COUNT)
        self.assertEqual(sorted(event["n"] for event in events), list(range(COUNT)))


class QuietFiles(http.server.SimpleHTTPRequestHandler):
    """The page, and the SDK beside it."""

    def translate_path(self, path):
        name = os.path.basename(path.partition("?")[0])
        if name == "td.min.js":
            return os.path.join(INSTALLED, "node_modules", "td-js-sdk", "dist", name)
        return os.path.join(SOURCE, name)

    def log_message(self, format, *arguments):
        pass


@unittest.skipIf(shutil.which("chromium") is None, "there is no chromium")
class BrowserTest(WithClients):
    """A page of another origin, in headless Chromium: what it sends is preflighted."""

    @contextlib.contextmanager
    def pages(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), QuietFiles)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def test_treasure_datas_sdk_in_a_browser(self):
        with self.pages() as origin:
            url = (f"{origin}/page.html?count={COUNT}&key=1/any"
                   f"&collector=http://{self.running.http}")
            page = subprocess.run(
                ["chromium", "--headless", "--no-sandbox", "--disable-gpu",
                 f"--user-data-dir={os.path.join(self.root, 'browser')}",
                 "--virtual-time-budget=20000", "--dump-dom", url],
                capture_output=True, check=False, timeout=120).stdout.decode()
        self.assertIn(" ".join(["kept"] * COUNT), page)
        self.check(lambda event: event["n"])


if __name__ == "__main__":
    support.main()
