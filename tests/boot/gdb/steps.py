# SPDX-License-Identifier: GPL-2.0-or-later
"""In gdb: step through lib/steps.S and look at each instruction's end.

RFLAGS' TF must never be seen; IF must be what the guest has made it, though
an interrupt waits all the time. lib/steps_modes.S, all other modes, by packets
alone: gdb would read every register at each stop.
"""
import struct

import gdb

TF, IF = 0x100, 0x200
# where each step must end, and IF there; a comment: what else is looked at
PATH = [
    ("x_nop", 1), ("x_pushf", 1), ("x_popf", 1), ("x_pushfw", 1),
    ("x_popfw", 1), ("x_cli", 1), ("x_pushf_cli", 0), ("x_sti", 0),
    ("x_popf_cli", 1), ("x_sti2", 0), ("x_sti3", 1), ("x_ss", 1),
    ("x_mov_ss", 1), ("x_after_mov_ss", 1), ("x_int", 1),
    ("h_int", 0), "h_int_iret", ("x_int_user", 1),
    ("h_int", 1), "h_int_iret", ("x_int3", 1),
    ("h_int", 0), "h_int_iret", ("x_ud", 1),
    ("h_skip2", 0), "h_skip2_saved", "h_skip2_iret", ("x_pf", 1),
    ("h_pf", 0), ("h_pf_skip", 0), ("h_pf_iret", 0), ("x_hlt", 1),
    ("x_cpuid_leaf", 1), ("x_cpuid", 1), ("x_wrmsr_number", 1),
    ("x_rdmsr", 1), ("x_wrmsr", 1), ("x_cr0", 1), ("x_mov_cr0", 1),
    ("x_mov_cr8", 1), ("x_count", 1), ("x_source", 1), ("x_target", 1),
    ("x_rep", 1), ("x_rep", 1), ("x_rep", 1), ("x_save_rsp", 1),
    ("x_first", 1), ("x_syscall", 1),
    ("h_syscall", 0), ("h_which", 0), ("h_second", 0), ("h_mark", 0),
    ("h_return", 0), ("h_sysret", 0),
    ("u_nop", 1), ("u_pushf", 1), ("u_popf", 1), ("u_int", 1),
    ("h_gp", 0), ("h_gp_jump", 0), ("h_skip2", 0), "h_skip2_saved",
    "h_skip2_iret", ("u_int_user", 1),
    ("h_int", 1), "h_int_iret", ("u_syscall", 1),
    ("h_syscall", 0), ("h_which", 0), ("h_second", 0), ("x_leave", 0),
    ("x_jump", 0), ("x_flags", 0), ("x_iret_flags", 0), ("x_last", 1),
]


def number(expression):
    return int(gdb.parse_and_eval(expression)) & 0xffffffffffffffff


known = {}      # the L2's inferior has no symbols


def address(label):
    if label not in known:
        known[label] = number(f"(unsigned long)&{label}")
    return known[label]


def flags_on_stack(offset, size="long"):
    return number(f"*(unsigned {size} *)($rsp + {offset})")


# what is to be seen of the flags at the end of a step, by the label before it
def saved(before):
    if before in ("x_pushf", "x_pushf_cli", "u_pushf"):
        return flags_on_stack(0)
    if before == "x_pushfw":
        return flags_on_stack(0, "short")
    if before in ("x_int", "x_int_user", "x_int3", "x_ud", "u_int_user"):
        return flags_on_stack(16)
    if before in ("x_pf", "u_int"):
        return flags_on_stack(24)
    if before in ("x_syscall", "u_syscall"):
        return number("$r11")
    return None


def steps(path, name):
    bad = 0
    step = 0
    before = flags = None
    for entry in path:
        label, want_if = entry if isinstance(entry, tuple) else (entry, None)
        goal = address(label)
        # a macro of several instructions
        for _ in range(8 if want_if is None else 1):
            if before is not None:
                gdb.execute("stepi", to_string=True)
                step += 1
            pc = number("$rip")
            if pc == goal:
                break
        now = number("$eflags")
        what = []
        if pc != goal:
            what.append(f"at {pc:#x}, not {goal:#x}")
        if now & TF:
            what.append("TF")
        if want_if is not None and bool(now & IF) != bool(want_if):
            what.append(f"IF {bool(now & IF)}")
        kept = saved(before) if before else None
        if kept is not None and (kept ^ flags) & (TF | IF):
            what.append(f"saved flags {kept:#x}, were {flags:#x}")
        if what:
            bad += 1
            print(f"STEP {name}: {before} to {label}: {', '.join(what)}")
            if pc != goal:
                break
        before, flags = label, now
    print(f"STEPS {name}: {step} steps, {bad} wrong")


def in_l1():
    at = address("x_nop")
    gdb.execute(f"tbreak *{at:#x}", to_string=True)
    gdb.execute("continue", to_string=True)
    steps(PATH, "L1")


def in_l2():
    gdb.execute("monitor catch entry", to_string=True)
    gdb.execute("continue", to_string=True)
    gdb.execute("monitor uncatch all", to_string=True)
    goal = address("x_nop")
    for _ in range(10):
        if number("$rip") != goal:
            gdb.execute("stepi", to_string=True)
    steps(PATH, "L2")


# struct step_place of lib/steps_modes.S; STEPS_INTEL, STEPS_AMD
PLACE = struct.Struct("<IHH")
VENDOR = {"intel": 1, "amd": 2}
RIP, EFLAGS = 16, 17    # numbers of registers in packets


def places(vendor):
    begin, end = address("steps_path"), address("steps_path_end")
    memory = gdb.selected_inferior().read_memory(begin, end - begin)
    return [(at, want) for at, want, only in PLACE.iter_unpack(memory)
            if only in (0, VENDOR[vendor])]


class Packets:
    """The thread that has stopped, without gdb's own bookkeeping."""

    def __init__(self):
        thread = gdb.selected_thread()
        self.id = f"p{thread.ptid[0]:x}.{thread.ptid[1] or thread.ptid[2]:x}"
        self.send = thread.inferior.connection.send_packet

    def step(self):
        return self.send(f"vCont;s:{self.id}").decode()

    def why(self):
        return self.send("?").decode()


def register(told, n):
    """Of those that come with a stop."""
    parts = dict(part.split(":") for part in told[3:].split(";") if part)
    return int.from_bytes(bytes.fromhex(parts[f"{n:x}"]), "little")


def follow(path, name):
    """From its first place along it."""
    bad = 0
    p = Packets()
    for n, (goal, want) in enumerate(path):
        told = p.step() if n else p.why()
        pc, flags = register(told, RIP), register(told, EFLAGS)
        what = []
        if n and not told.startswith("T05"):
            what.append(told)
        if pc != goal:
            what.append(f"at {pc:#x}")
        if (flags ^ want) & (TF | IF):
            what.append(f"flags {flags:#x}, not {want:#x}")
        if what:
            bad += 1
            print(f"STEP {name}: {n}: {path[n - 1][0]:#x} to {goal:#x}: "
                  + ", ".join(what))
            if pc != goal:
                break
    gdb.execute("maint flush register-cache", to_string=True)
    print(f"STEPS {name} modes: {n + 1} places, {bad} wrong")


def modes(vendor, level):
    gdb.execute("thread 1.1", to_string=True)
    path = places(vendor)
    gdb.execute(f"thbreak *{address('steps_here'):#x}", to_string=True)
    gdb.execute("continue", to_string=True)
    if level == "L2":
        gdb.execute("monitor catch entry", to_string=True)
        gdb.execute("continue", to_string=True)
        gdb.execute("monitor uncatch all", to_string=True)
    gdb.execute(f"thbreak *{path[0][0]:#x}", to_string=True)
    gdb.execute("continue", to_string=True)
    follow(path, level)
