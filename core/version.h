/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_VERSION_H
#define CORE_VERSION_H

/* "Abyme" and what was built. */
extern const char abyme_version[];

#endif
