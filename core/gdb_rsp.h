/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gdb's remote serial protocol: bytes to packets to calls of a target. Pure:
 * the target (core/gdb_target.c, or a mock in the tests) is struct gdb_ops.
 * Source: "Debugging with GDB", appendix "GDB Remote Serial Protocol".
 */
#ifndef CORE_GDB_RSP_H
#define CORE_GDB_RSP_H

#include "core/types.h"

/* What qSupported announces as PacketSize; a longer packet is refused. */
#define GDB_PACKET_MAX 4096
#define GDB_REG_MAX 32 /* bytes of the widest register */

/* Process 1 is L1, others are L2s; thread n is CPU n - 1. In requests 0 means
 * any and GDB_ALL all. */
#define GDB_ALL ~0u
struct gdb_thread {
	u32 pid, tid;
};

enum gdb_bp_type {
	GDB_BP_SOFT,
	GDB_BP_HARD,
	GDB_WP_WRITE,
	GDB_WP_READ,
	GDB_WP_ACCESS,
};

enum gdb_action { GDB_CONTINUE, GDB_STEP, GDB_STOP };

/* One action of vCont; the first that matches a thread holds for it. */
#define GDB_ACTIONS_MAX 16
struct gdb_resume {
	u32 n;
	struct {
		enum gdb_action action;
		struct gdb_thread thread;
		u64 from, to; /* a step goes on while it is in [from, to) */
	} a[GDB_ACTIONS_MAX];
};

enum gdb_stop_kind {
	GDB_STOPPED_TRAP, /* a step, an interrupt without its own kind */
	GDB_STOPPED_INT,  /* Ctrl-C */
	GDB_STOPPED_SWBREAK,
	GDB_STOPPED_HWBREAK,
	GDB_STOPPED_WATCH,  /* write */
	GDB_STOPPED_RWATCH, /* read */
	GDB_STOPPED_AWATCH, /* access */
	GDB_STOPPED_CATCH,  /* monitor catch: text was printed before */
	GDB_STOPPED_FAULT,  /* triple fault, entry failure, panic */
	GDB_EXITED,	    /* the process of .thread is gone */
	GDB_KILLED,	    /* the same, with the machine */
};

struct gdb_stop {
	enum gdb_stop_kind kind;
	struct gdb_thread thread;
	u64 addr; /* watchpoints: the data address */
};

struct gdb_rsp;
#define GDB_TOLD_MAX 64

/* All return bytes or 0, or -errno; none may touch what is not memory. */
struct gdb_ops {
	/* Transmit one byte. */
	void (*put)(void *ctx, u8 c);
	/* The thread after *t ({0,0}: the first). False: no more. */
	bool (*thread_next)(void *ctx, struct gdb_thread *t);
	/* One line for "info threads". */
	void (*thread_info)(void *ctx, struct gdb_thread t, char *buf,
			    size_t size);
	/* Register @n of gdb_regs.def: its bytes, little-endian. */
	int (*reg_read)(void *ctx, struct gdb_thread t, u32 n, u8 *buf);
	int (*reg_write)(void *ctx, struct gdb_thread t, u32 n, const u8 *buf,
			 u32 size);
	/* How many bytes could be read; -EFAULT: not one. */
	int (*mem_read)(void *ctx, struct gdb_thread t, u64 addr, u8 *buf,
			u32 len);
	/* All of it or -EFAULT. */
	int (*mem_write)(void *ctx, struct gdb_thread t, u64 addr,
			 const u8 *buf, u32 len);
	/* The thread may be one that is not there now. */
	int (*breakpoint)(void *ctx, struct gdb_thread t, enum gdb_bp_type type,
			  u64 addr, u32 kind, bool insert);
	/* Prepare for going on; gdb_rsp_running() is true afterwards. */
	void (*resume)(void *ctx, const struct gdb_resume *r);
	/* gdb let go: remove its breakpoints, run everything. */
	void (*detach)(void *ctx, u32 pid);
	/* "kill": of the machine, as on-shutdown= says. */
	void (*kill)(void *ctx, u32 pid);
	/* "monitor ...": answer through gdb_rsp_console(). */
	int (*monitor)(void *ctx, struct gdb_thread t, const char *line);
	/* Why the target is stopped now (answer to "?"). */
	void (*why)(void *ctx, struct gdb_stop *stop);
};

struct gdb_rsp {
	const struct gdb_ops *ops;
	void *ctx;

	/* Framing. */
	enum { RSP_IDLE, RSP_BODY, RSP_ESCAPE, RSP_SUM1, RSP_SUM2 } state;
	u8 sum, sum_hex; /* of the body; first digit received */
	bool too_long;
	bool no_ack;
	u32 in_len;
	char in[GDB_PACKET_MAX + 1];

	u32 out_len;
	char out[GDB_PACKET_MAX + 1];
	bool sent;    /* a packet, which a NAK asks for again: */
	u32 sent_len; /* of the last one */

	/* A terminal may be at the other end at times: Enter ends a session,
	 * Ctrl-C is gdb's only within one. */
	bool shared;

	/* Session. */
	bool attached, running, multiprocess, swbreak, hwbreak;
	bool let_go;		/* L1 was detached from; L2s may follow */
	bool l1_left;		/* by this gdb: its next detach is its last */
	struct gdb_thread g, c; /* Hg, Hc */
	struct gdb_thread iter; /* qfThreadInfo, qsThreadInfo */
	u32 ntold, told[GDB_TOLD_MAX]; /* processes that gdb has heard of */
};

void gdb_rsp_init(struct gdb_rsp *r, const struct gdb_ops *ops, void *ctx);

/*
 * One received byte, all CPUs being stopped. True: Ctrl-C, which
 * gdb_rsp_stopped() answers. After a packet gdb_rsp_running() tells whether
 * the CPUs may go on.
 */
bool gdb_rsp_byte(struct gdb_rsp *r, u8 c);

/* Is the target to run (after vCont, c, s, D, or never stopped)? */
static inline bool gdb_rsp_running(const struct gdb_rsp *r)
{
	return r->running;
}

/* The target stopped: report it if gdb waits for that. */
void gdb_rsp_stopped(struct gdb_rsp *r, const struct gdb_stop *stop);

/* Has gdb heard of that process? It must not hear that another has ended. */
bool gdb_rsp_knows(const struct gdb_rsp *r, u32 pid);

/* Nobody answers any more: the session is over, the target may run. */
void gdb_rsp_lost(struct gdb_rsp *r);

/* Text on gdb's console: while a monitor command runs, or before a stop. */
void gdb_rsp_console(struct gdb_rsp *r, const char *s);

#endif
