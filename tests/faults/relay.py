"""Late links: what reaches a node by its advertised port comes to it, and its answers go back, after
a time by chance. In order, as on a network that is long and not broken. TCP and UDP, on loopback.

A process of its own, told by lines: `add PORT TARGET`, `delay PORT LOW HIGH` (seconds, one way).
"""

import asyncio
import collections
import os
import random
import subprocess
import sys

CHUNK = 1 << 18
MAX_LATE_BYTES = 1 << 24  # of one direction of a connection: then its sender waits


class Relays:
    """Held by a test: `with Relays() as relays: relays.add(7001, 8001)`."""

    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def _tell(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        assert answer == "ok\n", f"the relay ended: {answer!r}"

    def add(self, port, target):
        self._tell("add", port, target)

    def delay(self, port, low, high):
        self._tell("delay", port, low, high)


class Relay(asyncio.DatagramProtocol):
    def __init__(self, target):
        self.target = ("127.0.0.1", target)
        self.low = self.high = 0.0
        self.packets = None  # the UDP socket
        self.last = 0.0      # when the last packet is due

    def due(self, last):
        """When what comes now is to go on, not before what came before it."""
        now = asyncio.get_running_loop().time()
        return max(last, now + random.uniform(self.low, self.high))

    def connection_made(self, transport):
        self.packets = transport

    def datagram_received(self, data, addr):
        self.last = self.due(self.last)
        asyncio.get_running_loop().call_at(self.last, self.packets.sendto, data, self.target)

    async def accept(self, reader, writer):
        try:
            onward_reader, onward_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self.pump(reader, onward_writer), self.pump(onward_reader, writer))

    async def pump(self, reader, writer):
        late = collections.deque()
        state = {"bytes": 0}
        came, went = asyncio.Event(), asyncio.Event()
        sending = asyncio.create_task(self.send(late, state, came, went, writer))
        due = 0.0
        data = b"begin"
        while data and not sending.done():
            try:
                data = await reader.read(CHUNK)
            except OSError:
                data = b""
            due = self.due(due)
            late.append((due, data))
            state["bytes"] += len(data)
            came.set()
            while state["bytes"] > MAX_LATE_BYTES and not sending.done():
                went.clear()
                await went.wait()
        await sending

    async def send(self, late, state, came, went, writer):
        loop = asyncio.get_running_loop()
        data = b"begin"
        try:
            while data:
                while not late:
                    came.clear()
                    await came.wait()
                due, data = late.popleft()
                await asyncio.sleep(max(0.0, due - loop.time()))
                if data:
                    writer.write(data)
                    await writer.drain()
                state["bytes"] -= len(data)
                went.set()
        except OSError:
            pass
        went.set()
        writer.close()


async def serve():
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    relays = {}
    while line := (await commands.readline()).decode().split():
        if line[0] == "add":
            port = int(line[1])
            relay = relays[port] = Relay(int(line[2]))
            await loop.create_datagram_endpoint(lambda: relay, ("127.0.0.1", port))
            await asyncio.start_server(relay.accept, "127.0.0.1", port)
        elif line[0] == "delay":
            relays[int(line[1])].low, relays[int(line[1])].high = map(float, line[2:4])
        print("ok", flush=True)


if __name__ == "__main__":
    asyncio.run(serve())
