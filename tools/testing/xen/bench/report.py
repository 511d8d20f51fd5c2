# SPDX-License-Identifier: GPL-2.0-only
"""The table and the pictures, from results.json."""

import json
import statistics
import subprocess

from . import plan

NATIVE, IN_TREE, OURS = "native", "in-tree", "ours"
TITLES = {"attack": "Beside a hostile guest", "block": "Block",
          "net": "Network", "control": "Toolstack",
          "event": "Event channels", "memory": "Grants and foreign frames"}
# Of a PV Dom0 alone: Xen records no arguments of the others.
FLUSHES = "flush rounds"
# What is shown of the counts: a title, and what of Dom0's adds up to it.
COUNTED = (
    ("hypercalls", "hypercall "),
    ("subcalls", "subcall "),
    ("evtchn ops", "hypercall event_channel_op"),
    ("grant ops", "hypercall grant_table_op"),
    ("flush rounds", FLUSHES),
    ("VM exits", "vm exits"),
    ("vCPU wakes", "vcpu wakes"),
)


def load(out):
    return json.loads((out / "results.json").read_text())


def number(value):
    if value is None:
        return "-"
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):.3g} {unit}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


class Table:
    """Results by what was measured, repeats joined."""

    def __init__(self, results):
        self.results = results

    def of(self, **wanted):
        return [r for r in self.results
                if all(r.get(key) == value for key, value in wanted.items())]

    def values(self, what):
        return list(dict.fromkeys(r[what] for r in self.results
                                  if what in r))

    def rate(self, **wanted):
        """The mean rate and the spread of repeats, in per cent, if any."""
        rates = [r["rate"] for r in self.of(**wanted) if r.get("rate")]
        if len(rates) < 2:
            return (rates or [None])[0], None
        mean = statistics.fmean(rates)
        return mean, (max(rates) - min(rates)) / mean * 100

    def mean(self, what, **wanted):
        found = [r[what] for r in self.of(**wanted) if what in r]
        return statistics.fmean(found) if found else None


def counted(result, prefix):
    """What Dom0 did of a kind for one operation, if that was counted."""
    if "counts" not in result or (prefix == FLUSHES and result["mode"] != "pv"):
        return None
    dom0 = result["counts"].get("0", {})
    return sum(times for name, times in dom0.items()
               if name.startswith(prefix))


def rates(table, group, mode, guest):
    """Markdown: the rates of each subject, and the ratio that matters."""
    subjects = [s for s in table.values("subject") if s != NATIVE]
    lines = ["| workload | " + " | ".join(subjects)
             + " | ours / in-tree | native in Dom0 | spread | busy |",
             "|---|" + "---|" * (len(subjects) + 4)]
    for name in dict.fromkeys(r["name"] for r in table.of(group=group)):
        here = {"group": group, "mode": mode, "name": name}
        by = {s: table.rate(subject=s, guest_kind=guest, **here)
              for s in subjects}
        rate = {s: value for s, (value, _) in by.items()}
        ours, theirs = rate.get(OURS), rate.get(IN_TREE)
        ratio = f"{ours / theirs:.2f}" if ours and theirs else "-"
        spread = max((s for _, s in by.values() if s is not None), default=None)
        lines.append(
            f"| {name} | " + " | ".join(number(rate[s]) for s in subjects)
            + f" | {ratio} | "
            + number(table.rate(subject=NATIVE, **here)[0])
            + (" | -" if spread is None else f" | {spread:.1f} %")
            + f" | {busy(table, here, guest)} |")
    return lines


def busy(table, here, guest):
    """How much of the time each subject leaves no instruction to spare."""
    shares = []
    for subject in table.values("subject"):
        if subject == NATIVE:
            continue
        found = [sum(r["domains_ns"].values()) * r["rate"] / 1e7 for r in
                 table.of(subject=subject, guest_kind=guest, **here)
                 if r.get("rate") and "domains_ns" in r]
        shares.append(f"{statistics.fmean(found):.0f}" if found else "-")
    return " / ".join(shares) + " %"


def mean(values, scale):
    values = [value for value in values if value is not None]
    return statistics.fmean(values) * scale if values else None


def costs(table, group, mode, guest):
    """Markdown: what Dom0 spends on one operation."""
    lines = ["| workload | code | Dom0 CPU ns | context switches | wake-ups "
             "| interrupts | " + " | ".join(t for t, _ in COUNTED) + " |",
             "|---|---|" + "---|" * (4 + len(COUNTED))]
    for name in dict.fromkeys(r["name"] for r in table.of(group=group)):
        for subject in table.values("subject"):
            found = table.of(group=group, mode=mode, name=name,
                             subject=subject, guest_kind=guest)
            found = [r for r in found if r.get("rate")]
            if not found:
                continue
            scale = found[0]["per"]
            cells = [mean([r[key] for r in found], scale)
                     for key in ("dom0_ns", "ctxt", "wakeups", "intr")]
            cells += [mean([counted(r, prefix) for r in found], scale)
                      for _, prefix in COUNTED]
            lines.append(f"| {name} | {subject} | "
                         + " | ".join(number(c) for c in cells) + " |")
    return lines


def kept(table):
    """What an honest guest keeps beside each other one: (where, share)."""
    idle = [name for name in table.values("name")
            if name.endswith("beside an idle guest")]
    for result in table.of(group="attack"):
        here = {key: result[key] for key in ("mode", "subject", "guest_kind")}
        alone = table.rate(name=idle[0], **here)[0] if idle else None
        if alone and result.get("rate") and result["name"] != idle[0]:
            yield {**here, "name": result["name"]}, result["rate"] / alone


def below_half(data):
    """Lines on what takes more than half from the neighbour of ours (O2)."""
    return [f"{where['mode']} · {where['name']}: the honest guest keeps "
            f"{100 * share:.0f} %, which is less than half"
            for where, share in kept(Table(data["results"]))
            if share < 0.5 and where["subject"] == OURS
            and not where["name"].endswith(plan.NO_BACKEND)]


def shares(table, mode, guest):
    """Markdown: what the honest guest keeps of what it has beside an idle
    one."""
    lines = ["| workload | code | kept |", "|---|---|---|"]
    for where, share in kept(table):
        if (where["mode"], where["guest_kind"]) == (mode, guest):
            lines.append(f"| {where['name']} | {where['subject']} | "
                         f"{100 * share:.0f} % |")
    return lines


def markdown(data):
    table = Table(data["results"])
    lines = ["Versions: " + ", ".join(f"{what} {version}" for what, version
                                      in data["versions"].items()) + ".", "",
             "Options: " + ", ".join(f"`--{what} {value}`" for what, value
                                     in data.get("options", {}).items())
             + ".", ""]
    for group in table.values("group"):
        for mode in table.values("mode"):
            for guest in table.values("guest_kind"):
                title = (f"{TITLES.get(group, group)}, {mode.upper()} Dom0, "
                         f"{guest.upper()} guest")
                if not table.of(group=group, mode=mode, guest_kind=guest):
                    continue
                lines += [f"### {title}", "",
                          *rates(table, group, mode, guest), ""]
                if group == "attack":
                    lines += [*shares(table, mode, guest), ""]
                lines += ["Dom0, for each "
                          + ("64 KiB, packet or round trip" if group == "net"
                             else "operation")
                          + ":", "",
                          *costs(table, group, mode, guest), ""]
    return "\n".join(lines)


def picture(out, table, group):
    """A PNG of a group: ours against in-tree, all modes and guests."""
    rows = []
    for mode in table.values("mode"):
        for guest in table.values("guest_kind"):
            for name in dict.fromkeys(r["name"]
                                      for r in table.of(group=group)):
                here = {"group": group, "mode": mode, "name": name,
                        "guest_kind": guest}
                theirs = table.rate(subject=IN_TREE, **here)[0]
                ours = table.rate(subject=OURS, **here)[0]
                if ours and theirs:
                    rows.append((f"{mode}/{guest} {name}", ours / theirs))
    if not rows:
        return
    data = out / f"{group}.dat"
    data.write_text("".join(f'"{title}" {ratio:.3f}\n'
                            for title, ratio in rows))
    script = f"""set terminal png size 1200,{200 + 26 * len(rows)}
set output "{out / group}.png"
set title "{TITLES.get(group, group)}: ours as a multiple of in-tree"
set lmargin 48; unset key; set grid x; set yrange [-1:{len(rows)}] reverse
set xrange [0:*]; set style fill solid 0.6
set arrow from 1,-1 to 1,{len(rows)} nohead lw 2
plot "{data}" using ($2/2):($0):($2/2):(0.35):ytic(1) with boxxyerror"""
    subprocess.run(["gnuplot"], input=script, text=True, check=True)
    data.unlink()


def write(out):
    data = load(out)
    (out / "results.md").write_text(markdown(data))
    table = Table(data["results"])
    for group in table.values("group"):
        try:
            picture(out, table, group)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"bench: no picture of {group}: {error}")
