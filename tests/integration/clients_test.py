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
