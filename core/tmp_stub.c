#include "core/virt.h"
const struct nested_ops nested_vmx_ops;
