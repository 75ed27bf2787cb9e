"""Real events go in and come out again, all of them, no others, before and after a restart."""

import collections
import json
import os
import unittest

import support

SAMPLES = os.path.join(support.REPOSITORY, "tests", "data", "samples")
FULL = os.path.join(support.REPOSITORY, "..", "shared", "data")

EARTHQUAKES = ("--time-field", "/properties/time", "--time-format", "unix_ms",
               "--type-field", "/properties/type")
FLIGHTS = ("--time-field", "/date", "--time-format", "strptime:%Y/%m/%d %H:%M",
           "--type", "flight", "--subtype-field", "/origin")
WEBHOOKS = ("--time", "now", "--type-field", "/event")
FAR_AHEAD = 1 << 39


def canonical(value):
    return json.dumps(value, sort_keys=True)


def parse(text):
    """Numbers stay the text they are: 1.0 is not 1."""
    return json.loads(text, parse_float=lambda number: "float " + number,
                      parse_int=lambda number: "int " + number)


def lines_of(data):
    return [line for line in data.split(b"\n") if line.strip()]


def ndjson_events(data):
    return collections.Counter(canonical(parse(line)) for line in lines_of(data))


def json_array_events(data):
    return collections.Counter(canonical(event) for event in parse(data))


def access_log_lines(data):
    return collections.Counter(line.decode() for line in lines_of(data))


def rebuild_access_line(event):
    """The line that `carillon load` made the event of."""
    def count(name):
        return "-" if event[name] is None else str(event[name])

    request = event.get("request")
    if request is None:
        request = f"{event['method']} {event['path']} {event['protocol']}"
    line = (f"{event['host']} {event['ident']} {event['user']} [{event['time']}] \"{request}\" "
            f"{count('status')} {count('bytes')}")
    if "referer" in event:
        line += f" \"{event['referer']}\" \"{event['agent']}\""
    if "rest" in event:
        line += " " + event["rest"]
    return line


def rebuilt_lines(data):
    return collections.Counter(rebuild_access_line(json.loads(line)) for line in lines_of(data))


class RealDataTest(support.NodeTest):
    def check(self, path, options, expect, read_back=ndjson_events):
        with open(path, "rb") as file:
            expected = expect(file.read())
        node = self.start(config=None)
        self.assert_done(node.cli("bucket", "create", "archive", "--ttl", "forever"))
        loaded = self.assert_done(
            node.cli("--bucket", "archive", "--format", "json", "load", *options, path,
                     cwd=self.root))
        summary = json.loads(loaded.stderr)
        self.assertEqual((summary["events"], summary["bad"]), (expected.total(), 0))
        before = self.read_all(node)
        self.assert_same_events(read_back(before), expected)
        seconds = self.seconds(node)
        self.assertEqual(sum(second["events"] for second in seconds), expected.total())
        self.stop(node)

        node = self.start(config=None)
        self.assertEqual(self.read_all(node), before)
        self.assertEqual(self.seconds(node), seconds)
        with node.client() as client:
            over_http = client.get("/v1/events", bucket="archive", from_=0, to=FAR_AHEAD)
            self.assertEqual(over_http.status, 200)
            self.assertEqual(over_http.body, before)
        self.stop(node)
        self.assert_done(support.run_cli("check", self.directory))

    def read_all(self, node):
        return self.assert_done(node.cli("--bucket", "archive", "read", "--from", 0,
                                         "--to", FAR_AHEAD)).stdout

    def seconds(self, node):
        listed = self.assert_done(node.cli("--bucket", "archive", "--format", "json", "seconds",
                                           "--from", 0, "--to", FAR_AHEAD))
        return json.loads(listed.stdout)["seconds"]

    def assert_same_events(self, got, expected):
        missing, added = expected - got, got - expected
        self.assertFalse(missing, f"{missing.total()} events are missing, {list(missing)[:2]}")
        self.assertFalse(added, f"{added.total()} events were invented, {list(added)[:2]}")


class SampleTest(RealDataTest):
    def test_access_log_sample_comes_back_line_by_line(self):
        self.check(os.path.join(SAMPLES, "access.log"), (), access_log_lines, rebuilt_lines)

    def test_earthquakes_sample_comes_back(self):
        self.check(os.path.join(SAMPLES, "earthquakes.ndjson"), EARTHQUAKES, ndjson_events)

    def test_flights_sample_comes_back(self):
        self.check(os.path.join(SAMPLES, "flights.json"), FLIGHTS, json_array_events)

    def test_webhooks_sample_comes_back(self):
        self.check(os.path.join(SAMPLES, "github_webhooks.ndjson"), WEBHOOKS, ndjson_events)


@unittest.skipUnless(os.path.isdir(FULL), "the full files are not beside the checkout")
class FullFileTest(RealDataTest):
    def test_all_of_the_access_log_comes_back_line_by_line(self):
        self.check(os.path.join(FULL, "apache_access.log"), (), access_log_lines, rebuilt_lines)

    def test_all_earthquakes_come_back(self):
        self.check(os.path.join(FULL, "earthquakes.ndjson"), EARTHQUAKES, ndjson_events)

    def test_all_flights_come_back(self):
        self.check(os.path.join(FULL, "flights-20k.json"), FLIGHTS, json_array_events)

    def test_all_webhooks_come_back(self):
        self.check(os.path.join(FULL, "github_webhooks.ndjson"), WEBHOOKS, ndjson_events)


if __name__ == "__main__":
    support.main()
