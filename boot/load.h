#ifndef BOOT_LOAD_H
#define BOOT_LOAD_H
#include "boot/boot_info.h"
struct l1_image { int kind; const char *kind_name; u64 size; u32 eip, eax, ebx, esi, esp; l1pa_t gdt; u16 gdt_limit; };
int load_l1(const struct boot_info *bi, const struct memmap *m, hpa_t l0, u64 l0len, struct l1_image *o, char *err, size_t n);
#endif
