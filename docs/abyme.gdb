# SPDX-License-Identifier: GPL-2.0-or-later
# Handy commands for a session with Abyme's debug stub: gdb -x docs/abyme.gdb

set architecture i386:x86-64
# no system of gdb's own is below L1: nothing of Linux processes is expected
set osabi none
set pagination off
# one `continue` lets L1 and all L2s go on
set schedule-multiple on
set remotetimeout 20

# gdb (13 to 16) does not ask for the target description of an inferior that it
# comes to know by a stop, an L2: $cr0 is not a register there until it does.
define hook-stop
  if $_thread != 0 && $_isvoid($cr0)
    unset tdesc filename
  end
end

# When an L2 has ended gdb is left in a process without threads: `continue` is
# L1's then.
define hook-continue
  if $_thread == 0
    inferior 1
  end
end

define sysregs
  info registers cr0 cr2 cr3 cr4 cr8 efer xcr0 apic_base pat
  info registers cs_base cs_limit cs_attr ss_base ss_limit ss_attr
  info registers ds_base ds_limit ds_attr es_base es_limit es_attr
  info registers fs_base fs_limit fs_attr gs_base gs_limit gs_attr
  info registers tr tr_base tr_limit tr_attr ldtr ldtr_base ldtr_limit ldtr_attr
  info registers gdtr_base gdtr_limit idtr_base idtr_limit
  info registers dr0 dr1 dr2 dr3 dr6 dr7
  info registers star lstar cstar sfmask kernel_gs_base
  info registers sysenter_cs sysenter_esp sysenter_eip
end
document sysregs
Control registers, segment bases, descriptor tables and MSRs of this thread.
end

# 16, 32 or 64: what CS makes of code now.
define abyme_bits
  set $abyme_bits = 16
  if $cs_attr & 0x4000
    set $abyme_bits = 32
  end
  if ($efer & 0x400) && ($cs_attr & 0x2000)
    set $abyme_bits = 64
  end
end
document abyme_bits
Set $abyme_bits to the width of this thread's code: 16, 32 or 64.
end

# gdb disassembles by the architecture of the description, which is one for
# all modes. objdump (binutils) is told the mode: it has the bytes, which gdb
# prints in octal, in a file of its own for a moment.
define abyme_objdump
  set $abyme_m = $abyme_bits == 32 ? 3 : 80
  eval "pipe with print repeats unlimited -- with print elements unlimited -- with language c -- output/o *(unsigned char (*)[%d])%#lx | f=$(mktemp) && printf \"$(tr -d '{} ' | sed 's/0*\\([0-7][0-7]*\\),*/\\\\\\1/g')\" > $f && objdump -D -z -b binary -m i%d86 --adjust-vma=%#lx $f | sed -n '8,%dp'; rm -f $f", $abyme_end - $abyme_at, $abyme_at, $abyme_m, $abyme_at, 7 + $abyme_n
end
document abyme_objdump
Instructions of 16- or 32-bit code from $abyme_at to $abyme_end: see `code`.
end

define code
  abyme_bits
  set $abyme_n = 4
  if $argc > 0
    set $abyme_n = $arg0
  end
  if $abyme_bits == 64
    eval "x/%di $rip", $abyme_n
  else
    set $abyme_at = (unsigned long)(unsigned int)($cs_base + (unsigned int)$rip)
    set $abyme_end = $abyme_at + 16 * $abyme_n
    if $abyme_end > 0x100000000
      set $abyme_end = 0x100000000
    end
    abyme_objdump
  end
end
document code
code [N]: the next N (4) instructions at CS:RIP, as this thread's mode has them.
end

define walk
  eval "monitor translate %#lx", (unsigned long)($arg0)
end
document walk
walk ADDRESS: where a linear address of this thread leads, table by table.
end

define why
  monitor why
end
document why
The rule that refused L1's last VM entry.
end

define entries
  monitor catch entry
  continue
end
document entries
Go on to L1's next VM entry and stop at L2's first instruction.
end

define refused
  monitor catch entry-fail
  continue
end
document refused
Go on until a VM entry of L1's is refused.
end

define exits
  monitor trace $arg0
end
document exits
exits N: the last N exits and entries of this CPU.
end
