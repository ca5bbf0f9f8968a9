/* SPDX-License-Identifier: MIT */
/*
 * Offset of the signing clock. May not correct on hearsay: only a refused
 * signature together with a date far off changes the offset.
 */
#include "aws/clock.h"

#include <stdlib.h>
#include <time.h>

#define WORTH_A_LINE_S 60
#define WORTH_CORRECTING_S 240

int64_t clock_sign(const struct clock *clock)
{
	return (int64_t)time(NULL) + clock->offset_s;
}

void clock_hear(struct clock *clock, int64_t date)
{
	int64_t off = date - (int64_t)time(NULL);
	unsigned int held;

	if (date > 0 && llabs(off) > WORTH_A_LINE_S && log_gate(&clock->gate, 600, &held))
		log_event(LOG_LV_WARNING, "clock_off", "behind_aws_s=%lld held=%u", (long long)off,
			  held);
}

bool clock_correct(struct clock *clock, int64_t date)
{
	if (date <= 0 || llabs(date - clock_sign(clock)) <= WORTH_CORRECTING_S)
		return false;
	clock->offset_s = date - (int64_t)time(NULL);
	log_event(LOG_LV_WARNING, "clock_corrected", "signing_offset_s=%lld",
		  (long long)clock->offset_s);
	return true;
}
