"""Which functions did the indirect calls of a running kernel reach, and in which context?

A kernel that was built by build.sh notes each call in a table of its own memory (record.c). `run` starts it in a virtual machine, types,
plugs and unplugs meanwhile, and copies the table out of the machine's memory when the kernel has shut down. `places` says for each entry
the line of the call and the function called. `compiled` lists the source files that the kernel is made of.

>>> python benchmarks/kernel_calls/observe.py run --work work --name first
>>> python benchmarks/kernel_calls/observe.py places --work work --source linux-6.1 --out observed.jsonl --contexts contexts.jsonl
>>> python benchmarks/kernel_calls/observe.py compiled --work work --source linux-6.1 --out compiled.txt
"""
from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

KERNEL_BASE = 0xFFFFFFFF80000000
SLOT = struct.Struct("<Q4I")
SLOTS = 1 << 18
FLAGS = {1: "irqs_off", 2: "preempt_off", 4: "bh_off", 8: "softirq", 16: "hardirq", 32: "nmi", 64: "boot", 128: "kthread", 256: "worker"}
DISKS = ("disk", "second", "third", "fourth", "fifth", "sixth")
KEYS = "a b c ret spc 1 up down tab caps_lock ctrl-alt-f2 ctrl-alt-f1 shift-x alt-sysrq-h".split()


def entries(table: bytes) -> Iterator[tuple[int, int, int, int]]:
    """(return address, callee, context mask, count) of each used slot; addresses in full, counts may be low by races."""
    for key, site, callee, context, count in SLOT.iter_unpack(table[: len(table) // SLOT.size * SLOT.size]):
        if key and site and callee:
            yield site | KERNEL_BASE, callee | KERNEL_BASE, context, count


def context_class(mask: int) -> str:
    """The strictest class of a context mask: nmi, hardirq, softirq, atomic (a process that must not sleep), process; boot: not known yet.

    >>> context_class(128 | 2)
    'atomic'
    """
    for bit, name in ((64, "boot"), (32, "nmi"), (16, "hardirq"), (8, "softirq")):
        if mask & bit:
            return name
    return "atomic" if mask & 7 else "process"


def plain_name(symbol: str) -> str:
    """A symbol without what the compiler appends: `foo.constprop.0`, `foo.isra.0.cold` -> `foo`."""
    return re.sub(r"\.(constprop|isra|part|cold|localalias|lto_priv|llvm|clone)\b.*$", "", symbol)


def relative(path: str, roots: Iterable[str]) -> str | None:
    """A path of the debug information, relative to the source root; None for a file made by the build or outside it."""
    path = os.path.normpath(path)
    for root in roots:
        if path.startswith(root.rstrip("/") + "/"):
            return path[len(root.rstrip("/")) + 1 :]
    return None


# --- run -----------------------------------------------------------------------------------------------------------------------------


class Monitor:
    """A connection to the virtual machine's control socket (QMP)."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rw")
        self.events: list[str] = []
        self.file.readline()
        self.ask("qmp_capabilities")

    def ask(self, command: str, **arguments: object) -> dict[str, object]:
        self.file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            answer: dict[str, object] = json.loads(self.file.readline())
            if "event" in answer:
                self.events.append(str(answer["event"]))
            else:
                return answer

    def running(self) -> bool:
        state = self.ask("query-status")["return"]
        return isinstance(state, dict) and state.get("status") == "running"

    def say(self, line: str) -> str:
        return str(self.ask("human-monitor-command", **{"command-line": line}).get("return", ""))


def symbols(system_map: Path) -> dict[str, int]:
    found = {}
    for line in system_map.read_text().splitlines():
        address, _, name = line.split(maxsplit=2)
        found[name] = int(address, 16)
    return found


def machine(work: Path, name: str, memory: int, devices: list[str], append: str, accelerator: str) -> list[str]:
    command = ["qemu-system-x86_64", "-accel", accelerator, "-smp", "2", "-m", str(memory), "-vga", "std"]
    command += ["-nodefaults", "-display", "none", "-no-reboot", "-no-shutdown"]
    command += ["-kernel", str(work / "build/arch/x86/boot/bzImage"), "-initrd", str(work / "initramfs.gz")]
    command += ["-serial", f"file:{work / name}.console"]
    command += ["-serial", "null", "-qmp", f"unix:{work / name}.socket,server=on,wait=off"]
    command += ["-drive", f"file={work / name}.disk,format=raw,if=virtio", "-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0"]
    command += ["-append", f"console=ttyS0 panic=-1 nokaslr ramdisk_size=65536 brd.rd_nr=6 null_blk.nr_devices=1 {append}"]
    if accelerator == "kvm":
        command += ["-cpu", "host"]
    for device in devices:
        command += device.split(" ")
    return command


def disturb(monitor: Monitor, turn: int) -> None:
    """What only the outside can do to a machine: keys, mouse, links, plugs."""
    monitor.say(f"sendkey {KEYS[turn % len(KEYS)]}")
    monitor.say(f"mouse_move {turn % 20 - 10} {turn % 7 - 3} {turn % 3 - 1}")
    monitor.say(f"mouse_button {turn % 3}")
    if turn % 20 == 7:
        for net in ("n0", "n1", "n2", "n3"):
            monitor.say(f"set_link {net} off")
    if turn % 20 == 9:
        for net in ("n0", "n1", "n2", "n3"):
            monitor.say(f"set_link {net} on")
    if turn % 30 == 11:
        monitor.say("balloon 600")
    if turn % 30 == 17:
        monitor.say("balloon 1200")
    if turn % 30 == 19:
        monitor.say("device_add usb-kbd,id=plugged,bus=xhci.0")
        monitor.say("device_add virtio-rng-pci,id=plugged2")
    if turn % 30 == 25:
        monitor.say("device_del plugged")
        monitor.say("device_del plugged2")
    if turn == 100:
        monitor.say("nmi")


def save(monitor: Monitor, work: Path, name: str) -> Path:
    """Copy the table out of the guest's memory."""
    addresses = symbols(work / "build/System.map")
    table = work / f"{name}.table"
    monitor.ask("stop")
    monitor.ask("pmemsave", val=addresses["indirect_call_slots"] - KERNEL_BASE, size=SLOT.size * SLOTS, filename=str(table))
    lost = monitor.say(f"xp /1gx {addresses['indirect_calls_lost'] - KERNEL_BASE:#x}")
    print(sum(1 for _ in entries(table.read_bytes())), "entries; lost:", lost.split(":")[-1].strip())
    return table


def run(work: Path, name: str, seconds: int, memory: int, more: bool, append: str, accelerator: str) -> Path:
    """Run the kernel until it has shut down (or `seconds` are over) and copy its table to WORK/NAME.table."""
    for disk in DISKS:
        with (work / f"{name}.{disk}").open("wb") as f:
            f.truncate(512 << 20)
    here = Path(__file__).resolve().parent / "workload"
    lists = [here / "machine"] + ([here / "machine_more"] if more else [])
    devices = [line.format(work=work, name=name) for one in lists for line in one.read_text().splitlines() if line.startswith("-")]
    (work / f"{name}.socket").unlink(missing_ok=True)
    qemu = subprocess.Popen(machine(work, name, memory, devices, append, accelerator))
    try:
        for _ in range(100):
            if (work / f"{name}.socket").exists():
                break
            time.sleep(0.1)  # polls: another process makes what is waited for
        monitor = Monitor(work / f"{name}.socket")
        end = time.monotonic() + seconds
        turn = 0
        while time.monotonic() < end and monitor.running():
            time.sleep(1)  # polls: the guest tells nobody when it has ended
            turn += 1
            disturb(monitor, turn)
        table = save(monitor, work, name)
        monitor.ask("quit")
        qemu.wait(20)
    finally:
        qemu.kill()
    for disk in DISKS:
        (work / f"{name}.{disk}").unlink()
    return table


# --- places --------------------------------------------------------------------------------------------------------------------------


def thunk_calls(vmlinux: Path) -> set[int]:
    """Return addresses of the calls (not jumps) to thunks."""
    out = subprocess.Popen(["objdump", "-d", "--no-show-raw-insn", "-M", "suffix", str(vmlinux)], stdout=subprocess.PIPE, text=True)
    assert out.stdout
    after: set[int] = set()
    was = False
    for line in out.stdout:
        if line[:8] != "ffffffff":
            continue
        address, _, rest = line.partition(":\t")
        if was and rest:
            after.add(int(address, 16))
            was = False
        elif rest:
            was = rest.startswith("call") and "<__x86_indirect_thunk_" in rest
    return after


def lines_of(vmlinux: Path, addresses: list[int]) -> list[tuple[str, int, str]]:
    """(file, line, function) of each address: the innermost inlined frame."""
    tool = shutil.which("llvm-symbolizer") or shutil.which("llvm-symbolizer-14")
    if not tool:
        raise SystemExit("llvm-symbolizer is needed (binutils 2.40 names wrong files for functions of headers)")
    asked = "\n".join(hex(a) for a in addresses) + "\n"
    command = [tool, "--output-style=JSON", "--inlines", "-e", str(vmlinux)]
    out = subprocess.run(command, input=asked, capture_output=True, text=True, check=True).stdout
    found = []
    for line in out.splitlines():
        frames = json.loads(line).get("Symbol") or [{}]
        found.append((frames[0].get("FileName", ""), int(frames[0].get("Line", 0)), frames[-1].get("FunctionName", "")))
    return found


def function_names(vmlinux: Path) -> dict[int, list[str]]:
    """Address -> names of the functions that start there."""
    found: dict[int, list[str]] = defaultdict(list)
    for line in subprocess.run(["nm", str(vmlinux)], capture_output=True, text=True, check=True).stdout.splitlines():
        parts = line.split()
        if len(parts) == 3 and parts[1] in "tTwW":
            found[int(parts[0], 16)].append(parts[2])
    return found


Rows = dict[tuple[str, int, str], Counter[int]]  # (file, line, callee) -> context mask -> count
Functions = dict[tuple[str, str], Counter[int]]  # (file, callee) -> context mask -> count


def located(work: Path, source: Path, rows: Rows, functions: Functions) -> None:
    """Add what the tables of one kernel hold."""
    vmlinux = work / "build/vmlinux"
    tables = sorted(work.glob("*.table"))
    roots = [str(source.resolve()), str(source), str(work / "src"), str((work / "src").resolve())]
    calls = thunk_calls(vmlinux)
    seen: dict[tuple[int, int], Counter[int]] = defaultdict(Counter)
    for table in tables:
        for site, callee, context, count in entries(table.read_bytes()):
            if site in calls:
                seen[site, callee][context] += count
    names = function_names(vmlinux)
    chosen = sorted(pair for pair in seen if names.get(pair[1]))
    sites = lines_of(vmlinux, [site - 1 for site, _ in chosen])
    starts = lines_of(vmlinux, [callee for _, callee in chosen])
    for pair, (file, line, _function), (start_file, _line, start_name) in zip(chosen, sites, starts, strict=True):
        name = plain_name(start_name if start_name in names[pair[1]] else sorted(names[pair[1]])[0])
        place = relative(file, roots)
        functions[relative(start_file, roots) or "", name] += seen[pair]
        if place and line:
            rows[place, line, name] += seen[pair]


def places(works: list[Path], source: Path, out: Path, contexts: Path) -> str:
    """Write what the tables of these kernels hold, as rows {file, line, callee, contexts} and, for each function called, its contexts."""
    rows: Rows = defaultdict(Counter)
    functions: Functions = defaultdict(Counter)
    for work in works:
        located(work, source, rows, functions)
    with out.open("w", encoding="utf-8") as f:
        for (file, line, callee), masks in sorted(rows.items()):
            found = {"file": file, "line": line, "callee": callee, "contexts": sorted({context_class(m) for m in masks})}
            f.write(json.dumps(found) + "\n")
    with contexts.open("w", encoding="utf-8") as f:
        for (file, callee), masks in sorted(functions.items()):
            f.write(json.dumps({"callee": callee, "file": file, **summary(masks)}) + "\n")
    return f"{len({(f, n) for f, n, _ in rows})} sites, {len(rows)} pairs, {len(functions)} functions"


def summary(masks: Counter[int]) -> dict[str, object]:
    """Counts by context class, and each observed combination of conditions with its count."""
    classes: Counter[str] = Counter()
    for mask, count in masks.items():
        classes[context_class(mask)] += count
    told = {"+".join(name for bit, name in FLAGS.items() if mask & bit) or "process": count for mask, count in sorted(masks.items())}
    return {"classes": dict(sorted(classes.items())), "conditions": told}


# --- compiled ------------------------------------------------------------------------------------------------------------------------


def command_files(text: str) -> list[str]:
    """The source and the headers that a kbuild .cmd file names, as written there."""
    source = re.search(r"^source_\S+ := (\S+)", text, re.M)
    needed = re.search(r"^deps_\S+ := \\\n((?:.*\\\n)*.*)", text, re.M)
    found = [source[1]] if source else []
    if needed:
        found += re.sub(r"\$\([^)]*\)|\\\n", " ", needed[1]).split()
    return found


def compiled(work: Path, source: Path, out: Path, tree: Path | None = None) -> int:
    """Write the names of the files that the kernel was made of, relative to the source; with `tree` also hard links to them, a corpus."""
    build = (work / "build").resolve()
    roots = [str((work / "src").resolve()), str(work / "src"), str(source.resolve())]
    files: set[str] = set()
    for command in build.rglob(".*.o.cmd"):
        if command.relative_to(build).parts[0] in ("scripts", "tools"):
            continue
        for name in command_files(command.read_text(errors="replace")):
            found = relative(name if name.startswith("/") else str(build / name), roots)
            if found and found.endswith((".c", ".h", ".S")) and (source / found).is_file():
                files.add(found)
    out.write_text("".join(f"{name}\n" for name in sorted(files)), encoding="utf-8")
    for name in sorted(files) if tree else []:
        link = tree / name  # type: ignore[operator]
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.exists():
            os.link(source / name, link)
    return len(files)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    one, two, three = (verbs.add_parser(name) for name in ("run", "places", "compiled"))
    one.add_argument("--work", type=Path, required=True)
    one.add_argument("--name", required=True)
    one.add_argument("--seconds", type=int, default=1500)
    one.add_argument("--memory", type=int, default=1536, help="MiB")
    one.add_argument("--more", action="store_true", help="also the devices for which drivers.config has drivers")
    one.add_argument("--append", default="")
    one.add_argument("--accelerator", default="tcg")
    two.add_argument("--work", type=Path, action="append", required=True, help="may be given several times: kernels of the same source")
    three.add_argument("--work", type=Path, required=True)
    for verb in (two, three):
        verb.add_argument("--source", type=Path, required=True)
        verb.add_argument("--out", type=Path, required=True)
    two.add_argument("--contexts", type=Path, required=True)
    three.add_argument("--tree", type=Path, help="a new folder for hard links to the files")
    args = parser.parse_args()
    if args.verb == "run":
        print(run(args.work.resolve(), args.name, args.seconds, args.memory, args.more, args.append, args.accelerator))
    elif args.verb == "places":
        print(places([work.resolve() for work in args.work], args.source, args.out, args.contexts))
    else:
        print(compiled(args.work.resolve(), args.source, args.out, args.tree), "files")


if __name__ == "__main__":
    main()
