/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: core/gdb_catch.c core/gdb_word.c */
/* `monitor ...`: words and numbers, the table of commands, catchpoints. */
#include "tests/unit/unit.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <strings.h>

#include "core/insns.h"

/* The machine's instructions are the test's here. */
static u64 mock_rdmsr(u32 msr);
static u32 mock_rdmsr_safe(u32 msr, u64 *val);
static void mock_cpuid(u32 leaf, u32 sub, u32 r[4]);
#define rdmsr mock_rdmsr
#define rdmsr_safe mock_rdmsr_safe
#define cpuid mock_cpuid
#include "core/gdb_monitor.c"

static u32 pick(u32 n)
{
	return (u32)(unit_random() % n);
}

/* --- what the commands reach ------------------------------------------------ */

static char said[65536];
static size_t nsaid;
static u64 asked; /* number that a command was given, and that it was */
static u32 asks;

static void ask(u64 n)
{
	asked = n;
	asks++;
}

void gdb_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	nsaid += (size_t)vsnprintf(said + nsaid, sizeof(said) - nsaid, fmt, ap);
	va_end(ap);
	CHECK(nsaid + 512 < sizeof(said));
	memcpy(said + nsaid++, "\n", 2);
}

static void listen(void)
{
	nsaid = 0;
	said[0] = 0;
}

static u64 mock_rdmsr(u32 msr)
{
	return APIC_BASE_ENABLE | 0xfee00000;
}

static u32 mock_rdmsr_safe(u32 msr, u64 *val)
{
	ask(msr);
	*val = 0;
	return msr & 1;
}

static void mock_cpuid(u32 leaf, u32 sub, u32 r[4])
{
	ask((u64)sub << 32 | leaf);
	memset(r, 0, 16);
}

static struct vm vm;
static struct vcpu cpus_[2];
static struct vcpu *vcpus_[] = { &cpus_[0], &cpus_[1] };
static bool no_vcpu;

struct vm *gdb_vm(void)
{
	vm.vcpus = vcpus_;
	vm.nvcpus = 2;
	return &vm;
}

struct vcpu *gdb_vcpu(struct gdb_thread t)
{
	for (u32 i = 0; i < 2; i++)
		cpus_[i].vm = gdb_vm();
	return no_vcpu ? NULL : &cpus_[t.tid - 1];
}

void gdb_on_cpu(struct vcpu *v, void (*fn)(struct vcpu *v, void *arg),
		void *arg)
{
	fn(v, arg);
}

static enum gdb_phys phys;
void gdb_mem_phys(enum gdb_phys mode)
{
	phys = mode;
}

int gdb_translate_show(struct vcpu *v, bool l2, u64 la, u64 *pa)
{
	*pa = la;
	return 0;
}

void gdb_show_tables(struct vcpu *v, bool l2, u64 pa)
{
	ask(pa);
}

void gdb_trace_show(struct vcpu *v, u32 n)
{
	ask(n);
}

static bool panic_next;
void gdb_panic_next(void)
{
	panic_next = true;
}

void gdb_break_changed(void)
{
}

u64 page_used(void)
{
	return 0;
}

u64 page_total(void)
{
	return 0;
}

u32 apic_peek(u32 reg)
{
	return reg == 0x100 ? ~0u : 0;
}

void (*log_sink)(const char *line);

/* The rest of what core/gdb_catch.c reaches is not met here. */
void gdb_stop(struct vcpu *v, enum gdb_stop_kind kind, u64 addr)
{
}

int gdb_code_insn(struct vcpu *v, struct insn *i)
{
	return -EINVAL;
}

void gdb_end(struct vcpu *v)
{
}

u32 gdb_pid_of_l2(struct vcpu *v)
{
	return 7;
}

const char *gdb_event_name(enum debug_what what, u32 raw)
{
	return "";
}

/* --- a backend --------------------------------------------------------------- */

static const char *const names[] = { "CPUID",	"EPT_VIOLATION", "MSR", "VMRUN",
				     "unknown", "SHUTDOWN",	 "NPF" };
#define NPF_CODE 0x400u /* its slot is another, as on SVM */
#define NPF_SLOT 6u

static const char *t_exit_name(u32 raw)
{
	if (raw == NPF_CODE)
		raw = NPF_SLOT;
	return raw < ARRAY_SIZE(names) ? names[raw] : "unknown";
}

static u64 t_get_reg(struct vcpu *v, enum vreg r)
{
	return 0;
}

static void t_view(struct vcpu *v, bool on)
{
}

static void t_dump(struct vcpu *v)
{
	log_sink("a line");
}

static void t_show(struct vcpu *v, enum nested_show what)
{
	log_sink("another line");
}

/* MSRs: bit 0 of the number says that reads are trapped already, bit 1 of
 * writes; those that differ from that, by number. */
static struct {
	u32 msr;
	bool rd, wr;
} traps[32];
static u32 ntraps;

static bool own_trap(u32 msr, bool write)
{
	return msr >> write & 1;
}

static bool t_msr_trapped(const struct vm *vm, u32 msr, bool write)
{
	for (u32 i = 0; i < ntraps; i++)
		if (traps[i].msr == msr)
			return write ? traps[i].wr : traps[i].rd;
	return own_trap(msr, write);
}

static void t_trap_msr(struct vm *vm, u32 msr, bool rd, bool wr)
{
	u32 i = 0;

	while (i < ntraps && traps[i].msr != msr)
		i++;
	if (i < ntraps)
		traps[i] = traps[--ntraps];
	if (rd == own_trap(msr, false) && wr == own_trap(msr, true))
		return;
	CHECK(ntraps < ARRAY_SIZE(traps));
	traps[ntraps].msr = msr;
	traps[ntraps].rd = rd;
	traps[ntraps++].wr = wr;
}

const struct virt_ops svm_ops = {
	.name = "mock",
	.exit_name = t_exit_name,
	.get_reg = t_get_reg,
	.view_l1 = t_view,
	.dump = t_dump,
	.trap_msr = t_trap_msr,
	.msr_trapped = t_msr_trapped,
};
const struct virt_ops vmx_ops, *virt = &svm_ops;
static void t_l2_id(struct vcpu *v, struct nested_id *id)
{
	*id = (struct nested_id){ .page = 0x1000, .root = 0x2000 };
}

static const struct nested_ops nested = { .show = t_show, .l2_id = t_l2_id };
const struct nested_ops *svm_nested = &nested, *vmx_nested;

/* --- words and numbers -------------------------------------------------------- */

/* The same by the host's library. */
static bool number_model(const char *s, u32 base, u64 *val)
{
	char word[80], *end;
	size_t n = 0;

	while (*s == ' ')
		s++;
	while (s[n] && s[n] != ' ')
		n++;
	if (!n || n >= sizeof(word) || !isxdigit((u8)*s))
		return false;
	memcpy(word, s, n);
	word[n] = 0;
	if (!strncasecmp(word, "0x", 2)) {
		base = 16;
		memmove(word, word + 2, n - 1);
		if (!isxdigit((u8)word[0]) || !strncasecmp(word, "0x", 2))
			return false;
	}
	if (!strncasecmp(word, "0x", 2))
		return false;
	errno = 0;
	*val = strtoull(word, &end, (int)base);
	return !*end && !errno;
}

static void some_word(char *s, const char *letters, u32 most)
{
	u32 n = pick(most);

	while (n--)
		*s++ = letters[pick((u32)strlen(letters))];
	*s = 0;
}

TEST(numbers)
{
	for (u32 i = 0; i < 300000; i++) {
		u32 base = pick(2) ? 10 : 16;
		u64 got = 77, want = 0;
		char s[64];
		const char *p = s;
		bool ok;

		some_word(s,
			  pick(2) ? "0123456789" : "0123456789abcdefABCDEFxX -",
			  24);
		ok = word_number(&p, base, &got);
		if (ok != number_model(s, base, &want) || (ok && got != want)) {
			printf("  \"%s\" to %u: %d %llx, expected %llx\n", s,
			       base, ok, (unsigned long long)got,
			       (unsigned long long)want);
			CHECK(false);
		}
		CHECK(ok ? p > s && p[-1] != 0 && *p != ' '
			 : p == s && got == 77);
		CHECK(p <= s + strlen(s));
	}
}

TEST(names)
{
	CHECK(word_same_name("ept-violation", "EPT_VIOLATION"));
	CHECK(word_same_name("EPT violation", "EPT_VIOLATION"));
	CHECK(!word_same_name("ept-violatio", "EPT_VIOLATION"));
	CHECK(!word_same_name("ept-violation2", "EPT_VIOLATION"));
	CHECK(!word_same_name("", "MSR"));
}

/* --- catchpoints --------------------------------------------------------------- */

struct model {
	bool exits[STAT_EXITS], entry, fail, l2_end, shutdown;
	u32 exceptions, nmsrs, msrs[16];
};

static bool model_exit(struct model *m, const char *word, bool on)
{
	u64 n = STAT_EXITS;
	bool any = false;

	if (!number_model(word, 10, &n) || strchr(word, ' '))
		n = STAT_EXITS;
	if (n == NPF_CODE)
		n = NPF_SLOT;
	for (u32 i = 0; i < STAT_EXITS; i++) {
		bool named = i < ARRAY_SIZE(names) &&
			     strcmp(names[i], "unknown") &&
			     word_same_name(word, names[i]);

		if (!named && i != n && strcasecmp(word, "all"))
			continue;
		m->exits[i] = on;
		any = true;
	}
	return any;
}

static bool model_msr(struct model *m, const char *word, bool on)
{
	u32 i = 0;
	u64 n;

	if (!number_model(word, 16, &n) || strchr(word, ' ') || n >> 32)
		return false;
	while (i < m->nmsrs && m->msrs[i] != n)
		i++;
	if (on && i < m->nmsrs)
		return true;
	if (on && m->nmsrs == ARRAY_SIZE(m->msrs))
		return false;
	if (on)
		m->msrs[m->nmsrs++] = (u32)n;
	else if (i < m->nmsrs)
		m->msrs[i] = m->msrs[--m->nmsrs];
	else
		return false;
	return true;
}

static bool model_exception(struct model *m, const char *word, bool on)
{
	u64 n;

	if (!number_model(word, 10, &n) || strchr(word, ' ') || n > 31 ||
	    n == 2 || n == 18)
		return false;
	m->exceptions =
		on ? m->exceptions | 1u << n : m->exceptions & ~(1u << n);
	return true;
}

/* @kind is a word of `catch`, @word what follows it. */
static bool model_catch(struct model *m, const char *kind, const char *word,
			bool on)
{
	if (!strcmp(kind, "exit"))
		return model_exit(m, word, on);
	if (!strcmp(kind, "msr"))
		return model_msr(m, word, on);
	if (!strcmp(kind, "exception"))
		return model_exception(m, word, on);
	if (*word)
		return false;
	if (!strcmp(kind, "entry"))
		m->entry = on;
	else if (!strcmp(kind, "entry-fail"))
		m->fail = on;
	else if (!strcmp(kind, "l2-end"))
		m->l2_end = on;
	else if (!strcmp(kind, "shutdown"))
		m->shutdown = on;
	else if (!strcmp(kind, "all") && !on)
		*m = (struct model){ .l2_end = m->l2_end };
	else
		return false;
	return true;
}

static bool is_listed(const char *fmt, ...)
{
	char line[64] = "\n", all[sizeof(said) + 1] = "\n";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line + 1, sizeof(line) - 2, fmt, ap);
	va_end(ap);
	strcat(line, "\n");
	strcat(all, said);
	return strstr(all, line);
}

/* `monitor catch` says what the model has, and no more. */
static bool listing_fits(const struct model *m)
{
	u32 lines = 0, want = 0;
	bool ok = true;

#define WANT(cond, ...)                             \
	do {                                        \
		bool c_ = (cond);                   \
                                                    \
		want += c_;                         \
		ok &= c_ == is_listed(__VA_ARGS__); \
	} while (0)
	listen();
	CHECK(!gdb_catch("", true));
	for (const char *p = said; *p; p++)
		lines += *p == '\n';
	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], "unknown"))
			WANT(m->exits[i], "exit %s (%u)", names[i], i);
	WANT(m->entry, "entry");
	WANT(m->fail, "entry-fail");
	WANT(m->l2_end, "l2-end");
	WANT(m->shutdown, "shutdown");
	for (u32 i = 0; i < 32; i++)
		WANT(m->exceptions >> i & 1, "exception %u", i);
	for (u32 i = 0; i < m->nmsrs; i++)
		WANT(true, "msr %#x", m->msrs[i]);
	return ok && lines == want;
}

TEST(catchpoints)
{
	static const char *const kinds[] = { "exit",	   "exit",	"exit",
					     "msr",	   "msr",	"msr",
					     "exception",  "exception", "entry",
					     "entry-fail", "shutdown",	"all",
					     "entryfail",  "ex",	"exits",
					     "l2-end" };
	static const char *const exits[] = {
		"cpuid", "Ept-Violation", "msr",  "vmrun", "unknown",
		"all",	 "shutdown",	  "0",	  "3",	   "255",
		"256",	 "0xff",	  "-1",	  "0x400", "1024",
		"0x72",	 "npf",		  "0x401"
	};
	struct model m = { .fail = true, .l2_end = true };

	gdb_catch_clear();
	for (u32 i = 0; i < 20000; i++) {
		const char *kind = kinds[pick(ARRAY_SIZE(kinds))];
		char word[40] = "", line[80];
		bool on = pick(3), ok;

		if (!strcmp(kind, "exit"))
			strcpy(word, exits[pick(ARRAY_SIZE(exits))]);
		else if (kind[0] == 'm')
			snprintf(word, sizeof(word), pick(2) ? "%x" : "0x%x",
				 0xc0000080 + pick(20));
		else if (!strcmp(kind, "exception"))
			snprintf(word, sizeof(word), "%u", pick(40));
		if (!pick(5))
			some_word(word, "0123456789abcdefx-_ AL", 10);
		/* blanks around are no part of a word */
		if (word[0] == ' ' || (*word && word[strlen(word) - 1] == ' '))
			continue;
		if (!strcmp(kind, "all") && !pick(4))
			on = false;
		snprintf(line, sizeof(line), "%s%s%s", kind, *word ? " " : "",
			 word);
		ok = !gdb_catch(line, on);
		if (ok != model_catch(&m, kind, word, on)) {
			printf("  %s: %d\n", line, ok);
			CHECK(false);
		}
		CHECK_EQ(gdb_catch_exceptions(), m.exceptions);
		CHECK_EQ(gdb_catch_l2_end(), m.l2_end);
		if (!pick(20))
			CHECK(listing_fits(&m));
		for (u32 k = 0; k < m.nmsrs; k++)
			CHECK(t_msr_trapped(NULL, m.msrs[k], false) &&
			      t_msr_trapped(NULL, m.msrs[k], true));
	}
	/* as if it had never been, but for what lasts */
	gdb_catch_clear();
	CHECK_EQ(ntraps, 0);
	m = (struct model){ .fail = m.fail, .l2_end = m.l2_end };
	CHECK(listing_fits(&m));
}

/* --- commands ------------------------------------------------------------------ */

static const struct gdb_thread thread = { 1, 1 };

static void monitor(const char *line)
{
	listen();
	asks = 0;
	CHECK_EQ(gdb_monitor(thread, line), 0);
}

TEST(every_command_is_there_and_has_help)
{
	monitor("help");
	for (u32 i = 0; i < ARRAY_SIZE(commands); i++)
		CHECK(strstr(said, commands[i].help));
	for (u32 i = 0; i < ARRAY_SIZE(commands); i++) {
		char line[64];

		monitor(commands[i].name);
		CHECK(!strstr(said, "unknown command"));
		snprintf(line, sizeof(line), "%sx", commands[i].name);
		monitor(line);
		CHECK(strstr(said, "unknown command"));
	}
	monitor("");
	CHECK(strstr(said, "unknown command"));
}

TEST(commands_take_numbers)
{
	/* name, to which base, bits, is it wanted */
	static const struct {
		const char *name;
		u32 base, bits;
		bool needed;
	} rows[] = {
		{ "translate", 16, 64, true }, { "ept", 16, 64, true },
		{ "npt", 16, 64, true },       { "msr", 16, 32, true },
		{ "cpuid", 16, 32, true },     { "trace", 10, 64, false },
	};

	for (u32 i = 0; i < 30000; i++) {
		u32 k = pick(ARRAY_SIZE(rows));
		char word[40], line[80];
		u64 n = 0;
		bool ok;

		some_word(word, pick(2) ? "0123456789abcdefx" : "0123456789",
			  12);
		snprintf(line, sizeof(line), "%s%s%s", rows[k].name,
			 *word ? "  " : "", word);
		monitor(line);
		ok = number_model(word, rows[k].base, &n) &&
		     (rows[k].bits == 64 || !(n >> 32));
		if (!*word && !rows[k].needed) {
			ok = true;
			n = 20;
		}
		if (!strcmp(rows[k].name, "trace") && n >> 32)
			n = ~0u;
		CHECK_EQ(asks, ok);
		CHECK(!ok || asked == n);
		CHECK(!ok == !!strstr(said, "usage: "));
	}
	monitor("cpuid 7 1");
	CHECK(asks == 1 && asked == 0x100000007);
	monitor("cpuid 7 1 2");
	CHECK(!asks && strstr(said, "usage: "));
	monitor("npt 10 20");
	CHECK(!asks && strstr(said, "usage: "));
}

TEST(any_line)
{
	static const char *const args[] = {
		"",	     " ",    " 0",     " 0x",
		" l1",	     " l2",  " off",   " on",
		" really",   " all", " entry", " exit all",
		" msr 0x10", " 1 2", " %s%n",  " \x7f\xff",
	};

	for (u32 i = 0; i < 30000; i++) {
		char line[256] = "";

		if (pick(8))
			strcpy(line, commands[pick(ARRAY_SIZE(commands))].name);
		strcat(line, args[pick(ARRAY_SIZE(args))]);
		if (!pick(3))
			some_word(line + strlen(line),
				  " 0123456789abcdefghijklmnopqrstuvwxyz-%",
				  pick(4) ? 8 : 180);
		for (u32 k = pick(3); k-- && *line;)
			line[pick((u32)strlen(line))] = (char)(1 + pick(255));
		no_vcpu = !pick(10);
		cpus_[0].in_l2 = pick(2);
		monitor(line);
		CHECK(log_sink == NULL);
		if (strncmp(line, "panic really", 12))
			CHECK(!panic_next);
		panic_next = false;
	}
	no_vcpu = false;
	gdb_catch_clear();
	CHECK_EQ(ntraps, 0);
}

TEST(switches)
{
	phys = GDB_PHYS_OFF;
	cpus_[0].in_l2 = cpus_[1].in_l2 = false;
	monitor("phys l2");
	CHECK(strstr(said, "no CPU is in an L2"));
	CHECK_EQ(phys, GDB_PHYS_OFF);
	cpus_[1].in_l2 = true;
	monitor("phys l2");
	CHECK(!*said);
	CHECK_EQ(phys, GDB_PHYS_L2);
	monitor("phys l3");
	CHECK(strstr(said, "usage: "));
	CHECK_EQ(phys, GDB_PHYS_L2);
	monitor("phys off");
	CHECK_EQ(phys, GDB_PHYS_OFF);
	monitor("vcpu");
	CHECK(!strstr(said, "process"));
	cpus_[0].in_l2 = true;
	gdb_monitor((struct gdb_thread){ 7, 1 }, "vcpu");
	CHECK(strstr(said, "process 7, its vmcb12 at 0x1000"));
	cpus_[0].in_l2 = false;
	monitor("step-into on");
	CHECK(cpus_[0].debug.step_into && cpus_[1].debug.step_into);
	monitor("step-into onward");
	CHECK(strstr(said, "usage: "));
	monitor("step-into off");
	CHECK(!cpus_[0].debug.step_into && !cpus_[1].debug.step_into);
	monitor("panic really");
	CHECK(panic_next);
	panic_next = false;
	monitor("vmcb12 other");
	CHECK(strstr(said, "another line"));
	monitor("vmcb12 none");
	CHECK(!*said);
}
