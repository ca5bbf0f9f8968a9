/* SPDX-License-Identifier: MIT */
/* splitmix64: small, well spread, the same on every compiler and machine. */
#ifndef TESTS_SIM_RNG_H
#define TESTS_SIM_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline uint64_t rng_next(struct rng *rng)
{
	uint64_t z = (rng->state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* 0 .. limit - 1; 0 when limit is 0. */
static inline int64_t rng_below(struct rng *rng, int64_t limit)
{
	return limit > 0 ? (int64_t)(rng_next(rng) % (uint64_t)limit) : 0;
}

static inline int64_t rng_between(struct rng *rng, int64_t low, int64_t high)
{
	return low + rng_below(rng, high - low + 1);
}

static inline bool rng_chance(struct rng *rng, unsigned int permille)
{
	return permille > 0 && rng_below(rng, 1000) < (int64_t)permille;
}

#endif
