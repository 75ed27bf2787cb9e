"""A node under shim.c: its disk fails and its clock jumps when the test says so, while it runs."""

import mmap
import os
import shutil
import struct
import subprocess

import cluster
import support

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shim.c")
PAGE_BYTES = 4096
READS, WRITES, SYNCS = 0, 1, 2  # as struct Page
FAILED_AT, AHEAD_AT = 4, 8
WHY_NOT = None if shutil.which("gcc") else "there is no gcc"


def build(folder):
    library = os.path.join(folder, "shim.so")
    done = subprocess.run(["gcc", "-O1", "-Wall", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"],
                          capture_output=True, check=False, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode())
    return library


class ShimmedMember(cluster.Member):
    """What it is told holds over restarts too."""

    def __init__(self, root, name, config, library, path="/segments/"):
        super().__init__(root, name, config, before=self.preload)
        self.library = library
        self.path = f"/{name}{path}"
        self.page_path = os.path.join(root, f"{name}.page")
        with open(self.page_path, "wb") as file:
            file.write(bytes(PAGE_BYTES))
        with open(self.page_path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), PAGE_BYTES)

    def preload(self):
        """In the new process."""
        support.die_with_parent()
        os.environ.update(LD_PRELOAD=self.library, CARILLON_SHIM_PAGE=self.page_path,
                          CARILLON_SHIM_PATH=self.path)

    def fail(self, *kinds):
        """These calls on its segments fail with EIO from now on; the others do not."""
        for kind in (READS, WRITES, SYNCS):
            self.page[kind] = int(kind in kinds)

    def failed(self):
        """Calls that did, since the beginning."""
        return struct.unpack_from("<I", self.page, FAILED_AT)[0]

    def set_clock_ahead(self, seconds):
        struct.pack_into("<q", self.page, AHEAD_AT, seconds)


class ShimTest(cluster.ClusterTest):
    """All nodes of its clusters are shimmed."""

    def setUp(self):
        if WHY_NOT:
            self.skipTest(WHY_NOT)
        super().setUp()
        self.library = build(self.root)

    def make_member(self, name):
        member = ShimmedMember(self.root, name, self.config, self.library)
        self.everyone.append(member)
        self.addCleanup(member.kill)
        return member
