#include "core/virt.h"
static bool no(void)
{
	return false;
}
const struct virt_ops vmx_ops = { .name = "VMX", .present = no };
const struct nested_ops nested_vmx_ops;
const struct nested_ops *vmx_nested;
