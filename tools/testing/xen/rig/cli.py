# SPDX-License-Identifier: GPL-2.0-only
"""The rig's command line."""

import argparse
import os
import subprocess
import sys
import time

from . import demo, machine, packages, payload, paths, qemu


def _kernel_arguments(parser):
    parser.add_argument("--build", metavar="DIR",
                        help="a kernel build directory (make O=DIR)")
    parser.add_argument("--bzimage", metavar="FILE",
                        help="the kernel, if it is not in the build directory")
    parser.add_argument("--modules", metavar="DIR",
                        help="its modules, likewise")
    parser.add_argument("--linux", default="", metavar="OPTIONS",
                        help="more options for Dom0's kernel")
    parser.add_argument("--xen", default="", metavar="OPTIONS",
                        help="more options for Xen")


def _kernel(arguments):
    if arguments.bzimage:
        return payload.Kernel(arguments.bzimage,
                              arguments.modules or arguments.build)
    if not arguments.build:
        sys.exit("rig: say which kernel: --build DIR, or --bzimage FILE")
    kernel = payload.Kernel.from_build(arguments.build)
    if not kernel.image.exists():
        sys.exit(f"rig: no kernel at {kernel.image}")
    return kernel


def _demo(arguments):
    """Boots Xen and Dom0, starts a guest, shows its disk and network."""
    kernel = _kernel(arguments)
    interactive = sys.stdin.isatty() and sys.stdout.isatty() \
        and not arguments.batch
    modes = ("pv", "pvh") if arguments.mode == "both" else (arguments.mode,)
    for number, mode in enumerate(modes, 1):
        last = number == len(modes)
        demo.run(kernel, mode, interactive and last, arguments)
    return 0


def _boot(arguments):
    """Boots, and runs a script in Dom0 or gives a shell."""
    config = qemu.Config(mode=arguments.mode, vcpus=arguments.vcpus,
                         disk=arguments.disk, nic=arguments.nic,
                         linux=arguments.linux, xen=arguments.xen)
    run = "script" if arguments.script else "shell"
    with machine.Machine(_kernel(arguments), config, run,
                         arguments.script, arguments.file) as booted:
        print(f"rig: serial log {booted.log}", flush=True)
        if not arguments.script:
            booted.console.interact(escape_character="\x1d")
            return 0
        booted.also_to(sys.stdout)
        ended = booted.wait_for(r"rig: script ended \((\d+)\)",
                                arguments.time, silence=arguments.time)
        booted.wait_end()
        return int(ended[1])


def _check(arguments):
    """Runs the tests; the arguments are pytest's, and --kernel ROLE=DIR."""
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    os.chdir(paths.HERE)
    sys.stdout.flush()
    os.execv("/usr/bin/python3",
             ["/usr/bin/python3", "-m", "pytest", *arguments])


def _missing(_):
    """Prints the apt command for the host packages that are missing."""
    lacking = []
    for name in packages.section("host"):
        done = subprocess.run(
            ["dpkg-query", "-W", "-f", "${db:Status-Status}", name],
            text=True, capture_output=True, check=False)
        if done.stdout != "installed":
            lacking.append(name)
    if lacking:
        print("apt-get install --no-install-recommends " + " ".join(lacking))
    return 1 if lacking else 0


def _parser():
    parser = argparse.ArgumentParser(prog="run", description="The Xen rig.")
    commands = parser.add_subparsers(dest="command", required=True)

    show = commands.add_parser("demo", help=_demo.__doc__)
    _kernel_arguments(show)
    show.add_argument("--mode", choices=("pv", "pvh", "both"), default="both")
    show.add_argument("--vcpus", type=int, default=1)
    show.add_argument("--batch", action="store_true",
                      help="never end in a shell")
    show.set_defaults(call=_demo)

    boot = commands.add_parser("boot", help=_boot.__doc__)
    _kernel_arguments(boot)
    boot.add_argument("--mode", choices=("pv", "pvh"), default="pv")
    boot.add_argument("--vcpus", type=int, default=1)
    boot.add_argument("--disk", choices=("virtio", "nvme"), default="virtio")
    boot.add_argument("--nic", choices=("virtio", "e1000e"), default="virtio")
    boot.add_argument("--file", action="append", default=[],
                      help="a file to have under /rig/files")
    boot.add_argument("--time", type=int, default=600,
                      help="the script's time limit in seconds")
    boot.add_argument("script", nargs="?", help="run this, then power off")
    boot.set_defaults(call=_boot)

    commands.add_parser("check", help=_check.__doc__)

    missing = commands.add_parser("missing", help=_missing.__doc__)
    missing.set_defaults(call=_missing)
    return parser


def main():
    if sys.argv[1:2] == ["check"]:
        return _check(sys.argv[2:])
    arguments = _parser().parse_args()
    start = time.monotonic()
    try:
        return arguments.call(arguments)
    except (machine.MachineError, packages.PackageError) as error:
        print(f"rig: {error}\nrig: failed after "
              f"{time.monotonic() - start:.0f} s", file=sys.stderr)
        return 1
