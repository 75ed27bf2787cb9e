"""Whatever is wrong is said clearly: status, exit code, and which field it is."""

import os
import socket
import subprocess
import time
import urllib.parse

import support

FAILED, USAGE = 1, 2


class ErrorsTest(support.NodeTest):
    def setUp(self):
        super().setUp()
        self.node = self.start()
        self.http = self.node.client()
        self.addCleanup(self.http.connection.close)
        self.now = int(time.time())

    def key(self, epoch=None, cell="cell0", type_="WEB", subtype="app", number="chunk0", dc="1"):
        return f"{self.now if epoch is None else epoch}:{dc}:{cell}:{type_}:{subtype}:{number}"

    def assert_problem(self, answer, status, code, *words):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        problem = answer.json()
        self.assertEqual((problem["status"], problem["code"]), (status, code), problem)
        for word in words:
            self.assertIn(word, problem["detail"])

    def assert_cli_fails(self, result, exit_code, *words):
        self.assertEqual(result.returncode, exit_code, result)
        message = result.stderr.decode()
        self.assertEqual(len(message.splitlines()), 1, message)
        self.assertTrue(message.startswith("carillon: "), message)
        for word in words:
            self.assertIn(word, message)
        self.assertEqual(result.stdout, b"")

    def assert_put_refused(self, key, status, code, exit_code, *words, value=b"x", bucket=None):
        """The same error over HTTP and by the command line, and nothing is stored."""
        self.assert_problem(self.http.put_chunk(key, value, bucket), status, code, *words)
        options = () if bucket is None else ("--bucket", bucket)
        put = self.node.cli(*options, "put", key, "-", stdin=value)
        self.assert_cli_fails(put, exit_code, *words)
        self.assertNotEqual(self.http.get_chunk(key).status, 200)

    def test_the_same_key_with_the_same_bytes_is_fine(self):
        key = self.key()
        self.assertEqual(self.http.put_chunk(key, b"bytes").status, 201)
        again = self.http.put_chunk(key, b"bytes")
        self.assertEqual(again.status, 200)
        self.assertTrue(again.json()["already_stored"])
        put = self.assert_done(self.node.cli("put", key, "-", stdin=b"bytes"))
        self.assertIn(b"was there already", put.stdout)

    def test_the_same_key_with_other_bytes_is_refused_and_the_first_stay(self):
        key = self.key()
        self.assertEqual(self.http.put_chunk(key, b"first").status, 201)
        self.assert_problem(self.http.put_chunk(key, b"other"), 409, "ALREADY_EXISTS", key)
        self.assert_cli_fails(self.node.cli("put", key, "-", stdin=b"other"), FAILED, key,
                              "ALREADY_EXISTS")
        self.assertEqual(self.http.get_chunk(key).body, b"first")
        self.assertEqual(self.node.cli("get", key).stdout, b"first")

    def test_a_bad_field_of_a_key_is_named(self):
        for field, key in (("epoch", self.key(epoch="12x4")),
                           ("dc", self.key(dc="d c")),
                           ("cell", self.key(cell="ce*ll")),
                           ("type", self.key(type_="")),
                           ("subtype", self.key(subtype="a" * 65)),
                           ("chunk", self.key(number="chunk01")),
                           ("chunk", self.key(number="part0")),
                           ("5", f"{self.now}:1:cell0:WEB:chunk0")):
            with self.subTest(field=field, key=key):
                path = urllib.parse.quote(key)
                self.assert_problem(self.http.put_chunk(path, b"x"), 400, "INVALID_ARGUMENT", field)
                self.assert_cli_fails(self.node.cli("put", key, "-", stdin=b"x"), USAGE, field)

    def test_an_epoch_in_milliseconds_is_recognized(self):
        self.assert_put_refused(self.key(self.now * 1000), 400, "INVALID_ARGUMENT", USAGE, "epoch",
                                "milliseconds")

    def test_an_epoch_far_in_the_future_is_refused(self):
        self.assert_put_refused(self.key(self.now + 5000), 400, "OUT_OF_RANGE", FAILED, "epoch",
                                "in the future")

    def test_an_epoch_older_than_the_ttl_is_refused(self):
        self.assert_put_refused(self.key(self.now - 9 * 86400), 400, "OUT_OF_RANGE", FAILED,
                                "epoch", "8d")

    def test_a_chunk_that_is_too_large_is_refused(self):
        self.assert_put_refused(self.key(), 400, "INVALID_ARGUMENT", FAILED, "512001", "512000",
                                value=b"x" * 512001)
        self.assertEqual(self.http.put_chunk(self.key(), b"x" * 512000).status, 201)

    def test_an_empty_chunk_is_refused(self):
        self.assert_put_refused(self.key(), 400, "INVALID_ARGUMENT", FAILED, "empty", value=b"")

    def test_an_unknown_bucket_is_named(self):
        self.assert_put_refused(self.key(), 404, "NOT_FOUND", FAILED, "'nowhere'",
                                bucket="nowhere")
        self.assert_problem(self.http.get("/v1/seconds", bucket="nowhere"), 404, "NOT_FOUND",
                            "'nowhere'")
        self.assert_problem(self.http.get("/v1/events", bucket="nowhere"), 404, "NOT_FOUND",
                            "'nowhere'")
        for verb in (("read",), ("seconds",), ("get", self.key()), ("bucket", "show", "nowhere")):
            with self.subTest(verb=verb):
                self.assert_cli_fails(self.node.cli("--bucket", "nowhere", *verb), FAILED,
                                      "'nowhere'")

    def test_bytes_that_do_not_match_their_crc_are_refused(self):
        answer = self.http.put_chunk(self.key(), b"x", headers={"X-Carillon-Crc32c": "00000000"})
        self.assert_problem(answer, 400, "INVALID_ARGUMENT", "crc")
        self.assertEqual(self.http.get_chunk(self.key()).status, 404)

    def test_a_chunk_that_is_not_there_is_not_found(self):
        self.assert_problem(self.http.get_chunk(self.key()), 404, "NOT_FOUND", self.key())
        self.assert_cli_fails(self.node.cli("get", self.key()), FAILED, self.key(), "NOT_FOUND")

    def test_a_commit_of_chunks_that_are_not_stored_is_refused_whole(self):
        stored, missing = self.key(), self.key(number="chunk1")
        self.assertEqual(self.http.put_chunk(stored, b"x").status, 201)
        answer = self.http.commit(self.now, {stored: b"x", missing: b"y"})
        self.assert_problem(answer, 409, "FAILED_PRECONDITION", missing, "1 of 2")
        self.assertEqual(self.http.seconds(), {})

    def test_a_commit_that_describes_a_chunk_otherwise_is_refused(self):
        self.assertEqual(self.http.put_chunk(self.key(), b"x").status, 201)
        answer = self.http.commit(self.now, {self.key(): b"yy"})
        self.assert_problem(answer, 409, "FAILED_PRECONDITION", self.key())

    def test_a_commit_of_another_seconds_chunk_is_refused(self):
        self.assertEqual(self.http.put_chunk(self.key(), b"x").status, 201)
        answer = self.http.commit(self.now - 1, {self.key(): b"x"})
        self.assert_problem(answer, 400, "INVALID_ARGUMENT", self.key())

    def test_broken_requests_are_problems_too(self):
        post = f"/v1/seconds/{self.now}-1"
        self.assert_problem(self.http.request("POST", post, body="{"), 400, "INVALID_ARGUMENT")
        self.assert_problem(self.http.request("POST", post, body="{}"), 400, "INVALID_ARGUMENT",
                            "chunks")
        self.assert_problem(self.http.get("/v1/seconds", frm="1"), 400, "INVALID_ARGUMENT", "frm")
        self.assert_problem(self.http.get("/v1/seconds", from_="yesterday"), 400,
                            "INVALID_ARGUMENT", "from")
        self.assert_problem(self.http.get("/v1/nothing"), 404, "NOT_FOUND")
        self.assertEqual(self.http.request("DELETE", "/v1/seconds").status, 405)

    def test_wrong_use_of_the_command_line_exits_2(self):
        for arguments in (("frobnicate",), ("put",), ("read", "--frm", "1"),
                          ("read", "--from", "yesterday"), ("--format", "xml", "seconds"),
                          ("bucket", "create", "b", "--ttl", "3 parsecs"),
                          ("load", "--time", "now", "--time-field", "/t", "f.json")):
            with self.subTest(arguments=arguments):
                self.assert_cli_fails(self.node.cli(*arguments), USAGE)

    def test_a_bad_bucket_name_is_named(self):
        create = self.node.cli("bucket", "create", "b/c")
        self.assert_cli_fails(create, FAILED, "bucket 'b/c'", "INVALID_ARGUMENT")
        self.assert_problem(self.http.request("PUT", "/v1/buckets/b*c", body="{}"), 400,
                            "INVALID_ARGUMENT", "b*c")

    def test_what_is_not_there_exits_1(self):
        missing = os.path.join(self.root, "missing")
        self.assert_cli_fails(self.node.cli("put", self.key(), missing), FAILED, missing)
        self.assert_cli_fails(self.node.cli("check", missing), FAILED, missing)
        gone = support.run_cli("--timeout", 1, "seconds", endpoint="127.0.0.1:1")
        self.assert_cli_fails(gone, FAILED, "127.0.0.1:1")

    def test_lines_that_are_no_events_are_kept_and_the_rest_is_loaded(self):
        lines = f'{{"timestamp":{self.now},"type":"WEB","n":1}}\nno json\n'.encode()
        path = os.path.join(self.root, "mixed.ndjson")
        with open(path, "wb") as file:
            file.write(lines)
        load = self.assert_done(self.node.cli("load", path, cwd=self.root), 3)
        self.assertIn("mixed.ndjson:2", load.stderr.decode())
        with open(path + ".rejects", "rb") as file:
            self.assertEqual(file.read(), b"no json\n")
        read = self.assert_done(self.node.cli("read", "--from", "-1h"))
        self.assertEqual(read.stdout, lines.splitlines(keepends=True)[0])

    def test_a_second_node_on_a_directory_is_refused(self):
        with self.assertRaises(support.NodeDidNotStart) as refused:
            self.start()
        self.assertEqual(refused.exception.code, FAILED)
        self.assertIn("is held by another process", refused.exception.log)
        self.assertEqual(self.http.get("/readyz").status, 200)

    def test_check_of_a_directory_in_use_is_refused(self):
        self.assert_cli_fails(support.run_cli("check", self.directory), FAILED, self.directory,
                              "held by another process")


class DaemonTest(support.NodeTest):
    def run_daemon(self, *arguments):
        return subprocess.run([support.DAEMON, "--data", self.directory, *arguments],
                              capture_output=True, timeout=support.START_SECONDS, check=False)

    def test_a_public_address_is_refused_without_the_flag(self):
        for arguments in (("--listen", "0.0.0.0:0", "--http", "127.0.0.1:0"),
                          ("--listen", "127.0.0.1:0", "--http", "0.0.0.0:0"),
                          ("--listen", "[::]:0", "--http", "127.0.0.1:0")):
            with self.subTest(arguments=arguments):
                result = self.run_daemon(*arguments)
                self.assertEqual(result.returncode, USAGE, result)
                self.assertIn("--insecure-listen-anywhere", result.stderr.decode())
                self.assertFalse(os.path.exists(self.directory))

    def test_an_address_that_is_taken_is_named(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            for arguments in (("--listen", address, "--http", "127.0.0.1:0"),
                              ("--listen", "127.0.0.1:0", "--http", address)):
                with self.subTest(arguments=arguments):
                    result = self.run_daemon(*arguments)
                    self.assertEqual(result.returncode, FAILED, result)
                    self.assertIn(address, result.stderr.decode())
                    self.assertNotIn("ready", result.stdout.decode())

    def test_wrong_use_of_the_daemon_exits_2(self):
        for arguments in (("--frobnicate",), ("--log-level", "loud"), ("--listen", "nonsense")):
            with self.subTest(arguments=arguments):
                result = self.run_daemon(*arguments)
                self.assertEqual(result.returncode, USAGE, result)
                self.assertNotEqual(result.stderr, b"")

    def test_the_example_of_a_configuration_is_good_and_has_every_key(self):
        example = os.path.join(support.REPOSITORY, "cluster-config", "carillond.toml")
        said = subprocess.run([support.DAEMON, "--config", example, "--print-config"], text=True,
                              capture_output=True, timeout=support.START_SECONDS, check=True)
        with open(example, encoding="utf-8") as file:
            _, keys = file.read().split("\n\n", 1)  # a head of its own
        self.assertEqual(keys.strip(), said.stdout.strip())

    def test_a_foreign_directory_is_left_alone(self):
        os.mkdir(self.directory)
        mine = os.path.join(self.directory, "thesis.txt")
        with open(mine, "w", encoding="utf-8") as file:
            file.write("mine")
        result = self.run_daemon("--listen", "127.0.0.1:0", "--http", "127.0.0.1:0")
        self.assertEqual(result.returncode, FAILED, result)
        self.assertIn(self.directory, result.stderr.decode())
        self.assertEqual(set(os.listdir(self.directory)) - {"LOCK"}, {"thesis.txt"})
        with open(mine, encoding="utf-8") as file:
            self.assertEqual(file.read(), "mine")

    def test_sigterm_ends_it_cleanly_within_seconds(self):
        node = self.start()
        idle = node.client()  # a connection that stays open
        self.assertEqual(idle.get("/readyz").status, 200)
        began = time.monotonic()
        self.assertEqual(node.stop(), 0, node.log())
        self.assertLess(time.monotonic() - began, 5)
        idle.connection.close()

    def test_port_0_picks_ports_and_prints_them(self):
        first, second = self.start(), self.start(self.directory + "2")
        addresses = [first.grpc, first.http, second.grpc, second.http]
        self.assertEqual(len(set(addresses)), 4)
        for address in addresses:
            self.assertRegex(address, r"^127\.0\.0\.1:[1-9][0-9]*$")
        for node in (first, second):
            with node.client() as client:
                self.assertEqual(client.get("/readyz").status, 200)
            self.assert_done(node.cli("bucket", "list"))


if __name__ == "__main__":
    support.main()
