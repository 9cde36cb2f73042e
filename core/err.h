/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Error numbers: functions return 0 or one of these, negated. */
#ifndef CORE_ERR_H
#define CORE_ERR_H

#if __STDC_HOSTED__
#include <errno.h>
#else
#define EPERM 1
#define ENOENT 2
#define EIO 5
#define E2BIG 7
#define EAGAIN 11
#define ENOMEM 12
#define EFAULT 14
#define EBUSY 16
#define EEXIST 17
#define ENODEV 19
#define EINVAL 22
#define ENOSPC 28
#define ERANGE 34
#define EOVERFLOW 75
#define EOPNOTSUPP 95
#endif

#endif
