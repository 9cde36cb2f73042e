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
  if $_isvoid($cr0)
    unset tdesc filename
  end
end

define sysregs
  info registers system
end
document sysregs
Control registers, segment bases, descriptor tables and MSRs of this thread.
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

define trace
  monitor trace $arg0
end
document trace
trace N: the last N exits and entries of this CPU.
end
