"""Tenants and keys of the ring: the command line makes them, collectors follow, whoever is away."""

import json
import os
import subprocess
import time

import collector
import support

FAILED, USAGE, PARTIAL = 1, 2, 3
HEARD_SECONDS = 5  # what is promised for a key's end


class WithRing(support.NodeTest):
    def setUp(self):
        super().setUp()
        self.nodes = [self.start_node("node1")]

    def start_node(self, name, join=None, listen="127.0.0.1:0"):
        arguments = ["--name", name] + ([] if join is None else ["--join", join])
        node = support.Node(os.path.join(self.root, name), support.SMALL_SEGMENTS,
                            listen=listen, arguments=arguments)
        self.addCleanup(node.kill)
        return node

    def grow(self, count):
        """A ring of so many members."""
        first = self.nodes[0]
        for number in range(len(self.nodes) + 1, count + 1):
            self.nodes.append(self.start_node(f"node{number}", join=first.grpc))
        self.await_true(lambda: [
            member["health"] for member in self.json("ring", "members")["members"]
        ] == ["alive"] * count, 20)
        self.assert_done(first.cli("ring", "plan"))
        self.assert_done(first.cli("ring", "commit", "--yes", "--wait"))

    def await_true(self, is_true, seconds):
        deadline = time.monotonic() + seconds
        while not is_true():
            self.assertLess(time.monotonic(), deadline, f"not within {seconds} s")
            time.sleep(0.05)

    def endpoints(self):
        return ",".join(node.grpc for node in self.nodes)

    def cli(self, *arguments, **options):
        return support.run_cli(*arguments, endpoint=self.endpoints(), **options)

    def json(self, *arguments):
        return json.loads(self.assert_done(self.cli(*arguments, "--format", "json")).stdout)

    def assert_cli_fails(self, result, exit_code, *words):
        self.assertEqual(result.returncode, exit_code, result)
        message = result.stderr.decode()
        self.assertEqual(len(message.splitlines()), 1, message)
        for word in words:
            self.assertIn(word, message)
        self.assertEqual(result.stdout, b"")

    def write(self, name, text):
        path = os.path.join(self.root, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def start_collector(self, name="spool", *arguments):
        config = self.write("collector.toml", "drain_seconds = 1\n")
        more = [word for node in self.nodes[1:] for word in ("--endpoint", node.grpc)]
        running = collector.Collector(os.path.join(self.root, name), self.nodes[0].grpc,
                                      *more, "--config", config, *arguments)
        self.addCleanup(running.kill)
        return running

    def make_key(self, tenant, *options):
        made = self.json("key", "create", tenant, *options)
        return made["key"], made["id"]

    def status_with(self, running, key):
        return running.post({"type": "WEB"}, X_Write_Key=key).status

    def await_status(self, running, key, status, seconds=HEARD_SECONDS):
        self.await_true(lambda: self.status_with(running, key) == status, seconds)


class TenantsOfTheRingTest(WithRing):
    def test_a_key_counts_at_all_collectors_until_it_is_revoked(self):
        self.grow(3)
        one = self.start_collector("one")
        two = self.start_collector("two")
        self.assert_done(self.cli("tenant", "create", "shop"))
        key, key_id = self.make_key("shop", "--label", "web")
        self.await_status(one, key, 200)
        self.await_status(two, key, 200)
        self.assertEqual(len(collector.await_events(self.nodes[2], 2, type_="WEB")), 2)
        # Made at one node, ended at another, with a node of the ring away.
        self.nodes[1].kill()
        began = time.monotonic()
        self.assert_done(support.run_cli("key", "revoke", key_id, endpoint=self.nodes[2].grpc))
        self.await_status(one, key, 401)
        self.await_status(two, key, 401)
        print(f"refused by both {time.monotonic() - began:.2f} s after", flush=True)
        self.assertEqual(self.json("key", "list", "shop")[0]["state"], "revoked")

    def test_a_collector_that_starts_without_the_ring_knows_the_last_tenants(self):
        running = self.start_collector()
        self.assert_done(self.cli("tenant", "create", "shop"))
        key, _ = self.make_key("shop")
        gone, gone_id = self.make_key("shop")
        self.await_status(running, gone, 200)
        self.assert_done(self.cli("key", "revoke", gone_id))
        self.await_status(running, gone, 401)
        address = self.nodes[0].grpc
        self.stop(self.nodes[0])
        for end in (collector.Collector.stop, collector.Collector.kill):
            end(running)
            running = self.start_collector()
            self.assertEqual(self.status_with(running, key), 200)
            self.assertEqual(self.status_with(running, gone), 401)
        self.nodes = [self.start_node("node1", listen=address)]
        late, _ = self.make_key("shop")
        self.await_status(running, late, 200, 10)

    def test_a_tenant_follows_its_document_and_the_file_of_a_collector_wins(self):
        running = self.start_collector()
        document = self.write("shop.toml", "type = 'first'\n[quota]\nevents_per_day = 3\n")
        self.assert_done(self.cli("tenant", "create", "shop", "--file", document))
        key, _ = self.make_key("shop")
        self.await_status(running, key, 200)
        shown = self.assert_done(self.cli("tenant", "show", "shop"))
        with open(document, "rb") as file:
            self.assertEqual(shown.stdout, file.read())
        for _ in range(2):
            self.assertEqual(running.post({}, X_Write_Key=key).status, 200)
        over = running.post({}, X_Write_Key=key)
        self.assertEqual(over.status, 429)
        self.assertGreater(int(over.headers["Retry-After"]), 0)
        # What was used of the day outlives the process.
        self.assertEqual(running.stop(), 0)
        running = self.start_collector()
        self.assertEqual(running.post({}, X_Write_Key=key).status, 429)
        # A tenant of the file counts; another one of the ring goes on.
        self.assert_done(self.cli("tenant", "create", "other"))
        other, _ = self.make_key("other")
        self.assertEqual(running.stop(), 0)
        tenants = self.write("tenants.toml", "[tenants.shop]\n")
        running = self.start_collector("spool", "--tenants", tenants)
        self.await_status(running, other, 200)
        self.assertEqual(running.post({}, X_Write_Key=key).status, 401)
        self.assertIn("the file has one of that name", running.log())

    def test_quotas_of_the_day_survive_a_kill_but_for_the_last_seconds(self):
        running = self.start_collector()
        document = self.write("shop.toml", "[quota]\nrequests_per_day = 2\n")
        self.assert_done(self.cli("tenant", "create", "shop", "--file", document))
        key, _ = self.make_key("shop")
        self.await_status(running, key, 200)
        self.assertEqual(self.status_with(running, key), 200)
        kept = os.path.join(self.root, "spool", "QUOTAS")
        self.await_true(lambda: os.path.exists(kept) and self.used_in(kept) == 2, 15)
        running.kill()
        running = self.start_collector()
        self.assertEqual(self.status_with(running, key), 429)

    @staticmethod
    def used_in(path):
        with open(path, "rb") as file:
            content = file.read()
        at = content.index(b"shop") + len(b"shop")
        while content[at] & 0x80:  # the day
            at += 1
        return content[at + 1]  # the requests


class CommandLineTest(WithRing):
    def test_a_tenant_is_made_changed_and_removed(self):
        self.assert_cli_fails(self.cli("tenant", "show", "shop"), FAILED, "carillon tenant create")
        self.assert_cli_fails(self.cli("tenant", "set", "shop", "--file", "/dev/null"), FAILED,
                              "no tenant 'shop'")
        self.assert_cli_fails(self.cli("key", "create", "shop"), FAILED, "carillon tenant create")
        said = self.assert_done(self.cli("tenant", "create", "shop"))
        self.assertIn(b"carillon key create shop", said.stdout)
        self.assert_cli_fails(self.cli("tenant", "create", "shop"), FAILED, "exists")
        seen = self.json("tenant", "show", "shop")["version"]
        document = self.write("shop.toml", "type = 'a'\n")
        self.assert_done(self.cli("tenant", "set", "shop", "--file", document,
                                  "--expected", seen))
        self.assert_cli_fails(self.cli("tenant", "set", "shop", "--file", document,
                                       "--expected", seen), FAILED, "look at it again")
        listed = self.json("tenant", "list")
        self.assertEqual([(one["name"], one["document"], one["keys"]) for one in listed],
                         [("shop", "type = 'a'\n", 0)])
        self.assertIn(b"shop", self.assert_done(self.cli("tenant", "list")).stdout)
        self.assert_cli_fails(self.cli("tenant", "remove", "shop", "--expected", seen), FAILED)
        self.make_key("shop")
        self.assert_done(self.cli("tenant", "remove", "shop"))
        self.assertEqual(self.json("tenant", "list"), [])
        self.assertEqual(self.json("key", "list"), [])
        # It is in the history of the ring, and all of it survives a restart.
        self.assert_done(self.cli("tenant", "create", "kept"))
        address = self.nodes[0].grpc
        self.stop(self.nodes[0])
        self.nodes = [self.start_node("node1", listen=address)]
        self.assertEqual([one["name"] for one in self.json("tenant", "list")], ["kept"])

    def test_a_bad_document_is_refused_with_its_line_before_it_is_sent(self):
        self.assert_done(self.cli("tenant", "create", "shop"))
        bad = self.write("bad.toml", "type = 'a'\n\n[quota]\nevnts_per_day = 3\n")
        for arguments in (("tenant", "set", "shop", "--file", bad),
                          ("tenant", "create", "new", "--file", bad), ("tenant", "check", bad)):
            self.assert_cli_fails(self.cli(*arguments), USAGE, "bad.toml", "line 4", "evnts_per_day")
        self.assertEqual(self.json("tenant", "show", "shop")["document"], "")
        self.assert_cli_fails(self.cli("tenant", "set", "shop"), USAGE, "--file")
        self.assert_cli_fails(self.cli("tenant", "check", "/nowhere"), USAGE, "/nowhere")
        huge = self.write("huge.toml", "#" * 70_000)
        self.assert_cli_fails(self.cli("tenant", "check", huge), USAGE, "bytes")
        many = self.write("many.toml", "[tenants.a]\n[tenants.b]\ntype = 'x'\n")
        self.assertEqual(self.json("tenant", "check", many), {"tenants": 2})
        self.assert_cli_fails(self.cli("tenant", "set", "shop", "--file", many), USAGE, "alone")
        typed = self.cli("tenant", "set", "shop", "--file", "-", stdin=b"type = 'typed'\n")
        self.assert_done(typed)
        self.assertEqual(self.json("tenant", "show", "shop")["document"], "type = 'typed'\n")

    def test_a_key_is_shown_once_listed_by_its_id_and_ends_by_either(self):
        self.assert_done(self.cli("tenant", "create", "shop"))
        self.assert_done(self.cli("tenant", "create", "blog"))
        created = self.assert_done(self.cli(
            "key", "create", "shop", "--label", "web", "--origin", "https://shop.example",
            "--origin", "https://www.shop.example", "--expires", "90d", "--rate", 7)).stdout.decode()
        key = created.split()[1]
        self.assertRegex(key, r"^wk_[A-Za-z0-9_-]{43}$")
        self.make_key("blog")
        (shop,) = self.json("key", "list", "shop")
        self.assertEqual((shop["label"], shop["state"], shop["requests_per_second"]),
                         ("web", "active", 7))
        self.assertEqual(shop["origins"], ["https://shop.example", "https://www.shop.example"])
        self.assertEqual(shop["expires"] - shop["created"], 90 * 86_400)
        self.assertEqual(len(self.json("key", "list")), 2)
        self.assertIn(shop["id"], created)
        for text in (self.cli("key", "list").stdout, self.cli("key", "list", "--format", "json").stdout):
            self.assertNotIn(key.encode(), text)
        for name in os.listdir(os.path.join(self.root, "node1")):
            path = os.path.join(self.root, "node1", name)
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    self.assertNotIn(key.encode(), file.read(), name)
        self.assert_done(self.cli("key", "revoke", key))
        self.assertEqual(self.json("key", "list", "shop")[0]["state"], "revoked")
        self.assert_done(self.cli("key", "revoke", "--forget", shop["id"]))
        self.assertEqual(self.json("key", "list", "shop"), [])
        self.assert_cli_fails(self.cli("key", "revoke", shop["id"]), FAILED, "no key")
        self.assert_cli_fails(self.cli("key", "revoke", "xyz"), FAILED, "names no key")

    def test_a_key_that_cannot_be_is_refused(self):
        self.assert_done(self.cli("tenant", "create", "shop"))
        for options, word in ((("--origin", "shop.example"), "origin"),
                              (("--expires", "soon"), "soon"), (("--rate", 2_000_000), "requests a second"),
                              (("--label", "x" * 65), "label"), (("--sha256", "abc"), "sha256")):
            self.assert_cli_fails(self.cli("key", "create", "shop", *options), USAGE, word)
        self.assert_cli_fails(self.cli("key", "list", "nobody"), FAILED, "nobody")
        self.assertEqual(self.json("key", "list"), [])

    def test_a_key_of_a_file_can_move_to_the_ring(self):
        made = subprocess.run([collector.COLLECTOR, "key", "create", "shop"], capture_output=True,
                              check=True, timeout=10).stdout.decode()
        key, sha256 = made.split()[1], made.split('"')[1]
        running = self.start_collector()
        self.assert_done(self.cli("tenant", "create", "shop"))
        self.assertEqual(self.json("key", "create", "shop", "--sha256", sha256)["key"], "")
        self.await_status(running, key, 200)
        self.assert_cli_fails(self.cli("key", "create", "shop", "--sha256", sha256), FAILED,
                              "exists")


class CollectorStatusTest(WithRing):
    def test_says_how_collectors_fare(self):
        self.assert_done(self.cli("tenant", "create", "shop"))
        key, _ = self.make_key("shop")
        running = self.start_collector("spool", "--admin", "127.0.0.1:0")
        self.await_status(running, key, 200)
        self.assertEqual(self.status_with(running, "nobodys"), 401)
        url = running.addresses["admin"]
        (one,) = self.json("collector", "status", url)
        status = one["status"]
        self.assertEqual((one["url"], one["error"], status["not_ready"]), (url, "", ""))
        self.assertTrue(status["ring"]["reachable"])
        self.assertEqual(status["tenants"], {"all": 1, "of_ring": 1, "refused": 0})
        self.assertGreaterEqual(status["totals"]["events_accepted"], 1)
        self.assertGreaterEqual(status["refused"]["UNAUTHENTICATED"], 1)
        text = self.assert_done(self.cli("collector", "status", f"http://{url}/")).stdout.decode()
        self.assertIn("reachable  ready", text)
        self.assertIn("UNAUTHENTICATED", text)
        # Not where clients send to.
        with running.client() as client:
            self.assertEqual(client.get("/status").status, 404)
        self.stop(self.nodes[0])
        self.await_true(lambda: not json.loads(self.cli(
            "collector", "status", url, "--format", "json").stdout)[0]["status"]["ring"]
            ["reachable"], 20)
        away = self.cli("collector", "status", url, "127.0.0.1:1")
        self.assertEqual(away.returncode, PARTIAL, away)
        self.assertIn(b"does not reach the ring", away.stdout)
        self.assertIn(b"no answer", away.stdout)
        self.assertEqual(running.metric("ring_reachable"), 0)


if __name__ == "__main__":
    support.main()
