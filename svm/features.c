/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of SVM's features, for the console and svm.features=. Pure. */
#include "core/err.h"
#include "core/printk.h"
#include "core/string.h"
#include "svm/internal.h"

static const struct feature_name {
	u32 bit;
	const char *name;
} feature_names[] = {
	{ SVM_F_NPT, "npt" },
	{ SVM_F_NRIPS, "nrip" },
	{ SVM_F_DECODE, "decode" },
	{ SVM_F_FLUSHBYASID, "flushbyasid" },
	{ SVM_F_CLEAN, "clean" },
	{ SVM_F_LBRV, "lbrv" },
	{ SVM_F_PAUSEFILTER, "pausefilter" },
	{ SVM_F_PAUSETHRESH, "pausethreshold" },
	{ SVM_F_TSCRATE, "tscrate" },
	{ SVM_F_VGIF, "vgif" },
	{ SVM_F_VLS, "vls" },
	{ SVM_F_VNMI, "vnmi" },
	{ SVM_F_AVIC, "avic" },
	{ SVM_F_X2AVIC, "x2avic" },
	{ SVM_F_GMET, "gmet" },
	{ SVM_F_SPECCTRL, "specctrl" },
	{ SVM_F_ADDR_CHK, "addrchk" },
};

void svm_feature_names(const struct svm_hw *hw, char *buf, size_t size)
{
	size_t n = 0;

	if (!size)
		return;
	n = (size_t)snprintf(buf, size, "rev %u, %u ASIDs:", hw->rev,
			     hw->nasids);
	for (u32 i = 0; i < ARRAY_SIZE(feature_names) && n < size; i++)
		if (hw->features & feature_names[i].bit)
			n += (size_t)snprintf(buf + n, size - n, " %s",
					      feature_names[i].name);
}

static u32 feature_bit(const char *name, size_t len)
{
	for (u32 i = 0; i < ARRAY_SIZE(feature_names); i++)
		if (strlen(feature_names[i].name) == len &&
		    !strncmp(feature_names[i].name, name, len))
			return feature_names[i].bit;
	return 0;
}

/* "-lbrv,-vgif": a feature can be switched off; "+x" takes that back. */
int svm_set_features(const char *list, u64 *off)
{
	while (*list) {
		const char *end = strchr(list, ',');
		size_t len = end ? (size_t)(end - list) : strlen(list);
		u32 bit = len ? feature_bit(list + 1, len - 1) : 0;

		if (!bit || (*list != '-' && *list != '+'))
			return -EINVAL;
		if (*list == '-')
			*off |= bit;
		else
			*off &= ~(u64)bit;
		list += len + !!end;
	}
	return 0;
}
