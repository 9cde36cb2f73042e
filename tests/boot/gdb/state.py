# SPDX-License-Identifier: GPL-2.0-or-later
"""In gdb: every register read, written and read back; memory by level; code
in every mode."""
import struct

import gdb

ALL = (1 << 64) - 1
GENERAL = 0x1122334455667788
LINEAR = 0xffff888000001000
# a value of its own for each; a number in brackets: bits to turn over
WRITE = {
    **{r: GENERAL for r in ("rax rbx rcx rdx rsi rdi rbp r8 r9 r10 r11 r12 "
                            "r13 r14 r15").split()},
    "eflags": [1], "es": 0x10, "fs": 0x10, "gs": 0x10,
    "fs_base": LINEAR, "gs_base": LINEAR, "es_base": 0x1000,
    "fs_limit": 0xfff, "gs_limit": 0xfff, "es_limit": 0xfff,
    "cr0": [2], "cr2": LINEAR, "cr4": [0x200], "cr8": 5, "efer": [1],
    "gdtr_base": LINEAR, "gdtr_limit": 0x77, "idtr_base": LINEAR,
    "idtr_limit": 0x7f, "ldtr": 0x48, "ldtr_base": LINEAR,
    "tr_base": LINEAR, "tr_limit": 0x77,
    "dr0": LINEAR, "dr1": LINEAR, "dr2": LINEAR, "dr3": LINEAR,
    "dr6": [1], "dr7": [0x200], "star": GENERAL, "lstar": LINEAR,
    "cstar": LINEAR, "sfmask": 0x700, "kernel_gs_base": LINEAR,
    "sysenter_cs": 0x8, "sysenter_esp": LINEAR, "sysenter_eip": LINEAR,
    "pat": [0x1], "mxcsr": [0x40], "fctrl": 0x27f,
}
# what no processor would take is an error reply, and nothing else
REFUSED = {"cr0": ALL, "cr3": ALL, "cr4": ALL, "cr8": 0x100, "efer": ALL,
           "dr6": 1 << 32, "dr7": ALL, "pat": 2, "eflags": ALL,
           "sysenter_eip": 1 << 63, "lstar": 1 << 63, "fs_base": 1 << 63,
           "rip": 1 << 63, "apic_base": 0}
READ = ("rip rsp cs ss ds cr3 cs_base cs_limit cs_attr ss_base ss_limit "
        "ss_attr ds_base ds_limit ds_attr es_attr fs_attr gs_attr tr tr_attr "
        "ldtr_attr ldtr_limit xcr0 apic_base fstat ftag fop").split()


def number(expression):
    return int(gdb.parse_and_eval(expression)) & ALL


def fail(what):
    global bad
    bad += 1
    print(f"WRONG {what}")


def registers():
    global bad
    bad = 0
    for name in READ:
        try:
            number(f"${name}")
        except gdb.error as e:
            # L1 has not switched XSAVE on
            if name != "xcr0":
                fail(f"{name}: {e}")
    for name, value in WRITE.items():
        old = number(f"${name}")
        new = old ^ value[0] if isinstance(value, list) else value
        gdb.execute(f"set ${name} = {new:#x}")
        gdb.execute("maintenance flush register-cache", to_string=True)
        got = number(f"${name}")
        gdb.execute(f"set ${name} = {old:#x}")
        gdb.execute("maintenance flush register-cache", to_string=True)
        if got != new:
            fail(f"{name}: {new:#x} was written, {got:#x} is there")
        if number(f"${name}") != old:
            fail(f"{name}: {old:#x} is not back")
    for name, value in REFUSED.items():
        old = number(f"${name}")
        try:
            gdb.execute(f"set ${name} = {value:#x}")
            fail(f"{name}: {value:#x} was taken")
        except gdb.error:
            pass
        gdb.execute("maintenance flush register-cache", to_string=True)
        if number(f"${name}") != old:
            fail(f"{name}: {old:#x} is not what it was")
    gdb.execute("set $xmm3.v4_float[1] = 1.5")
    gdb.execute("set $st2 = 2.25")
    gdb.execute("maintenance flush register-cache", to_string=True)
    if float(gdb.parse_and_eval("$xmm3.v4_float[1]")) != 1.5:
        fail("xmm3")
    if float(gdb.parse_and_eval("$st2")) != 2.25:
        fail("st2")
    print(f"REGISTERS: {len(WRITE) + len(READ)}, {bad} wrong")


def readable(address):
    try:
        gdb.selected_inferior().read_memory(address, 4)
        return True
    except gdb.error:
        return False


def memory(where):
    """@where: a linear address that is mapped one to one."""
    global bad
    bad = 0
    text = bytes(gdb.selected_inferior().read_memory(where, 16))
    for mode in ("l1", "l2") if gdb.selected_inferior().pid > 1 else ("l1",):
        gdb.execute(f"monitor phys {mode}", to_string=True)
        gdb.execute("maintenance flush dcache", to_string=True)
        if bytes(gdb.selected_inferior().read_memory(where, 16)) != text:
            fail(f"phys {mode}")
        # the local APIC, the I/O APIC, what is not RAM at all
        for mmio in (0xfee00000, 0xfec00000, 0xfd000000, 1 << 45):
            if readable(mmio):
                fail(f"phys {mode}: {mmio:#x} was read")
    gdb.execute("monitor phys off", to_string=True)
    for address in (1 << 46, 0xffff888000000000, 0xfee00020,
                    0xdead << 48 | where):
        if readable(address):
            fail(f"{address:#x} was read")
    old = number(f"*(unsigned char *){where}")
    gdb.execute(f"set *(unsigned char *){where} = {old ^ 0xff}")
    gdb.execute("maintenance flush dcache", to_string=True)
    if number(f"*(unsigned char *){where}") != old ^ 0xff:
        fail("a write")
    gdb.execute(f"set *(unsigned char *){where} = {old}")
    try:
        gdb.execute(f"set *(int *){1 << 46} = 1")
        fail("a write to nowhere")
    except gdb.error:
        pass
    print(f"MEMORY of process {gdb.selected_inferior().pid}: {bad} wrong")


def modes(stops):
    """Each CPUID of the guest, whatever its mode, must read as one."""
    global bad
    bad = 0
    seen = {}
    gdb.execute("monitor catch exit cpuid", to_string=True)
    for _ in range(stops):
        gdb.execute("continue", to_string=True)
        out = gdb.execute("code 1", to_string=True)
        bits = number("$abyme_bits")
        pe, vm = number("$cr0") & 1, number("$eflags") >> 17 & 1
        key = (bits, pe, vm, bool(number("$efer") & 0x400))
        seen[key] = seen.get(key, 0) + 1
        if bits == 64 and "cpuid" not in out:
            fail(f"{key}: {out}")
    gdb.execute("monitor uncatch all", to_string=True)
    print(f"MODES: {sorted(seen)}, {bad} wrong")


# lib/views.h
VIEW = struct.Struct("<IIQQQQQ")
VIEW_STOP, VIEW_END = 0xabe00001, 0xabe0ffff
VIEW_MODES = ("32", "pae", "4-level", "5-level")
# what the code of lib/views.h is to find: last word of the first page, first
# of the next, one in each
VIEW_WORDS = [bytes([0x11 * n] * 4) for n in (1, 2, 3, 4)]


def read(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


def write(address, data):
    gdb.selected_inferior().write_memory(address, data)


def physical(mode, do, *args):
    """do(), its addresses being physical ones of that level."""
    gdb.execute(f"monitor phys {mode}", to_string=True)
    gdb.execute("maintenance flush dcache", to_string=True)
    try:
        return do(*args)
    finally:
        gdb.execute("monitor phys off", to_string=True)
        gdb.execute("maintenance flush dcache", to_string=True)


def refuses(do, *args):
    try:
        do(*args)
        return False
    except gdb.error:
        return True


def view(at):
    """The window of lib/views.h where L1 or L2 has stopped now."""
    level, mode, linear, *pa = VIEW.unpack(
        physical("l1", read, at, VIEW.size))
    pa, l1pa = pa[:2], pa[2:]
    what = f"l{level} {VIEW_MODES[mode]}"
    if (gdb.selected_inferior().pid > 1) != (level == 2):
        fail(f"{what}: the wrong process stopped")
    signs = [struct.pack("<I", 0xab000000 | level << 16 | mode << 8 | page)
             for page in (1, 0)]
    # across the pages' border, and each where it really is
    if read(linear + 0xff8, 16) != signs[0] * 2 + signs[1] * 2:
        fail(f"{what}: linear")
    for i in (0, 1):
        if physical("l1", read, l1pa[i], 4) != signs[i]:
            fail(f"{what}: phys l1, page {i}")
        if level == 2 and physical("l2", read, pa[i], 4) != signs[i]:
            fail(f"{what}: phys l2, page {i}")
    if level == 1 and "no CPU is in an L2" not in gdb.execute(
            "monitor phys l2", to_string=True):
        fail(f"{what}: phys l2 in L1")
    # behind the window, and where the mode has no addresses
    nowhere = {0: 1 << 32, 1: 1 << 32, 2: 1 << 48, 3: 1 << 57}[mode] ^ linear
    for address in (linear + 0x2000, nowhere):
        if not refuses(read, address, 4) or not refuses(
                write, address, b"none"):
            fail(f"{what}: {address:#x} is there")
    if not refuses(read, linear + 0x1ff8, 16) or not refuses(
            write, linear + 0x1ff8, b"beyond the end.."):
        fail(f"{what}: beyond the end")
    if read(linear + 0x1ff8, 8) != signs[1] * 2:
        fail(f"{what}: a refused write has written")
    write(linear + 0xffc, VIEW_WORDS[0] + VIEW_WORDS[1])
    physical("l1", write, l1pa[0] + 0x10, VIEW_WORDS[2])
    physical("l2" if level == 2 else "l1", write, pa[1] + 0x20, VIEW_WORDS[3])
    gdb.execute("maintenance flush dcache", to_string=True)
    if (physical("l1", read, l1pa[0] + 0xffc, 4) != VIEW_WORDS[0]
            or physical("l1", read, l1pa[1], 4) != VIEW_WORDS[1]
            or read(linear + 0x10, 4) != VIEW_WORDS[2]
            or read(linear + 0x1020, 4) != VIEW_WORDS[3]):
        fail(f"{what}: a write")
    return what


def views(at):
    """All the places of svm-views or vmx-views, whose `view` is @at."""
    global bad
    bad = 0
    seen = []
    gdb.execute("monitor catch exit cpuid", to_string=True)
    for _ in range(500):
        gdb.execute("continue", to_string=True)
        leaf = number("$rax") & 0xffffffff
        if leaf == VIEW_STOP:
            seen.append(view(at))
        elif leaf == VIEW_END:
            break
    gdb.execute("monitor uncatch all", to_string=True)
    print(f"VIEWS: {', '.join(seen)}; {bad} wrong")


# lib/regs.h
REGS_WRITE, REGS_READ, REGS_END = 0xabe20001, 0xabe20002, 0xabe2ffff
HALVES = {"xmm3_low": "xmm3.v2_int64[0]", "xmm3_high": "xmm3.v2_int64[1]",
          "ymm12h_low": "ymm12.v4_int64[2]",
          "ymm12h_high": "ymm12.v4_int64[3]"}
# the code there runs on its stack and with SSE
USED = {**WRITE, "eflags": [0x40801], "cr4": [4], **{
    name: GENERAL * (n + 1) & ALL for n, name in enumerate(HALVES)}}


def until(leaf):
    """On to that CPUID; False: the last one came."""
    for _ in range(50):
        gdb.execute("continue", to_string=True)
        now = number("$rax") & 0xffffffff
        if now in (leaf, REGS_END):
            return now == leaf
    return False


def used(names_at, seen_at, has_pat):
    """What is written at the first CPUID is what the guest's instructions have
    read at the second; so is what was not written. Twice for each level: the
    second time XCR0 loses AVX."""
    global bad
    bad = places = 0
    names = b""
    while not names.endswith(b"\0"):
        names += read(names_at + len(names), 1)
    names = names[:-1].decode().split()
    gdb.execute("monitor catch exit cpuid", to_string=True)
    while until(REGS_WRITE):
        places += 1
        if places == 3:         # the first in L2
            so_far = bad
            registers()
            memory(0x100000)
            bad = so_far
        has = {n: f"${HALVES.get(n, n)}" for n in names}
        change = {n: v for n, v in USED.items() if n in names}
        if not has_pat:
            del has["pat"], change["pat"]
        if places % 2 == 0:
            change["xcr0"] = 3
            for n in ("ymm12h_low", "ymm12h_high"):
                del has[n], change[n]
        old = {n: number(e) for n, e in has.items()}
        want = dict(old)
        for n, v in change.items():
            want[n] = old[n] ^ v[0] if isinstance(v, list) else v
            gdb.execute(f"set {has[n]} = {want[n]:#x}")
        if not until(REGS_READ):
            fail("the second CPUID")
        seen = dict(zip(names, struct.unpack(
            f"<{len(names)}Q", read(seen_at, 8 * len(names)))))
        for n, v in want.items():
            if seen[n] != v:
                fail(f"process {gdb.selected_inferior().pid}: {n} is "
                     f"{seen[n]:#x} to the guest, not {v:#x}")
        for n in change:
            gdb.execute(f"set {has[n]} = {old[n]:#x}")
    gdb.execute("monitor uncatch all", to_string=True)
    print(f"USED: {places} times {len(names)} registers, {bad} wrong")
