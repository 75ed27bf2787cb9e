"""Network namespaces: each node in one of its own, the test in another, all on one bridge.

Addresses are of 192.0.2.0/24 and seen in these namespaces only. Needs root, iproute2, nftables.
"""

import ctypes
import os
import shutil
import subprocess

import support

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
PREFIX = "192.0.2."
TEST_HOST = 250
COMMAND_SECONDS = 10


def run(*command, stdin=None, before=None):
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False,
                          timeout=COMMAND_SECONDS, preexec_fn=before)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def why_not():
    """Why there can be no namespaces here, or None."""
    if os.geteuid() != 0:
        return "not root"
    for program in ("ip", "nft"):
        if shutil.which(program) is None:
            return f"there is no {program}: tools/setup installs it"
    try:
        with Network() as network:
            network.add("a", 1).set_rules("ip saddr 192.0.2.9 drop", "")
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None


def enter(descriptor):
    """This thread, and what it starts from now on."""
    if LIBC.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Namespace:
    def __init__(self, network, name, number):
        self.name = f"{network.name}{name}"
        self.address = f"{PREFIX}{number}"
        run("ip", "netns", "add", self.name)
        self.descriptor = os.open(f"/run/netns/{self.name}", os.O_RDONLY)

    def close(self):
        os.close(self.descriptor)
        run("ip", "netns", "del", self.name)

    def before(self):
        """For a new process: it is in here, and dies with the test."""
        support.die_with_parent()
        enter(self.descriptor)

    def set_rules(self, incoming, outgoing):
        """Instead of those before; each is a rule of nft, or nothing."""
        self._nft("table inet fault {}\ndelete table inet fault\n"
                  "table inet fault {\n"
                  "chain incoming { type filter hook input priority 0; " + incoming + "\n}\n"
                  "chain outgoing { type filter hook output priority 0; " + outgoing + "\n}\n"
                  "}\n")

    def clear_rules(self):
        self._nft("table inet fault {}\ndelete table inet fault\n")

    def _nft(self, text):
        run("nft", "-f", "-", stdin=text, before=lambda: enter(self.descriptor))


class Network:
    """A bridge in a namespace, and namespaces at it."""

    def __init__(self):
        self.name = f"crln{os.getpid()}"
        self.namespaces = []
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)

    def __enter__(self):
        try:
            self.bridge = Namespace(self, "br", 0)
            self.namespaces.append(self.bridge)
            run("ip", "-n", self.bridge.name, "link", "add", "br0", "type", "bridge")
            run("ip", "-n", self.bridge.name, "link", "set", "br0", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        enter(self.home)
        for namespace in self.namespaces:
            namespace.close()
        os.close(self.home)

    def add(self, name, number):
        namespace = Namespace(self, name, number)
        self.namespaces.append(namespace)
        port = f"port{number}"
        run("ip", "-n", namespace.name, "link", "add", "eth0", "type", "veth", "peer", "name",
            port, "netns", self.bridge.name)
        run("ip", "-n", self.bridge.name, "link", "set", port, "master", "br0", "up")
        run("ip", "-n", namespace.name, "link", "set", "lo", "up")
        run("ip", "-n", namespace.name, "link", "set", "eth0", "up")
        run("ip", "-n", namespace.name, "addr", "add", f"{namespace.address}/24", "dev", "eth0")
        return namespace

    def enter_test(self):
        enter(self.add("test", TEST_HOST).descriptor)
