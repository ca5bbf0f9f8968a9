/* SPDX-License-Identifier: MIT */
/* See ahead.h; follows doc/mysql.md, "More than two servers". */
#include "agent/ahead.h"

#include <stdio.h>

static bool lacks(const char *here, const char *told, bool before)
{
	struct mygtid_set mine, theirs;

	if (mygtid_parse(here, &mine) < 0 || mygtid_parse(told, &theirs) < 0)
		return before;
	return mygtid_missing(&theirs, &mine) > 0;
}

bool ahead_look(struct ahead *ahead, const char *told, mono_us heard, const char *here,
		mono_us read_at)
{
	if (ahead->at != 0) {
		if (read_at < ahead->at + AHEAD_GRACE)
			return ahead->more;
		ahead->more = lacks(here, ahead->executed, ahead->more);
	}
	ahead->at = heard;
	(void)snprintf(ahead->executed, sizeof(ahead->executed), "%s", told);
	return ahead->more;
}

void ahead_forget(struct ahead *ahead)
{
	ahead->at = 0;
	ahead->more = false;
}
