/* SPDX-License-Identifier: GPL-2.0-or-later */
/* L0's command line: key=value words. Pure. */
#ifndef CORE_OPTIONS_H
#define CORE_OPTIONS_H

#include "core/types.h"

enum shutdown_action { SHUTDOWN_RESET, SHUTDOWN_POWEROFF, SHUTDOWN_HALT };

enum port_name { PORT_NONE, PORT_COM1, PORT_COM2, PORT_COM3, PORT_COM4 };

struct serial_option {
	enum port_name port;
	u32 baud;  /* 115200 unless given */
	bool wait; /* gdb=com2,wait */
};

/*
 *   console=com1[,baud] | none        L0's lines
 *   gdb=com2[,baud][,wait]            the debug stub
 *   loglevel=err|warn|info|debug      once L1 runs (default err)
 *   on-shutdown=reset|poweroff|halt   after L1's triple fault (reset)
 *   hide=0|1                          no hypervisor leaf
 *   nested=on|off                     offer VMX/SVM to L1 (on)
 *   memory=MiB                        L0's memory (default: computed)
 *   svm.features=-x,-y  vmx.features= switch features off
 *   stats=0|1                         counters on the console at L1's end
 *   cpus=N                            use at most N CPUs
 */
struct options {
	struct serial_option console, gdb;
	u8 loglevel; /* enum loglevel */
	enum shutdown_action on_shutdown;
	bool hide, nested, stats;
	u32 memory_mib, max_cpus; /* 0: default */
	char svm_features[256], vmx_features[256];
};

/*
 * Defaults, then every word of @line. The first error's message goes to @err
 * (names the word) and -EINVAL is returned; the rest is parsed all the same.
 */
int __must_check options_parse(struct options *o, const char *line, char *err,
			       size_t errsize);

#endif
