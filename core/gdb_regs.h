/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers of gdb's registers, from core/gdb_regs.def. */
#ifndef CORE_GDB_REGS_H
#define CORE_GDB_REGS_H

enum gdb_reg_number {
#define GDB_REG(n, b, t, g) GDB_R_##n,
#include "core/gdb_regs.def"
#undef GDB_REG
	GDB_NR_REGS
};

#endif
