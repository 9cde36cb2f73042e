/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "svm/internal.h"

const struct virt_ops svm_ops = {
	.name = "SVM",
	.present = svm_present,
	.check = svm_check,
	.features = svm_features,
	.set_features = svm_set_features,
	.cpu_on = svm_cpu_on,
	.cpu_off = svm_cpu_off,
	.vm_init = svm_vm_init,
	.vcpu_init = svm_vcpu_init,
	.vcpu_load = svm_vcpu_load,
	.vcpu_start = svm_vcpu_start,
	.run = svm_run,
	.skip = svm_skip,
	.inject = svm_inject,
	.get_reg = svm_get_reg,
	.set_reg = svm_set_reg,
	.get_seg = svm_get_seg,
	.set_seg = svm_set_seg,
	.trap_port = svm_trap_port,
	.trap_msr = svm_trap_msr,
	.kick = svm_kick,
	.exit_name = svm_exit_name,
	.dump = svm_dump,
};
