/* SPDX-License-Identifier: MIT */
/*
 * Writing of form bodies. May not allocate beyond the body's cap; that
 * something did not fit stays marked in the buffer.
 */
#include "aws/form.h"

#include <string.h>

void form_begin(struct buf *body, const char *action, const char *version)
{
	(void)buf_printf(body, "Action=%s&Version=%s", action, version);
}

void form_add(struct buf *body, const char *name, const char *value)
{
	(void)buf_printf(body, "&%s=", name);
	for (const char *c = value; *c; c++) {
		bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
			     (*c >= '0' && *c <= '9') || strchr("-._~", *c);

		(void)buf_printf(body, plain ? "%c" : "%%%02X", (unsigned char)*c);
	}
}
