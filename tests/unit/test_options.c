/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: core/options.c */
#include "tests/unit/unit.h"

#include "core/err.h"
#include "core/options.h"
#include "core/printk.h"
#include "drivers/serial/uart16550.h"

static struct options o;
static char err[160];

static int parse(const char *line)
{
	memset(&o, 0xa5, sizeof(o));
	err[0] = '\0';
	return options_parse(&o, line, err, sizeof(err));
}

TEST(options_defaults)
{
	CHECK_EQ(parse(""), 0);
	CHECK_EQ(o.console.port, PORT_COM1);
	CHECK_EQ(o.console.baud, 115200);
	CHECK_EQ(o.gdb.port, PORT_NONE);
	CHECK(!o.gdb.wait);
	CHECK_EQ(o.loglevel, LOG_ERR);
	CHECK_EQ(o.on_shutdown, SHUTDOWN_RESET);
	CHECK(o.nested);
	CHECK(!o.hide);
	CHECK(!o.stats);
	CHECK_EQ(o.memory_mib, 0);
	CHECK_EQ(o.max_cpus, 0);
	CHECK_EQ(o.svm_features[0], 0);
	CHECK_EQ(parse(" \t\n "), 0);
}

TEST(options_all)
{
	CHECK_EQ(parse("  console=com3,9600\tgdb=com2,57600,wait "
		       "loglevel=debug on-shutdown=poweroff hide=1 nested=off "
		       "memory=64 svm.features=-npt,-vgif vmx.features=-ept "
		       "stats=1 cpus=4 "),
		 0);
	CHECK_EQ(o.console.port, PORT_COM3);
	CHECK_EQ(o.console.baud, 9600);
	CHECK_EQ(o.gdb.port, PORT_COM2);
	CHECK_EQ(o.gdb.baud, 57600);
	CHECK(o.gdb.wait);
	CHECK_EQ(o.loglevel, LOG_DEBUG);
	CHECK_EQ(o.on_shutdown, SHUTDOWN_POWEROFF);
	CHECK(o.hide);
	CHECK(!o.nested);
	CHECK_EQ(o.memory_mib, 64);
	CHECK_EQ(o.max_cpus, 4);
	CHECK(o.stats);
	CHECK(!strcmp(o.svm_features, "-npt,-vgif"));
	CHECK(!strcmp(o.vmx_features, "-ept"));
}

TEST(options_variants)
{
	CHECK_EQ(parse("gdb=com1,wait,1200"), 0);
	CHECK_EQ(o.gdb.baud, 1200);
	CHECK(o.gdb.wait);
	CHECK_EQ(parse("console=none on-shutdown=halt"), 0);
	CHECK_EQ(o.console.port, PORT_NONE);
	CHECK_EQ(o.on_shutdown, SHUTDOWN_HALT);
	CHECK_EQ(parse("cpus=2 cpus=3"), 0);
	CHECK_EQ(o.max_cpus, 3);
}

/* What the UART's divisor can give, no more. */
TEST(options_baud)
{
	static const u32 bauds[] = { 115200, 57600, 56000, 38400, 19200,
				     9600,   2400,  1200,  110,	  50 };
	char line[40];

	for (size_t i = 0; i < ARRAY_SIZE(bauds); i++) {
		snprintf(line, sizeof(line), "gdb=com2,%u", bauds[i]);
		CHECK_EQ(parse(line), bauds[i] == 56000 ? -EINVAL : 0);
		CHECK(bauds[i] == 56000 || o.gdb.baud == bauds[i]);
	}
	CHECK_EQ(uart_divisor(115200), 1);
	CHECK_EQ(uart_divisor(9600), 12);
	CHECK_EQ(uart_divisor(110), 1047);
	CHECK_EQ(uart_divisor(230400), 0);
	CHECK_EQ(uart_divisor(0), 0);
	CHECK_EQ(parse("gdb=com2,230400"), -EINVAL);
	CHECK(strstr(err, "115200, 57600") != NULL);
}

TEST(options_bad)
{
	static const char *const bad[] = {
		"foo",
		"foo=1",
		"console",
		"console=",
		"console=com5",
		"console=com1,wait",
		"console=com1,fast",
		"console=com1,9600,9600",
		"console=com11",
		"gdb=com2,wait,wait",
		"gdb=com2,230400",
		"gdb=com2,100000",
		"gdb=com2,49",
		"console=com1,115201",
		"loglevel=all",
		"loglevel=",
		"on-shutdown=burn",
		"hide=2",
		"hide",
		"nested=maybe",
		"memory=0",
		"memory=64M",
		"memory=99999",
		"memory=99999999999999999999",
		"memory=-1",
		"cpus=0",
		"cpus=257",
		"stats=yes",
		"svm.features=npt",
		"svm.features=",
		"svm.features=-",
		"vmx.features=-a,b",
		"=",
		"==",
		"=com1",
		"CONSOLE=com1",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_EQ(parse(bad[i]), -EINVAL);
		CHECK(strstr(err, bad[i]) != NULL);
	}
}

TEST(options_first_error_rest_parsed)
{
	CHECK_EQ(parse("bogus=1 console=com2 worse=2"), -EINVAL);
	CHECK(strstr(err, "\"bogus=1\"") != NULL);
	CHECK_EQ(o.console.port, PORT_COM2);
}

TEST(options_long)
{
	char line[600];

	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	CHECK_EQ(parse(line), -EINVAL);
	CHECK(strlen(err) < 80);
	memcpy(line, "svm.features=-", 14);
	CHECK_EQ(parse(line), -EINVAL);
	CHECK(strstr(err, "-name") != NULL);
	CHECK_EQ(o.svm_features[0], 0);
}

TEST(options_random)
{
	static const char set[] = "consolegdb=,com12 -wait.\t";
	char line[64];

	for (u32 n = 0; n < 20000; n++) {
		size_t len = unit_random() % sizeof(line);

		for (size_t i = 0; i < len; i++)
			line[i] = set[unit_random() % (sizeof(set) - 1)];
		line[len ? len - 1 : 0] = '\0';
		if (parse(line))
			CHECK(err[0] != '\0');
		CHECK(strlen(o.svm_features) < sizeof(o.svm_features));
	}
}
