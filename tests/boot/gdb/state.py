# SPDX-License-Identifier: GPL-2.0-or-later
"""In gdb: every register read, written and read back; memory by level; code
in every mode."""
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
