/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/version.h"

const char abyme_version[] = "Abyme " VERSION;
