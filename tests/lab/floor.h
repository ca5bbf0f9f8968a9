/* SPDX-License-Identifier: MIT */
/* The clock of floor.c and floor_route.c. */
#ifndef LAB_FLOOR_H
#define LAB_FLOOR_H

#include <stdint.h>
#include <time.h>

/* CLOCK_BOOTTIME in nanoseconds: the clock of the lab. */
static inline int64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#endif
