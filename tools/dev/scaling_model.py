#!/usr/bin/env python3
"""How many nodes, disks, and NICs a load wants: the arithmetic of docs/SCALING.md.

`tools/dev/scaling_model.py` prints its tables. Costs are those of docs/BENCHMARKS.md, measured on two
slow cores with everything on one machine; change them here when they change there.
"""
import math

# CPU seconds of all nodes per GB of values (docs/BENCHMARKS.md, "Whole clusters").
CPU_PUT_N3 = 10.0
CPU_READ = 1.1
# Bytes of the index for a chunk: its entry, its line of the manifest, its line for syncs.
INDEX_BYTES = 200
CHUNK_BYTES = 100e3
N_VAL = 3
DAYS = 8
CONSUMERS = 6
PEAK = 2.5              # of the mean, as the seed's 25 to 70 MB/s

# A node that one can rent or buy.
NODE = {"cores": 16, "nic_gb_s": 1.15, "disk_tb": 15.0, "disk_write_gb_s": 1.0}
FILL = 0.7              # of a disk; the rest is for a node that is away
NIC_USE = 0.6           # of a NIC at the peak
CPU_USE = 0.5
PULL_GB_S = 0.4         # what a new node pulls at, throttled by sync_mib_per_second


def need(gb_per_hour, read_gb_s):
    """What a load needs of everything, in all, at its peak."""
    write = gb_per_hour / 3600 * PEAK
    stored = gb_per_hour * 24 * DAYS * N_VAL
    inside = write * (N_VAL - 1)
    return {
        "write GB/s": write,
        "disk TB": stored / 1e3,
        "cores": write * CPU_PUT_N3 + read_gb_s * CPU_READ,
        # Each byte comes in once and goes on twice; out is the larger direction of a node's NIC.
        "NIC out GB/s": inside + read_gb_s,
        "NIC in GB/s": write + inside,
        "disk write GB/s": write * N_VAL,
        "chunks million": gb_per_hour * 24 * DAYS * 1e9 / CHUNK_BYTES / 1e6,
        "chunks a second": write * 1e9 / CHUNK_BYTES,
    }


def nodes(total):
    """Nodes that each resource alone would want."""
    return {
        "disk": total["disk TB"] / (NODE["disk_tb"] * FILL),
        "NIC": max(total["NIC out GB/s"], total["NIC in GB/s"]) / (NODE["nic_gb_s"] * NIC_USE),
        "CPU": total["cores"] / (NODE["cores"] * CPU_USE),
        "disk writes": total["disk write GB/s"] / NODE["disk_write_gb_s"],
    }


def main():
    loads = [("the seed's", 100, 0.3), ("10 x", 1000, 3.0), ("1,000 x", 100_000, 300.0)]
    print("| load | GB/h | read GB/s | peak write GB/s | disk TB | cores | NIC out GB/s | chunks, million |")
    print("|---|---|---|---|---|---|---|---|")
    for name, rate, read in loads:
        total = need(rate, read)
        print(f"| {name} | {rate:,} | {read:g} | {total['write GB/s']:.2f} | {total['disk TB']:,.0f} | "
              f"{total['cores']:,.1f} | {total['NIC out GB/s']:,.2f} | {total['chunks million']:,.0f} |")
    print()
    print("| load | by disk | by NIC | by CPU | by disk writes | nodes | index a node | a lost node is whole again in | commits of a second |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, rate, read in loads:
        total = need(rate, read)
        want = nodes(total)
        count = max(5, math.ceil(max(want.values())))
        index = total["chunks million"] * 1e6 * N_VAL / count * INDEX_BYTES / 1e9
        hours = total["disk TB"] * 1e3 / count / PULL_GB_S / 3600
        commits = math.ceil(total["chunks a second"] / 4096)
        print(f"| {name} | {want['disk']:,.1f} | {want['NIC']:,.1f} | {want['CPU']:,.1f} | "
              f"{want['disk writes']:,.1f} | {count:,} | {index:,.1f} GB | {hours:.1f} h | {commits:,} of 4,096 chunks |")


if __name__ == "__main__":
    main()
