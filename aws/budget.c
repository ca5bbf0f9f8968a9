/* SPDX-License-Identifier: MIT */
/*
 * The bucket and the hour's count. May not refuse a write.
 */
#include "aws/budget.h"

#include <string.h>

#define HOUR (3600 * SEC)
#define MINUTE (60 * SEC)

static double capacity(const struct budget *budget)
{
	return (double)budget->limit / 4;
}

static void refill(struct budget *budget, mono_us now)
{
	double per_us = ((double)budget->limit - capacity(budget)) / (double)HOUR;

	budget->left += (double)(now - budget->filled) * per_us;
	if (budget->left > capacity(budget))
		budget->left = capacity(budget);
	budget->filled = now;
}

/* Empties the minutes that have passed since the newest one. */
static void turn(struct budget *budget, mono_us now)
{
	int64_t minute = now / MINUTE;

	if (minute - budget->minute >= BUDGET_MINUTES)
		memset(budget->minutes, 0, sizeof(budget->minutes));
	else
		while (budget->minute < minute)
			budget->minutes[++budget->minute % BUDGET_MINUTES] = 0;
	budget->minute = minute;
}

void budget_init(struct budget *budget, unsigned int limit, mono_us now)
{
	memset(budget, 0, sizeof(*budget));
	budget->limit = limit;
	budget->left = capacity(budget);
	budget->filled = now;
	budget->minute = now / MINUTE;
}

bool budget_allows(struct budget *budget, enum budget_need need, mono_us now)
{
	double reserve = need == BUDGET_QUIET ? capacity(budget) / 2 : 0.0;

	if (budget->limit == 0 || need == BUDGET_WRITE)
		return true;
	refill(budget, now);
	return budget->left >= reserve + 1.0;
}

void budget_spend(struct budget *budget, mono_us now)
{
	turn(budget, now);
	budget->minutes[budget->minute % BUDGET_MINUTES]++;
	if (budget->limit == 0)
		return;
	refill(budget, now);
	if (budget->left > -capacity(budget)) /* a debt that an hour can pay */
		budget->left -= 1.0;
}

unsigned int budget_hour(struct budget *budget, mono_us now)
{
	unsigned int sum = 0;

	turn(budget, now);
	for (unsigned int i = 0; i < BUDGET_MINUTES; i++)
		sum += budget->minutes[i];
	return sum;
}
