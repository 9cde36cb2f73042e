/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The target of gdb's packets: threads, registers, memory. */
#include "core/cpu.h"
#include "core/debug.h"
#include "core/err.h"
#include "core/exit.h"
#include "core/gdb.h"
#include "core/gdb_cmd.h"
#include "core/gdb_reg_check.h"
#include "core/gdb_regs.h"
#include "core/insns.h"
#include "core/msr.h"
#include "core/run.h"
#include "core/string.h"
#include "core/virt.h"
#include "core/x86.h"
#include "mm/guest.h"
#include "mm/slat.h"

static struct vcpu *vcpu_of(struct gdb_thread t)
{
	struct vm *vm = gdb_vm();

	return t.tid && t.tid <= vm->nvcpus ? vm->vcpus[t.tid - 1] : NULL;
}

/* A CPU has a thread of L1's always and one of its L2's while it is there. */
static bool exists(struct gdb_thread t)
{
	struct vcpu *v = vcpu_of(t);

	if (!v || vcpu_sleeps(v))
		return false;
	return t.pid == 1 || (v->in_l2 && gdb_pid_of_l2(v) == t.pid);
}

static u32 next_pid(u32 after)
{
	u32 best = 0;

	for (u32 i = 0; i < gdb_vm()->nvcpus; i++) {
		struct vcpu *v = gdb_vm()->vcpus[i];
		u32 pid = v->in_l2 ? gdb_pid_of_l2(v) : 0;

		if (pid > after && (!best || pid < best))
			best = pid;
	}
	return best;
}

static bool thread_next(void *ctx, struct gdb_thread *t)
{
	struct gdb_thread n = *t;

	if (!n.pid)
		n = (struct gdb_thread){ 1, 0 };
	do {
		while (n.tid < gdb_vm()->nvcpus) {
			n.tid++;
			if (exists(n)) {
				*t = n;
				return true;
			}
		}
		n = (struct gdb_thread){ next_pid(n.pid), 0 };
	} while (n.pid);
	return false;
}

static void thread_info(void *ctx, struct gdb_thread t, char *buf, size_t size)
{
	struct vcpu *v = vcpu_of(t);

	snprintf(buf, size, "CPU %u %s%s", t.tid - 1, t.pid == 1 ? "L1" : "L2",
		 t.pid == 1 && v && v->in_l2 ? " (in its guest)" : "");
}

/* --- registers ------------------------------------------------------------- */

enum reg_kind { R_NONE, R_GPR, R_VREG, R_SEG, R_MSR, R_XCR0, R_FPU, R_DR };
enum seg_part { SEG_SEL, SEG_BASE, SEG_LIMIT, SEG_ATTR };

#define MSR_ADDRESS 1 /* a: it holds one */

struct reg_map {
	u8 kind, a, b;
	u32 msr;
};

#define SEGMENT(low, up)                                         \
	[GDB_R_##low##_base] = { R_SEG, SEG_##up, SEG_BASE, 0 }, \
	[GDB_R_##low##_limit] = { R_SEG, SEG_##up, SEG_LIMIT, 0 }
#define SEGMENT_ATTR(low, up)                                    \
	SEGMENT(low, up),                                        \
		[GDB_R_##low] = { R_SEG, SEG_##up, SEG_SEL, 0 }, \
		[GDB_R_##low##_attr] = { R_SEG, SEG_##up, SEG_ATTR, 0 }

static const struct reg_map map[GDB_NR_REGS] = {
	[GDB_R_rax] = { R_GPR, RAX, 0, 0 },
	[GDB_R_rbx] = { R_GPR, RBX, 0, 0 },
	[GDB_R_rcx] = { R_GPR, RCX, 0, 0 },
	[GDB_R_rdx] = { R_GPR, RDX, 0, 0 },
	[GDB_R_rsi] = { R_GPR, RSI, 0, 0 },
	[GDB_R_rdi] = { R_GPR, RDI, 0, 0 },
	[GDB_R_rbp] = { R_GPR, RBP, 0, 0 },
	[GDB_R_rsp] = { R_GPR, RSP, 0, 0 },
	[GDB_R_r8] = { R_GPR, R8, 0, 0 },
	[GDB_R_r9] = { R_GPR, R9, 0, 0 },
	[GDB_R_r10] = { R_GPR, R10, 0, 0 },
	[GDB_R_r11] = { R_GPR, R11, 0, 0 },
	[GDB_R_r12] = { R_GPR, R12, 0, 0 },
	[GDB_R_r13] = { R_GPR, R13, 0, 0 },
	[GDB_R_r14] = { R_GPR, R14, 0, 0 },
	[GDB_R_r15] = { R_GPR, R15, 0, 0 },
	[GDB_R_rip] = { R_VREG, VREG_RIP, 0, 0 },
	[GDB_R_eflags] = { R_VREG, VREG_RFLAGS, 0, 0 },
	[GDB_R_cr0] = { R_VREG, VREG_CR0, 0, 0 },
	[GDB_R_cr2] = { R_VREG, VREG_CR2, 0, 0 },
	[GDB_R_cr3] = { R_VREG, VREG_CR3, 0, 0 },
	[GDB_R_cr4] = { R_VREG, VREG_CR4, 0, 0 },
	[GDB_R_cr8] = { R_VREG, VREG_CR8, 0, 0 },
	[GDB_R_efer] = { R_VREG, VREG_EFER, 0, 0 },
	[GDB_R_pat] = { R_VREG, VREG_PAT, 0, 0 },
	[GDB_R_dr6] = { R_VREG, VREG_DR6, 0, 0 },
	[GDB_R_dr7] = { R_VREG, VREG_DR7, 0, 0 },
	[GDB_R_dr0] = { R_DR, 0, 0, 0 },
	[GDB_R_dr1] = { R_DR, 1, 0, 0 },
	[GDB_R_dr2] = { R_DR, 2, 0, 0 },
	[GDB_R_dr3] = { R_DR, 3, 0, 0 },
	SEGMENT_ATTR(es, ES),
	SEGMENT_ATTR(cs, CS),
	SEGMENT_ATTR(ss, SS),
	SEGMENT_ATTR(ds, DS),
	SEGMENT_ATTR(fs, FS),
	SEGMENT_ATTR(gs, GS),
	SEGMENT_ATTR(ldtr, LDTR),
	SEGMENT_ATTR(tr, TR),
	SEGMENT(gdtr, GDTR),
	SEGMENT(idtr, IDTR),
	[GDB_R_star] = { R_MSR, 0, 0, MSR_STAR },
	[GDB_R_lstar] = { R_MSR, MSR_ADDRESS, 0, MSR_LSTAR },
	[GDB_R_cstar] = { R_MSR, MSR_ADDRESS, 0, MSR_CSTAR },
	[GDB_R_sfmask] = { R_MSR, 0, 0, MSR_SFMASK },
	[GDB_R_kernel_gs_base] = { R_MSR, MSR_ADDRESS, 0, MSR_KERNEL_GS_BASE },
	[GDB_R_sysenter_cs] = { R_VREG, VREG_SYSENTER_CS, 0, 0 },
	[GDB_R_sysenter_esp] = { R_VREG, VREG_SYSENTER_ESP, 0, 0 },
	[GDB_R_sysenter_eip] = { R_VREG, VREG_SYSENTER_EIP, 0, 0 },
	[GDB_R_apic_base] = { R_MSR, 0, 0, MSR_APIC_BASE },
	[GDB_R_xcr0] = { R_XCR0, 0, 0, 0 },
};

struct reg_call {
	bool l1, write;
	u32 n, size;
	u8 *buf;
	int ret;
};

static void env_of(struct vcpu *v, struct gdb_reg_env *e)
{
	*e = (struct gdb_reg_env){
		.cr = exit_cr_state(v),
		.cr4_known = exit_cr4_known(v),
		.efer_known = exit_efer_known(v),
		.rflags = virt->get_reg(v, VREG_RFLAGS),
		.phys_bits = v->vm->slat->phys_bits,
		.vmx = virt == &vmx_ops,
	};
}

static int vreg_write(struct vcpu *v, enum vreg r, u64 val)
{
	struct gdb_reg_env e;

	env_of(v, &e);
	if (gdb_reg_check(&e, r, &val))
		return -EINVAL;
	virt->set_reg(v, r, val);
	return 0;
}

static int seg_access(struct vcpu *v, const struct reg_map *m, bool write,
		      u64 *val)
{
	struct gdb_reg_env e;
	struct segment s;

	virt->get_seg(v, m->a, &s);
	if (!write) {
		*val = m->b == SEG_SEL	   ? s.sel
		       : m->b == SEG_BASE  ? s.base
		       : m->b == SEG_LIMIT ? s.limit
					   : s.attr;
		return 0;
	}
	switch (m->b) {
	case SEG_SEL:
		s.sel = (u16)*val;
		break;
	case SEG_BASE:
		env_of(v, &e);
		if (!gdb_canonical(&e, *val))
			return -EINVAL;
		s.base = *val;
		break;
	case SEG_LIMIT:
		s.limit = (u32)*val;
		break;
	default:
		s.attr = (u32)*val;
		break;
	}
	virt->set_seg(v, m->a, &s);
	return 0;
}

/* The APIC is where L0's kicks go: it stays as L1 has it. */
static int msr_access(struct vcpu *v, const struct reg_map *m, bool write,
		      u64 *val)
{
	struct gdb_reg_env e;
	u64 now;

	if (!write)
		return rdmsr_safe(m->msr, val) ? -ENOENT : 0;
	if (m->msr == MSR_APIC_BASE)
		return rdmsr_safe(m->msr, &now) || now != *val ? -EINVAL : 0;
	env_of(v, &e);
	if (m->a == MSR_ADDRESS && !gdb_canonical(&e, *val))
		return -EINVAL;
	return wrmsr_safe(m->msr, *val) ? -EINVAL : 0;
}

static int xcr0_access(bool write, u64 *val)
{
	u32 lo, hi;

	if (!(read_cr4() & CR4_OSXSAVE))
		return -ENOENT;
	if (write)
		return xsetbv_safe(0, *val) ? -EINVAL : 0;
	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	*val = (u64)hi << 32 | lo;
	return 0;
}

static int value_access(struct vcpu *v, const struct reg_map *m, bool write,
			u64 *val)
{
	switch (m->kind) {
	case R_GPR:
		if (write)
			v->gpr[m->a] = *val;
		else
			*val = v->gpr[m->a];
		return 0;
	case R_VREG:
		if (write)
			return vreg_write(v, m->a, *val);
		*val = virt->get_reg(v, m->a);
		return 0;
	case R_SEG:
		return seg_access(v, m, write, val);
	case R_MSR:
		return msr_access(v, m, write, val);
	case R_DR:
		if (write)
			debug_dr_write(v, m->a, *val);
		else
			*val = debug_dr_read(v, m->a);
		return 0;
	case R_XCR0:
		return xcr0_access(write, val);
	default:
		return -ENOENT;
	}
}

static void reg_on_cpu(struct vcpu *v, void *arg)
{
	struct reg_call *c = arg;
	u64 val = 0;

	if (map[c->n].kind == R_NONE) {
		c->ret = gdb_fpu_access(c->n, c->buf, c->size, c->write);
		return;
	}
	if (c->l1)
		virt->view_l1(v, true);
	if (c->write)
		memcpy(&val, c->buf, c->size);
	c->ret = value_access(v, &map[c->n], c->write, &val);
	if (!c->write)
		memcpy(c->buf, &val, c->size);
	if (c->l1)
		virt->view_l1(v, false);
}

static int reg_access(struct gdb_thread t, u32 n, u8 *buf, u32 size, bool write)
{
	struct vcpu *v = vcpu_of(t);
	struct reg_call c = { false, write, n, size, buf, 0 };

	if (!v || !exists(t))
		return -ENOENT;
	c.l1 = t.pid == 1 && v->in_l2;
	gdb_on_cpu(v, reg_on_cpu, &c);
	return c.ret;
}

static int reg_read(void *ctx, struct gdb_thread t, u32 n, u8 *buf)
{
	u32 size = gdb_regs[n].bits / 8;
	int err = reg_access(t, n, buf, size, false);

	return err < 0 ? err : (int)size;
}

static int reg_write(void *ctx, struct gdb_thread t, u32 n, const u8 *buf,
		     u32 size)
{
	u8 copy[GDB_REG_MAX];

	memcpy(copy, buf, size);
	return reg_access(t, n, copy, size, true);
}

/* --- memory ---------------------------------------------------------------- */

struct mem_call {
	struct gdb_thread t;
	u64 addr;
	u8 *buf;
	u32 len;
	bool write;
	int done; /* bytes */
};

static void mem_on_cpu(struct vcpu *v, void *arg)
{
	struct mem_call *c = arg;
	bool l1 = c->t.pid == 1 && v->in_l2;
	u32 done = 0;

	if (l1)
		virt->view_l1(v, true);
	while (done < c->len) {
		u64 a = c->addr + done;
		u32 part = (u32)MIN((u64)c->len - done,
				    PAGE_SIZE - (a & ~PAGE_MASK));
		u8 *p = gdb_mem_ptr(v, c->t.pid != 1, a);

		if (!p)
			break;
		if (c->write) {
			memcpy(p, c->buf + done, part);
			gdb_break_written(p, part);
		} else {
			memcpy(c->buf + done, p, part);
			gdb_break_hide(p, c->buf + done, part);
		}
		done += part;
	}
	if (l1)
		virt->view_l1(v, false);
	c->done = (int)done;
}

static int mem_access(struct gdb_thread t, u64 addr, u8 *buf, u32 len,
		      bool write)
{
	struct vcpu *v = vcpu_of(t);
	struct mem_call c = { t, addr, buf, len, write, 0 };

	if (!v || !exists(t))
		return -EFAULT;
	gdb_on_cpu(v, mem_on_cpu, &c);
	return c.done;
}

static int mem_read(void *ctx, struct gdb_thread t, u64 addr, u8 *buf, u32 len)
{
	int n = mem_access(t, addr, buf, len, false);

	return n ? n : -EFAULT;
}

static int mem_write(void *ctx, struct gdb_thread t, u64 addr, const u8 *buf,
		     u32 len)
{
	u64 last = addr + len - 1;

	if (!len)
		return 0;
	if (last < addr)
		return -EFAULT;
	/* All or nothing: look first. */
	for (u64 page = addr / PAGE_SIZE; page <= last / PAGE_SIZE; page++) {
		u8 byte;

		if (mem_access(t, MAX(page * PAGE_SIZE, addr), &byte, 1,
			       false) != 1)
			return -EFAULT;
	}
	return mem_access(t, addr, (u8 *)(uintptr_t)buf, len, true) == (int)len
		       ? 0
		       : -EFAULT;
}

/* --- going on -------------------------------------------------------------- */

static bool action_is_for(const struct gdb_thread *a, u32 pid, u32 tid)
{
	return (a->pid == GDB_ALL || !a->pid || a->pid == pid) &&
	       (a->tid == GDB_ALL || !a->tid || a->tid == tid);
}

/* A CPU goes on as its running level's thread is told to; the first action
 * that matches either of its threads counts. */
static void resume(void *ctx, const struct gdb_resume *r)
{
	for (u32 i = 0; i < gdb_vm()->nvcpus; i++) {
		struct vcpu *v = gdb_vm()->vcpus[i];
		u32 l2 = v->in_l2 ? gdb_pid_of_l2(v) : 1;
		u32 k = 0;

		while (k < r->n && !action_is_for(&r->a[k].thread, 1, i + 1) &&
		       !action_is_for(&r->a[k].thread, l2, i + 1))
			k++;
		v->debug.hold = k == r->n || r->a[k].action == GDB_STOP;
		v->debug.step = k < r->n && r->a[k].action == GDB_STEP;
		v->debug.step_begun = false;
		v->debug.range_from = v->debug.step ? r->a[k].from : 0;
		v->debug.range_to = v->debug.step ? r->a[k].to : 0;
		v->debug.alone = r->n == 1 && r->a[0].thread.tid != GDB_ALL;
		/* L1's thread while its L2 runs: to L1's next instruction */
		if (v->debug.step && l2 != 1 && r->a[k].thread.pid == 1)
			gdb_step_to_l1(v);
	}
}

static void run_all(void)
{
	for (u32 i = 0; i < gdb_vm()->nvcpus; i++)
		gdb_vm()->vcpus[i]->debug.hold =
			gdb_vm()->vcpus[i]->debug.step = false;
}

void gdb_forget_all(void)
{
	gdb_break_clear(GDB_ALL);
	gdb_catch_clear();
	gdb_mem_phys(GDB_PHYS_OFF);
	for (u32 i = 0; i < gdb_vm()->nvcpus; i++)
		gdb_vm()->vcpus[i]->debug.step_into = false;
	run_all();
}

static void detach(void *ctx, u32 pid)
{
	gdb_break_clear(pid);
	if (pid != 1 && pid != GDB_ALL)
		return; /* an L2's: L1's session goes on */
	gdb_forget_all();
}

static void kill_machine(void *ctx, u32 pid)
{
	/* That this is a shutdown is no news to gdb. */
	for (u32 i = 0; i < gdb_vm()->nvcpus; i++)
		gdb_vm()->vcpus[i]->debug.watch = false;
	vm_shutdown(gdb_vm());
}

static int breakpoint(void *ctx, struct gdb_thread t, enum gdb_bp_type type,
		      u64 addr, u32 kind, bool insert)
{
	return gdb_break(t, type, addr, kind, insert);
}

static int monitor(void *ctx, struct gdb_thread t, const char *line)
{
	return gdb_monitor(t, line);
}

const struct gdb_ops gdb_target_ops = {
	.thread_next = thread_next,
	.thread_info = thread_info,
	.reg_read = reg_read,
	.reg_write = reg_write,
	.mem_read = mem_read,
	.mem_write = mem_write,
	.breakpoint = breakpoint,
	.resume = resume,
	.detach = detach,
	.kill = kill_machine,
	.monitor = monitor,
};

struct vcpu *gdb_vcpu(struct gdb_thread t)
{
	return exists(t) ? vcpu_of(t) : NULL;
}
