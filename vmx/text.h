/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMX_TEXT_H
#define VMX_TEXT_H

#include "vmx/vmcs.h"

/* The words for value @val of field @slot, a blank before each; "" where a
 * number is all there is. */
void vmx_field_text(u32 slot, u64 val, char *buf, size_t size);

#endif
