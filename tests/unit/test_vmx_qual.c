/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources: vmx/qual.c vmx/bitmap.c */
#include "core/virt.h"
#include "core/x86.h"
#include "tests/unit/unit.h"
#include "vmx/bitmap.h"
#include "vmx/qual.h"
#include "vmx/vmcs.h"

TEST(cr_accesses)
{
	struct cr_access a = qual_cr(0x904); /* MOV CR4, R9 */

	CHECK_EQ(a.cr, 4);
	CHECK_EQ(a.type, CR_ACCESS_TO);
	CHECK_EQ(a.gpr, R9);
	a = qual_cr(0x318); /* MOV RBX, CR8 */
	CHECK_EQ(a.cr, 8);
	CHECK_EQ(a.type, CR_ACCESS_FROM);
	CHECK_EQ(a.gpr, RBX);
	a = qual_cr(0x20); /* CLTS */
	CHECK_EQ(a.type, CR_ACCESS_CLTS);
	CHECK_EQ(qual_cr0_value(&a, 0x8005003b), 0x80050033);
	a = qual_cr(0xabcd0030); /* LMSW */
	CHECK_EQ(a.type, CR_ACCESS_LMSW);
	CHECK_EQ(a.lmsw, 0xabcd);
	/* PE only from 0 to 1, bits 3:1 as given, the rest stays */
	CHECK_EQ(qual_cr0_value(&a, 0x60000010), 0x6000001d);
	a = qual_cr(0x00020030);
	CHECK_EQ(qual_cr0_value(&a, 0x8001003d), 0x80010033);
}

TEST(io_accesses)
{
	struct io_access a = qual_io(0x03f80000); /* OUT DX, AL */

	CHECK_EQ(a.port, 0x3f8);
	CHECK_EQ(a.size, 1);
	CHECK(!a.in && !a.string && !a.rep && !a.imm);
	a = qual_io(0xcf8004b); /* IN, 4 bytes, immediate */
	CHECK_EQ(a.port, 0xcf8);
	CHECK_EQ(a.size, 4);
	CHECK(a.in && a.imm && !a.string);
	a = qual_io(0x01f00039); /* REP INSW */
	CHECK_EQ(a.port, 0x1f0);
	CHECK_EQ(a.size, 2);
	CHECK(a.in && a.string && a.rep);
}

TEST(ept_and_tasks)
{
	struct task_access t;

	CHECK_EQ(qual_ept_access(0x181), ACCESS_R);
	CHECK_EQ(qual_ept_access(0x182), ACCESS_W);
	CHECK_EQ(qual_ept_access(0x1bc), ACCESS_X);
	CHECK_EQ(qual_ept_access(0x3), ACCESS_R | ACCESS_W);
	t = qual_task(0xc0001238);
	CHECK_EQ(t.sel, 0x1238);
	CHECK_EQ(t.source, 3);
	t = qual_task(0x40000028);
	CHECK_EQ(t.source, 1);
}

TEST(msr_bitmaps)
{
	static u8 map[4096];

	CHECK_EQ(vmx_msr_bit(0), 0);
	CHECK_EQ(vmx_msr_bit(0x1fff), 0x1fff);
	CHECK_EQ(vmx_msr_bit(0x2000), -1);
	CHECK_EQ(vmx_msr_bit(0xbfffffff), -1);
	CHECK_EQ(vmx_msr_bit(0xc0000000), 0x2000);
	CHECK_EQ(vmx_msr_bit(0xc0001fff), 0x3fff);
	CHECK_EQ(vmx_msr_bit(0xc0002000), -1);
	CHECK_EQ(vmx_msr_bit(~0u), -1);
	vmx_msr_bitmap_set(map, 0x1b, false, true);
	CHECK_EQ(map[2048 + 3], 8);
	CHECK_EQ(map[3], 0);
	vmx_msr_bitmap_set(map, 0xc0000080, true, false);
	CHECK_EQ(map[1024 + 16], 1);
	CHECK_EQ(map[3072 + 16], 0);
	CHECK(vmx_msr_bitmap_hit(map, 0x1b, true));
	CHECK(!vmx_msr_bitmap_hit(map, 0x1b, false));
	CHECK(vmx_msr_bitmap_hit(map, 0xc0000080, false));
	CHECK(!vmx_msr_bitmap_hit(map, 0xc0000080, true));
	CHECK(vmx_msr_bitmap_hit(map, 0x40000000, false));
	vmx_msr_bitmap_set(map, 0x40000000, true, true);
	vmx_msr_bitmap_set(map, 0x1b, false, false);
	vmx_msr_bitmap_set(map, 0xc0000080, false, false);
	for (size_t i = 0; i < sizeof(map); i++)
		CHECK_EQ(map[i], 0);
}

TEST(io_bitmaps)
{
	static u8 map[8192];

	vmx_io_bitmap_set(map, 0xcf8, 8, true);
	CHECK_EQ(map[0xcf8 / 8], 0xff);
	CHECK(vmx_io_bitmap_hit(map, 0xcf7, 2));
	CHECK(!vmx_io_bitmap_hit(map, 0xcf7, 1));
	CHECK(vmx_io_bitmap_hit(map, 0xcff, 1));
	CHECK(!vmx_io_bitmap_hit(map, 0xd00, 4));
	vmx_io_bitmap_set(map, 0xffff, 4, true); /* cut at the end */
	CHECK_EQ(map[8191], 0x80);
	vmx_io_bitmap_set(map, 0xffff, 1, false);
	CHECK(vmx_io_bitmap_hit(map, 0xffff, 2)); /* wraps: always */
	CHECK(!vmx_io_bitmap_hit(map, 0xffff, 1));
	vmx_io_bitmap_set(map, 0x8000, 1, true);
	CHECK_EQ(map[4096], 1); /* bitmap B */
}

TEST(vmx_fetch_modes)
{
	const u64 pg = CR0_PG | CR0_PE, told = BIT(7) | BIT(8), user = BIT(9);

	/* no paging: user-mode addresses, at any privilege */
	CHECK_EQ(qual_fetch_mode(told, true, CR0_PE, 0, 0), FETCH_USER);
	CHECK_EQ(qual_fetch_mode(told | user, true, pg, 0, 0), FETCH_USER);
	CHECK_EQ(qual_fetch_mode(told, true, pg, 0, 0), FETCH_SUPERVISOR);
	/* no advanced information, or not about this access */
	CHECK_EQ(qual_fetch_mode(told | user, false, pg, 0, 3), FETCH_USER);
	CHECK_EQ(qual_fetch_mode(BIT(7) | user, true, pg, CR4_SMEP, 0),
		 FETCH_SUPERVISOR);
	CHECK_EQ(qual_fetch_mode(told, false, pg, CR4_SMEP, 3), FETCH_USER);
	CHECK_EQ(qual_fetch_mode(told, false, pg, 0, 0), FETCH_EITHER);
	CHECK_EQ(qual_fetch_mode(told, false, pg, 0, 2), FETCH_EITHER);
}
