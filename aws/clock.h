/* SPDX-License-Identifier: MIT */
/*
 * The time that goes into a signature. AWS refuses a date more than five to
 * fifteen minutes off; the Date header of its answers says what it thinks,
 * and after a refusal that is what we use. The machine's clock is not touched.
 */
#ifndef AWS_CLOCK_H
#define AWS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/base/log.h"

struct clock {
	int64_t offset_s; /* added to the machine's clock when signing */
	struct log_gate gate;
};

/* Unix seconds to sign with. */
int64_t clock_sign(const struct clock *clock);

/* An answer's date (0 = none): says so in the log when ours is a minute off. */
void clock_hear(struct clock *clock, int64_t date);

/* A refusal came with this date. True: the offset was wrong and is now right,
 * so signing again is worth it. */
bool clock_correct(struct clock *clock, int64_t date);

#endif
