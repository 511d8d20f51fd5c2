# SPDX-License-Identifier: GPL-2.0-only
"""What is measured, as tables: a workload is a line."""

import re
from dataclasses import dataclass

DOM0 = "10.0.2.15"
# A time limit in seconds: the emulation is several times slower than without
# counting, and limits in the machine run in its own time.
SLOW = 1200
ADDRESS = {"pv": "10.0.2.21", "pvh": "10.0.2.22"}
PARTNER = {"pv": "pvh", "pvh": "pv"}


@dataclass(frozen=True)
class Subject:
    """Code that is measured: a kernel, and the backends on it."""
    name: str
    kernel: str
    modules: tuple
    groups: tuple = ()		# all of them


OUR_MODULES = "xen-vbd-backend", "xen-vif-backend"
IN_TREE = Subject("in-tree", "intree", ("xen-blkback", "xen-netback"))
# In the other groups it is the in-tree kernel's code that works, or the O2 rule
# asks about the whole stack.
BACKENDS = Subject("our backends", "intree", OUR_MODULES,
                   ("block", "net", "control"))
OURS = Subject("ours", "ours", OUR_MODULES)
SUBJECTS = IN_TREE, BACKENDS, OURS


@dataclass(frozen=True)
class Workload:
    """
    One measurement: a command, of which $N says how much it does.

    What is counted is the difference between @many and @few, so that starting
    and ending the programs counts for nothing.  @parse takes the output and N,
    and gives the rate a second and the number of operations; without it, an
    operation is one of N, and the time is that of the whole command.
    """
    group: str
    name: str
    command: str
    unit: str
    many: int
    few: int
    parse: object = None
    in_dom0: bool = False
    # A command in the guest before it, whose output is {given}; {domid} and
    # {name} are the guest's.
    before: str = ""
    native: str = ""		# the same work in Dom0, without a guest
    disks: int = 0
    persistent: bool = True	# grants, if the backend offers them
    guests: tuple = ("pv", "pvh")
    partner: bool = False	# needs the guest of the other kind, too
    beside: str = ""		# what that guest does all the while
    per: int = 1		# costs are shown for so many operations


# Field numbers of fio's terse format: runtime in ms of reads and of writes.
ERROR, READ_MS, WRITE_MS = 4, 8, 49


def fio_rate(disks):
    """Reads fio's terse line; N are the requests to each disk."""
    def parse(output, n):
        for line in output.splitlines():
            fields = line.split(";")
            if len(fields) > WRITE_MS and fields[0] == "3":
                if int(fields[ERROR]):
                    raise ValueError(f"fio: error {fields[ERROR]}")
                took = int(fields[READ_MS]) or int(fields[WRITE_MS])
                return (n * disks * 1000 / took if took else 0), n * disks
        raise ValueError(f"fio says nothing to go by: {output[-300:]}")
    return parse


def fio(disks, rw, size, depth):
    """A fio command on disks; $N requests to each."""
    jobs = " ".join(f"--name=j{n} --filename={disk}"
                    for n, disk in enumerate(disks))
    return (f"fio --output-format=terse --terse-version=3 --direct=1 "
            f"--ioengine=libaio --thread --group_reporting --rw={rw} "
            f"--bs={size} --iodepth={depth} --size=1g --number_ios=$N "
            f"--randrepeat=1 --disk_util=0 {jobs}")


def block(name, rw, size, depth, many, disks=1):
    """A line for the frontend's grants as they are, and one without."""
    guest = [f"/dev/xvd{chr(ord('b') + n)}" for n in range(disks)]
    native = [f"/dev/nullb{n}" for n in range(disks)]
    return [Workload("block", name + suffix,
                     "chroot /t " + fio(guest, rw, size, depth),
                     "requests/s", many, 1, fio_rate(disks), disks=disks,
                     native=fio(native, rw, size, depth) if persistent else "",
                     persistent=persistent)
            for persistent, suffix in ((True, ""),
                                       (False, ", no persistent grants"))]


def iperf_rate(output, n):
    """Bytes a second that the receiver saw; N are bytes."""
    found = re.findall(r"([\d.]+) Kbits/sec.*receiver", output)
    if not found:
        raise ValueError(f"iperf3 says nothing to go by: {output[-300:]}")
    return float(found[-1]) * 1000 / 8, n


# The highest rate at which no packet of 64 bytes is lost: prints packets/s, to
# three per cent.  64 bytes are 0.512 kbit; what arrives has to be nearly what
# was asked for, but iperf3's own start and end are in its time.
LOSSLESS = """lo=0; hi=200000
while [ $((hi - lo)) -gt $((lo / 32 + 20)) ]; do
try=$(((lo + hi) / 2))
got=$({} -b $((try * 512)) -k 4000 | awk '/receiver/ {{
for (i = 1; i < NF; i++) {{ if ($(i + 1) == "Kbits/sec") rate = $i
if ($i ~ "^[0-9]+/[0-9]+$") lost = int($i) }} }}
END {{ print (lost || rate < 0.512 * 0.9 * '$try' ? 0 : 1) }}')
if [ "$got" = 1 ]; then lo=$try; else hi=$try; fi
done; echo $lo"""


def udp_rate(output, _n):
    """Packets a second that arrived, and how many."""
    found = re.findall(r"([\d.]+) Kbits/sec.* (\d+)/(\d+) .*receiver", output)
    if not found:
        raise ValueError(f"iperf3 says nothing to go by: {output[-300:]}")
    rate, lost, number = found[-1]
    if int(lost):
        raise ValueError(f"{lost} of {number} packets lost at a rate at which "
                         "there was no loss before")
    return float(rate) * 1000 / 512, int(number)


def udp(name, reverse=""):
    command = f"iperf3 -f k -u -l 64 {reverse} -c {DOM0}"
    return Workload("net", name, command + " -b $(({given} * 512)) -k $N",
                    "packets/s", 4000, 100, udp_rate,
                    before=LOSSLESS.format(command))


def tcp(name, streams, many, reverse="", partner=False):
    server = "{partner}" if partner else DOM0
    command = f"iperf3 -f k -n $N -P {streams} {reverse} -c "
    return Workload("net", name, command + server, "bytes/s", many, 1000,
                    iperf_rate, native=command + "127.0.0.1", per=65536,
                    partner=partner)


def sockperf_rate(output, _n):
    """Round trips a second; N are seconds."""
    found = re.search(r"Valid Duration\] RunTime=([\d.]+) sec; .*?"
                      r"ReceivedMessages=(\d+)", output)
    if not found:
        raise ValueError(f"sockperf says nothing to go by: {output[-300:]}")
    return int(found[2]) / float(found[1]), int(found[2])


def rounds(each):
    """Reads xenbench; a round is @each operations."""
    def parse(output, _n):
        found = re.search(r"rounds (\d+) ns (\d+)", output)
        if not found:
            raise ValueError(f"xenbench failed: {output[-300:]}")
        number = int(found[1]) * each
        return number / int(found[2]) * 1e9, number
    return parse


# Starts what answers in the guest, and gives what it prints first.
GIVEN = ("killall xenbench 2>/dev/null; rm -f /tmp/given; "
         "{} >/tmp/given 2>/dev/null & n=0; until [ -s /tmp/given ] || "
         "[ $n = 100 ]; do sleep 0.1; n=$((n+1)); done; cat /tmp/given")


def xenbench(group, name, what, each, unit, many, few, before="",
             given="{given}", **more):
    return Workload(group, name, f"xenbench {what} {{domid}} $N {given}", unit,
                    many, few, rounds(each), in_dom0=True,
                    before=GIVEN.format(before) if before else "",
                    **more)


def toolstack(name, command, many=3):
    return Workload("control", name,
                    f"for i in $(seq $N); do {command} || exit 1; done",
                    "a second", many, 1, in_dom0=True)


def connected(frontend):
    """Waits until a frontend of the guest is connected."""
    return (f'n=0; until [ "$(xenstore-read /local/domain/{{domid}}/device/'
            f'{frontend}/state 2>/dev/null)" = 4 ]; do sleep 0.05; n=$((n+1)); '
            "[ $n -lt 400 ] || exit 1; done")


ATTACH = ("xl block-attach {name} phy:/dev/nullb16,xvdz,w && "
          f"{connected('vbd/268441856')} && xl block-detach {{name}} xvdz")
# A guest misses it when a card with the same number comes as soon as one goes.
PLUG = ("v=$(($(cat /tmp/vif 2>/dev/null || echo 0) % 90 + 1)); "
        "echo $v > /tmp/vif; "
        "xl network-attach {name} bridge=xenbr0 devid=$v && "
        f"{connected('vif/$v')} && xl network-detach {{name}} $v")
CREATE = ("xl create -q -p /etc/xen/{kind}.cfg name='\"small\"' memory=128 "
          "disk='[]' vif='[]' && xl destroy small")

def memcpy(size, many):
    """What copying as much takes, which nothing that copies can be below."""
    return Workload("block", f"memcpy of {size} KiB", "", "requests/s", many,
                    10, rounds(1), guests=(),
                    native=f"xenbench memcpy 0 $N {size << 10}")


def beside(name, attack):
    """An honest guest's reads, and what the other guest does meanwhile.

    The other is a PV guest: in a PVH guest under an event storm, QEMU 7.2's SVM
    comes to lose the GS base, and with it the guest.
    """
    return Workload("attack", f"4k randread depth 1 beside {name}",
                    "chroot /t " + fio(["/dev/xvdb"], "randread", "4k", 1),
                    "requests/s", 1000, 1, fio_rate(1), disks=1,
                    guests=("pvh",), partner=True, beside=attack)


# What it prints goes to a file that has to be there afterwards.
ATTACK_LOG = "/tmp/attack"
HOSTILE = ("for d in vbd-51712 vif-0; do echo $d > "
           "/sys/bus/xen/drivers/${{d%-*}}/unbind; done; "
           "while :; do {} >> " + ATTACK_LOG + " 2>&1; done")

# Of a key that no backend watches: xenstored has work by it, and the guest itself,
# and no backend can do anything about that.
NO_BACKEND = "writes to xenstore"

WORKLOADS = (
    beside("an idle guest", "sleep 100000"),
    beside("a busy guest", "while :; do :; done"),
    *(beside(f"a storm of {name}", HOSTILE.format(command))
      for name, command in (
          ("disk events", "hostile-vbd 51712 none events:20000"),
          ("network events", "hostile-vif 0 none events:20000"),
          ("bad disk requests", "hostile-vbd 51712 many:2000"),
          ("connects", "hostile-xenbus vif 0 storm:200"),
          ("disk connects", "hostile-xenbus vbd 51712 storm:200"),
          (NO_BACKEND, "hostile-xenbus vif 0 flood:none:2000"))),

    *block("4k randread depth 1", "randread", "4k", 1, 1000),
    *block("4k randread depth 32", "randread", "4k", 32, 5000),
    *block("4k randwrite depth 1", "randwrite", "4k", 1, 1000),
    *block("4k randwrite depth 32", "randwrite", "4k", 32, 5000),
    *block("128k read depth 8", "read", "128k", 8, 600),
    *block("128k write depth 8", "write", "128k", 8, 600),
    *block("1M read depth 8", "read", "1m", 8, 100),
    *block("1M write depth 8", "write", "1m", 8, 100),
    *(memcpy(size, many)
      for size, many in ((4, 100_000), (128, 4000), (1024, 500))),
    *block("4k randread depth 32, 4 disks", "randread", "4k", 32, 1200, 4),
    *block("4k randread depth 32, 16 disks", "randread", "4k", 32, 300, 16),

    tcp("TCP guest to Dom0, 1 stream", 1, 60_000_000),
    tcp("TCP guest to Dom0, 8 streams", 8, 60_000_000),
    tcp("TCP Dom0 to guest, 1 stream", 1, 60_000_000, "-R"),
    tcp("TCP Dom0 to guest, 8 streams", 8, 60_000_000, "-R"),
    tcp("TCP guest to guest, 1 stream", 1, 40_000_000, partner=True),
    tcp("TCP guest to guest, 8 streams", 8, 40_000_000, partner=True),
    Workload("net", "TCP request and response",
             f"chroot /t sockperf pp --tcp --no-rdtsc -t $N -i {DOM0}",
             "round trips/s", 3, 1, sockperf_rate,
             native="sockperf pp --tcp --no-rdtsc -t $N -i 127.0.0.1"),

    udp("UDP guest to Dom0, 64 bytes"),
    udp("UDP Dom0 to guest, 64 bytes", "-R"),

    toolstack("create and destroy a guest", CREATE, 2),
    toolstack("attach and detach a disk", ATTACH),
    toolstack("attach and detach a network card", PLUG),

    xenbench("event", "event to a guest and back", "ping", 1, "round trips/s",
             2000, 10, "xenbench echo 1"),
    xenbench("event", "16 events to a guest and back", "ping", 16, "events/s",
             200, 10, "xenbench echo 16"),

    xenbench("memory", "gntdev: map and unmap 1 page", "map", 1, "pages/s",
             500, 5, "xenbench share 1"),
    xenbench("memory", "gntdev: map and unmap 256 pages", "map", 256,
             "pages/s", 20, 2, "xenbench share 256"),
    xenbench("memory", "gntdev: copy 1 page", "copy", 1, "pages/s",
             2000, 5, "xenbench share 1"),
    xenbench("memory", "gntdev: copy 256 pages", "copy", 256, "pages/s",
             40, 2, "xenbench share 256"),
    xenbench("memory", "privcmd: map and unmap 4096 foreign pages", "foreign",
             4096, "pages/s", 5, 1, given="4096", guests=("pvh",)),
)


def chosen(groups):
    """The workloads of some groups, or all."""
    known = {workload.group for workload in WORKLOADS}
    unknown = set(groups) - known
    if unknown:
        raise SystemExit(f"bench: no group {', '.join(sorted(unknown))}; "
                         f"there are {', '.join(sorted(known))}")
    return [workload for workload in WORKLOADS
            if not groups or workload.group in groups]
