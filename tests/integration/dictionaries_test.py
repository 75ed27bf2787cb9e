"""Chunks with dictionaries come out as they went in, everywhere, before and after a restart."""

import json
import os
import time
import unittest

import support

SECONDS = 3000
EVENTS_A_SECOND = 3


def events(first):
    return [json.dumps({"timestamp": first + second, "type": "WEB", "subtype": "app",
                        "user": f"{(second * 3 + i) * 2654435761 % (1 << 32):08x}",
                        "page": "/index.html", "agent": "Mozilla/5.0 (X11; Linux x86_64)"})
            for second in range(SECONDS) for i in range(EVENTS_A_SECOND)]


class DictionariesTest(support.NodeTest):
    def check_everywhere(self, node, bucket, first, sent):
        span = ("--from", first, "--to", first + SECONDS)
        read = self.assert_done(node.cli("--bucket", bucket, "read", *span))
        self.assertEqual(sorted(read.stdout.decode().splitlines()), sent)
        with node.client() as client:
            answer = client.request("GET", "/v1/events", bucket=bucket, from_=first,
                                    to=first + SECONDS)
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual(sorted(answer.body.decode().splitlines()), sent)
            got = []
            for keys in client.seconds(bucket=bucket).values():
                for key in keys:
                    answer = client.request("GET", f"/v1/chunks/{key}", bucket=bucket,
                                            headers={"Accept": "application/x-ndjson"})
                    self.assertEqual(answer.status, 200, answer)
                    got += answer.body.decode().splitlines()
            self.assertEqual(sorted(got), sent)

    def test_chunks_with_dictionaries_are_read_everywhere_also_after_a_restart(self):
        node = self.start()
        first = int(time.time()) - 2 * SECONDS
        sent = sorted(events(first))
        path = os.path.join(self.root, "events.ndjson")
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(sorted(sent, key=lambda line: json.loads(line)["timestamp"])))
        stored = {}
        for mode in ("off", "on"):
            self.assert_done(node.cli("bucket", "create", mode))
            loaded = self.assert_done(node.cli("--bucket", mode, "--format", "json", "load",
                                               "--dictionaries", mode, path, cwd=self.root))
            summary = json.loads(loaded.stderr)
            self.assertEqual((summary["events"], summary["bad"]), (len(sent), 0))
            stored[mode] = summary["stored_bytes"]
            self.assertEqual(summary["dictionaries"], 1 if mode == "on" else 0)
        print(f"{len(sent)} events, stored bytes without and with: {stored}", flush=True)
        self.assertLess(stored["on"], stored["off"])
        self.check_everywhere(node, "on", first, sent)
        self.stop(node)
        self.check_everywhere(self.start(), "on", first, sent)


if __name__ == "__main__":
    support.main()
