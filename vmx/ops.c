/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmx/internal.h"

const struct nested_ops *vmx_nested;

const struct virt_ops vmx_ops = {
	.name = "VMX",
	.present = vmx_present,
	.check = vmx_check,
	.features = vmx_features,
	.set_features = vmx_set_features,
	.cpu_on = vmx_cpu_on,
	.cpu_off = vmx_cpu_off,
	.vm_init = vmx_vm_init,
	.vcpu_init = vmx_vcpu_init,
	.vcpu_load = vmx_vcpu_load,
	.vcpu_start = vmx_vcpu_start,
	.run = vmx_run,
	.skip = vmx_skip,
	.inject = vmx_inject,
	.get_reg = vmx_get_reg,
	.set_reg = vmx_set_reg,
	.get_seg = vmx_get_seg,
	.set_seg = vmx_set_seg,
	.set_debug = vmx_set_debug,
	.set_shadow = vmx_set_shadow,
	.view_l1 = vmx_view_l1,
	.trap_port = vmx_trap_port,
	.trap_msr = vmx_trap_msr,
	.msr_trapped = vmx_msr_trapped,
	.kick = vmx_kick,
	.exit_name = vmx_reason_name,
	.dump = vmx_dump,
};
