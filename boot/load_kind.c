/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a file is: from its bytes alone. */
#include "boot/load.h"
#include "boot/load_image.h"
#include "boot/multiboot2.h"

#include "core/string.h"

/* First bytes of what people hand over by mistake. */
static const struct magic {
	u32 off, len;
	const char *bytes;
	const char *what;
} magics[] = {
	{ 0, 2, "\x1f\x8b", "a gzip file: decompress it first" },
	{ 0, 6,
	  "\xfd"
	  "7zXZ\0",
	  "an xz file: decompress it first" },
	{ 0, 4, "\x28\xb5\x2f\xfd", "a zstd file: decompress it first" },
	{ 0, 3, "BZh", "a bzip2 file: decompress it first" },
	{ 0, 4, "\x04\x22\x4d\x18", "an lz4 file: decompress it first" },
	{ 0, 6, "070701", "a cpio archive (an initrd, not a kernel)" },
	{ 0x38, 4, "ARM\x64", "an ARM64 Linux image" },
	{ 0x24, 4, "\x18\x28\x6f\x01", "an ARM Linux image" },
	{ 0x38, 4, "RSC\x05", "a RISC-V Linux image" },
	{ 0, 4, "\x27\x05\x19\x56", "a U-Boot image" },
	{ 0, 4, "hsqs", "a squashfs file system" },
	{ 0x101, 5, "ustar", "a tar archive" },
	{ 0x8001, 5, "CD001", "an ISO 9660 image" },
	{ 0, 2, "PK", "a zip archive" },
	{ 0, 2, "#!", "a script" },
	{ 0, 2, "MZ", "a PE/EFI program" },
};

static const char *elf_machine(u16 m)
{
	switch (m) {
	case 3:
		return "i386";
	case 62:
		return "x86-64";
	case 40:
		return "ARM";
	case 183:
		return "ARM64";
	case 243:
		return "RISC-V";
	default:
		return "other";
	}
}

static bool is_text(const u8 *img, u64 len)
{
	for (u64 i = 0; i < MIN(len, 256u); i++)
		if ((img[i] < ' ' || img[i] > '~') && img[i] != '\n' &&
		    img[i] != '\r' && img[i] != '\t')
			return false;
	return true;
}

static bool is_zero(const u8 *img, u64 len)
{
	for (u64 i = 0; i < MIN(len, KiB(32)); i++)
		if (img[i])
			return false;
	return true;
}

/* No kind we know: say what it looks like. */
static void name_other(const u8 *img, u64 len, char *what, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++) {
		const struct magic *m = &magics[i];

		if (len >= m->off + m->len &&
		    !memcmp(img + m->off, m->bytes, m->len)) {
			snprintf(what, size, "%s", m->what);
			return;
		}
	}
	if (len >= 20 && !memcmp(img, "\177ELF", 4))
		snprintf(what, size,
			 "an ELF file (%s, %s-bit) without multiboot header",
			 elf_machine(get16(img + 18)),
			 img[4] == 2 ? "64" : "32");
	else if (len >= 512 && get16(img + 510) == 0xaa55)
		snprintf(what, size, "a boot sector");
	else if (is_zero(img, len))
		snprintf(what, size, "only zeros");
	else if (is_text(img, len))
		snprintf(what, size, "a text file");
	else
		snprintf(what, size, "unknown data (it begins with %02x %02x)",
			 img[0], len > 1 ? img[1] : 0);
}

static bool linux_kind(const u8 *img, u64 len, char *what, size_t size,
		       enum l1_kind *kind)
{
	u16 version;

	if (len < LINUX_HEADER_END || get16(img + 0x1fe) != 0xaa55 ||
	    memcmp(img + LINUX_MAGIC, "HdrS", 4))
		return false;
	*kind = L1_UNKNOWN;
	version = get16(img + LINUX_VERSION);
	if (version < LINUX_VERSION_MIN)
		snprintf(what, size,
			 "a Linux kernel of boot protocol %u.%02u; 2.06 is "
			 "needed (Linux 2.6.22)",
			 version >> 8, version & 0xff);
	else if (!(img[LINUX_LOADFLAGS] & LINUX_LOADED_HIGH))
		snprintf(what, size, "a Linux zImage; a bzImage is needed");
	else
		*kind = L1_LINUX;
	return true;
}

/* Multiboot Specification, "The layout of Multiboot header": its search. */
bool mb1_header(const u8 *img, u64 len, u32 *off)
{
	u64 end = MIN(len, KiB(8));

	for (u32 i = 0; i + 12 <= end; i += 4) {
		if (get32(img + i) != MB1_HEADER_MAGIC ||
		    get32(img + i) + get32(img + i + 4) + get32(img + i + 8))
			continue;
		*off = i;
		return true;
	}
	return false;
}

/* Multiboot2 Specification, "The layout of Multiboot2 header". */
bool mb2_header(const u8 *img, u64 len, u32 *off)
{
	u64 end = MIN(len, KiB(32));

	for (u32 i = 0; i + 16 <= end; i += 8) {
		if (get32(img + i) != MB2_HEADER_MAGIC ||
		    get32(img + i) + get32(img + i + 4) + get32(img + i + 8) +
			    get32(img + i + 12))
			continue;
		*off = i;
		return true;
	}
	return false;
}

enum l1_kind image_kind(const u8 *img, u64 len, char *what, size_t size)
{
	enum l1_kind kind;
	u32 off;

	if (size)
		what[0] = '\0';
	if (!len) {
		snprintf(what, size, "an empty file");
		return L1_UNKNOWN;
	}
	if (linux_kind(img, len, what, size, &kind))
		return kind;
	if (mb2_header(img, len, &off))
		return L1_MULTIBOOT2;
	if (mb1_header(img, len, &off))
		return L1_MULTIBOOT1;
	name_other(img, len, what, size);
	return L1_UNKNOWN;
}
