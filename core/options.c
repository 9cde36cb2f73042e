/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/options.h"

#include "core/cpu.h"
#include "core/err.h"
#include "core/printk.h"
#include "core/string.h"
#include "drivers/serial/uart16550.h"

#define BAUD_DEFAULT 115200
#define MEMORY_MIB_MAX 65536

/* A piece of the line; not terminated. */
struct text {
	const char *s;
	size_t len;
};

/* A word and the value that it stands for. */
struct choice {
	const char *name;
	u32 value;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool equals(struct text t, const char *s)
{
	return strlen(s) == t.len && !memcmp(t.s, s, t.len);
}

/* Cut what stands before the next @sep off @t. */
static struct text cut(struct text *t, char sep)
{
	struct text head = { t->s, 0 };

	while (head.len < t->len && t->s[head.len] != sep)
		head.len++;
	t->s += head.len;
	t->len -= head.len;
	if (t->len) {
		t->s++;
		t->len--;
	}
	return head;
}

static bool number(struct text t, u32 min, u32 max, u32 *out)
{
	u64 v = 0;

	if (!t.len || t.len > 9)
		return false;
	for (size_t i = 0; i < t.len; i++) {
		if (t.s[i] < '0' || t.s[i] > '9')
			return false;
		v = v * 10 + (u64)(t.s[i] - '0');
	}
	if (v < min || v > max)
		return false;
	*out = (u32)v;
	return true;
}

static bool choose(struct text t, const struct choice *c, u32 *out)
{
	for (; c->name; c++)
		if (equals(t, c->name)) {
			*out = c->value;
			return true;
		}
	return false;
}

static const struct choice ports[] = {
	{ "none", PORT_NONE }, { "com1", PORT_COM1 }, { "com2", PORT_COM2 },
	{ "com3", PORT_COM3 }, { "com4", PORT_COM4 }, { NULL, 0 }
};
static const struct choice levels[] = { { "err", LOG_ERR },
					{ "warn", LOG_WARN },
					{ "info", LOG_INFO },
					{ "debug", LOG_DEBUG },
					{ NULL, 0 } };
static const struct choice actions[] = { { "reset", SHUTDOWN_RESET },
					 { "poweroff", SHUTDOWN_POWEROFF },
					 { "halt", SHUTDOWN_HALT },
					 { NULL, 0 } };
static const struct choice switches[] = {
	{ "0", 0 }, { "1", 1 }, { "off", 0 }, { "on", 1 }, { NULL, 0 }
};

#define BAUDS "; baud: 115200, 57600, 38400, 19200, 9600 .. 50"

/* comN[,baud][,wait] */
static bool serial(struct text t, struct serial_option *o, bool may_wait)
{
	struct serial_option new = { PORT_NONE, BAUD_DEFAULT, false };
	bool baud = false;
	u32 port;

	if (!choose(cut(&t, ','), ports, &port))
		return false;
	new.port = (enum port_name)port;
	while (t.len) {
		struct text w = cut(&t, ',');

		if (may_wait && !new.wait && equals(w, "wait"))
			new.wait = true;
		else if (!baud && number(w, 50, UART_BAUD_MAX, &new.baud) &&
			 uart_divisor(new.baud))
			baud = true;
		else
			return false;
	}
	*o = new;
	return true;
}

/* -name[,-name...]; which names there are is the backend's to know. */
static bool features(struct text t, char *out, size_t size)
{
	struct text all = t;

	if (t.len >= size)
		return false;
	while (t.len) {
		struct text w = cut(&t, ',');

		if (w.len < 2 || w.s[0] != '-')
			return false;
	}
	memcpy(out, all.s, all.len);
	out[all.len] = '\0';
	return all.len != 0;
}

static bool set_console(struct options *o, struct text t)
{
	return serial(t, &o->console, false);
}

static bool set_gdb(struct options *o, struct text t)
{
	return serial(t, &o->gdb, true);
}

static bool set_loglevel(struct options *o, struct text t)
{
	u32 v;

	if (!choose(t, levels, &v))
		return false;
	o->loglevel = (u8)v;
	return true;
}

static bool set_on_shutdown(struct options *o, struct text t)
{
	u32 v;

	if (!choose(t, actions, &v))
		return false;
	o->on_shutdown = (enum shutdown_action)v;
	return true;
}

static bool set_switch(bool *out, struct text t)
{
	u32 v;

	if (!choose(t, switches, &v))
		return false;
	*out = v;
	return true;
}

static bool set_hide(struct options *o, struct text t)
{
	return set_switch(&o->hide, t);
}

static bool set_nested(struct options *o, struct text t)
{
	return set_switch(&o->nested, t);
}

static bool set_stats(struct options *o, struct text t)
{
	return set_switch(&o->stats, t);
}

static bool set_memory(struct options *o, struct text t)
{
	return number(t, 1, MEMORY_MIB_MAX, &o->memory_mib);
}

static bool set_cpus(struct options *o, struct text t)
{
	return number(t, 1, CPUS_MAX, &o->max_cpus);
}

static bool set_svm(struct options *o, struct text t)
{
	return features(t, o->svm_features, sizeof(o->svm_features));
}

static bool set_vmx(struct options *o, struct text t)
{
	return features(t, o->vmx_features, sizeof(o->vmx_features));
}

static const struct option {
	const char *key;
	bool (*set)(struct options *o, struct text value);
	const char *values; /* for the message */
} table[] = {
	{ "console", set_console, "com1..com4[,baud] or none" BAUDS },
	{ "gdb", set_gdb, "com1..com4[,baud][,wait] or none" BAUDS },
	{ "loglevel", set_loglevel, "err, warn, info or debug" },
	{ "on-shutdown", set_on_shutdown, "reset, poweroff or halt" },
	{ "hide", set_hide, "0 or 1" },
	{ "nested", set_nested, "on or off" },
	{ "memory", set_memory, "1..65536 (MiB)" },
	{ "svm.features", set_svm, "-name[,-name...]" },
	{ "vmx.features", set_vmx, "-name[,-name...]" },
	{ "stats", set_stats, "0 or 1" },
	{ "cpus", set_cpus, "1..256" },
};

static int one_word(struct options *o, struct text word, char *err, size_t size)
{
	struct text value = word;
	struct text key = cut(&value, '=');
	/* a hostile line shall not push the advice out of the message */
	int shown = (int)MIN(word.len, (size_t)40);

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (!equals(key, table[i].key))
			continue;
		if (table[i].set(o, value))
			return 0;
		snprintf(err, size, "\"%.*s\": %s takes %s", shown, word.s,
			 table[i].key, table[i].values);
		return -EINVAL;
	}
	snprintf(err, size, "unknown option \"%.*s\"", shown, word.s);
	return -EINVAL;
}

int options_parse(struct options *o, const char *line, char *err,
		  size_t errsize)
{
	int ret = 0;

	*o = (struct options){
		.console = { PORT_COM1, BAUD_DEFAULT, false },
		.gdb = { PORT_NONE, BAUD_DEFAULT, false },
		.loglevel = LOG_ERR,
		.on_shutdown = SHUTDOWN_RESET,
		.nested = true,
	};
	for (;;) {
		struct text word;

		while (is_blank(*line))
			line++;
		if (!*line)
			return ret;
		word = (struct text){ line, 0 };
		while (*line && !is_blank(*line))
			line++;
		word.len = (size_t)(line - word.s);
		if (ret)
			(void)!one_word(o, word, NULL, 0);
		else
			ret = one_word(o, word, err, errsize);
	}
}
