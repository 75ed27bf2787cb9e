#!/usr/bin/env python3
"""Checks layers, file and function sizes, and forbidden calls. Prints what is wrong; exits 1 then."""
import re
import subprocess
import sys

# A folder may include itself and these (docs/ARCHITECTURE.md, "Layers").
LAYERS = {
    "base": [],
    "proto": ["base"],
    "frames": ["base"],
    "ring": ["base"],
    "storage": ["base"],
    "crunch": ["base"],
    "host": ["base"],
    "server/node": ["base", "ring"],
    "server/shell": ["base", "ring", "storage", "server/node"],
    "server/peer": ["base", "ring", "frames", "server/node", "server/shell"],
    "server/api": ["base", "ring", "storage", "proto", "frames", "server/node", "server/shell",
                   "server/peer"],
    "server/http": ["base", "ring", "storage", "crunch", "server/node", "server/shell"],
    "server": ["base", "ring", "storage", "server/node", "server/shell", "server/peer", "server/api",
               "server/http"],
    "client": ["base", "ring", "crunch", "proto", "frames"],
    "collector/dialects": ["base", "crunch"],
    "collector/user_agent": ["base"],
    "collector/tenant": ["base", "ring", "crunch", "collector/dialects", "collector/user_agent"],
    "collector/copies": ["base", "storage"],
    "collector/pipeline": ["base", "crunch", "client", "storage", "collector/copies"],
    "collector/tail": ["base", "crunch", "storage", "collector/dialects", "collector/pipeline"],
    "collector/edge": ["base", "ring", "crunch", "collector/dialects", "collector/user_agent",
                       "collector/tenant", "collector/copies", "collector/pipeline"],
    "collector": ["base", "host", "ring", "crunch", "client", "storage", "collector/dialects",
                  "collector/user_agent", "collector/tenant", "collector/copies", "collector/pipeline", "collector/tail",
                  "collector/edge"],
    "tools": ["base", "host", "ring", "storage", "crunch", "proto", "client", "collector/tenant"],
}
# Decisions only: they take time and chance as arguments.
PURE = ("ring/", "server/node/", "client/retry.", "client/commit_ledger", "client/range_cursor",
        "client/second_batcher", "client/router.", "client/node_health.", "client/throttle.", "frames/frame.", "frames/call.",
        "collector/dialects/", "collector/user_agent/user_agent_cache", "collector/tenant/",
        "collector/peer_turn", "collector/copies/copy_message", "collector/copies/copy_plan",
        "collector/pipeline/call_window", "collector/pipeline/chunk_batcher",
        "collector/pipeline/send_schedule", "collector/pipeline/stale_budget",
        "collector/pipeline/spool_format", "collector/pipeline/request_check",
        "collector/pipeline/claim_stage", "collector/pipeline/claim_breaker",
        "collector/tail/line_cutter", "collector/tail/tail_event", "collector/tail/tail_file",
        "collector/tail/tail_state")
FORBIDDEN = [
    (r"\bstd::(thread|mutex|condition_variable|async|future)\b", "threads"),
    (r"\b(steady_clock|system_clock)::now\b|\bSystemClock\(\)|\btime\(nullptr\)", "a clock"),
    (r"\b(RandomSeed|RandomUuid|rand|random_device)\b", "chance"),
    (r"\bstd::(ofstream|ifstream|cout|cerr)\b|\bf?printf\(|\bfopen\(", "I/O"),
    (r"#include <(grpc|boost|rocksdb|sys/|unistd|fcntl)", "the outside"),
    (r"\bLog(Info|Warning|Error)\(", "logging"),
]
MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 70

problems = []


def complain(path, line, text):
    problems.append(f"{path}:{line}: {text}")


def folder_of(path):
    return max((name for name in LAYERS if path.startswith(name + "/")), key=len, default=None)


def check_layers(path, lines):
    folder = folder_of(path)
    if folder is None:
        return
    for number, line in enumerate(lines, 1):
        match = re.match(r'#include "([^"]+)"', line)
        if not match or "/" not in match.group(1):
            continue
        other = folder_of(match.group(1))
        if match.group(1).startswith("carillon/v1/"):
            other = "proto"
        if other and other != folder and other not in LAYERS[folder]:
            complain(path, number, f"{folder} must not include {other}")


def check_pure(path, lines):
    if not path.startswith(PURE):
        return
    for number, line in enumerate(lines, 1):
        code = line.split("//")[0]
        for pattern, what in FORBIDDEN:
            if re.search(pattern, code):
                complain(path, number, f"{what} in a pure file: {line.strip()}")


def check_sizes(path, lines):
    if len(lines) > MAX_FILE_LINES:
        complain(path, 1, f"{len(lines)} lines, at most {MAX_FILE_LINES}: split it by idea")
    start = {}
    for number, line in enumerate(lines, 1):
        for indent in ("", "  "):
            opens = re.match(rf"{indent}[A-Za-z~:].*\{{$", line)
            scope = re.match(rf"{indent}(namespace|class|struct|enum|union|extern|public|const Key)\b", line)
            if opens and not scope:
                start[indent] = number
            if re.match(rf"{indent}\}}", line) and indent in start:
                length = number - start.pop(indent) + 1
                if length > MAX_FUNCTION_LINES:
                    complain(path, number - length + 1,
                             f"a function of {length} lines, at most {MAX_FUNCTION_LINES}")


def check_habits(path, lines):
    for number, line in enumerate(lines, 1):
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
            complain(path, number, "a loose end: finish it or file an issue")
        if path.startswith("tests/") and "integration" not in path and re.search(r"\b(sleep_for|usleep)\b", line):
            complain(path, number, "a test that sleeps")
        if len(line) > 100:
            complain(path, number, f"{len(line)} columns, at most 100")


def main():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.h", "*.cc"],
                            capture_output=True, text=True, check=True).stdout.split()
    for path in listed:
        try:
            with open(path, encoding="utf-8") as file:
                lines = file.read().splitlines()
        except FileNotFoundError:
            continue
        check_layers(path, lines)
        check_pure(path, lines)
        check_sizes(path, lines)
        check_habits(path, lines)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


sys.exit(main())
