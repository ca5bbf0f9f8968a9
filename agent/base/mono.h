/* SPDX-License-Identifier: MIT */
/*
 * Time as the whole program uses it: microseconds of CLOCK_BOOTTIME, signed,
 * so that a suspended machine counts and setting the wall clock changes
 * nothing. Only shells call mono_now(); the core is handed the time.
 */
#ifndef AGENT_BASE_MONO_H
#define AGENT_BASE_MONO_H

#include <stdint.h>
#include <time.h>

typedef int64_t mono_us;

#define MONO_NEVER INT64_MAX		 /* later than anything: a deadline that is not set */
#define MONO_LONG_AGO (-(INT64_MAX / 4)) /* an event that never happened; adding to it is safe */

#define USEC ((mono_us)1)
#define MSEC (1000 * USEC)
#define SEC (1000 * MSEC)

static inline mono_us mono_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now); /* cannot fail for a clock that exists */
	return (mono_us)now.tv_sec * SEC + now.tv_nsec / 1000;
}

static inline mono_us mono_min(mono_us a, mono_us b)
{
	return a < b ? a : b;
}

static inline mono_us mono_max(mono_us a, mono_us b)
{
	return a > b ? a : b;
}

/* Seconds for libev's timers and for people. */
static inline double mono_seconds(mono_us us)
{
	return (double)us / 1e6;
}

#endif
