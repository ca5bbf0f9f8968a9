/* SPDX-License-Identifier: MIT */
/*
 * keepalived's rise and fall, with two results more: proof of death needs no
 * counting, and a check that could not ask proves nothing, so it neither
 * brings a MASTER down nor makes a BACKUP fit.
 */
#include "agent/core/health.h"

void health_init(struct health *health, unsigned int rise, unsigned int fall)
{
	*health = (struct health){.rise = rise, .fall = fall};
}

static void become(struct health *health, enum health_state state)
{
	health->state = state;
	health->run = 0;
	if (state == HEALTH_UP || state == HEALTH_DOWN)
		health->proven = state;
}

void health_count(struct health *health, enum health_result result)
{
	switch (result) {
	case HEALTH_RESULT_GOOD:
		if (health->state == HEALTH_UP)
			health->run = 0;
		else if (health->state != HEALTH_DOWN || ++health->run >= health->rise)
			become(health, HEALTH_UP);
		break;
	case HEALTH_RESULT_BAD:
		if (health->state == HEALTH_DOWN)
			health->run = 0;
		else if (health->state == HEALTH_NONE || ++health->run >= health->fall)
			become(health, HEALTH_DOWN);
		break;
	case HEALTH_RESULT_DEAD:
		become(health, HEALTH_DOWN);
		break;
	case HEALTH_RESULT_NO_ANSWER:
		if (health->state == HEALTH_DOWN)
			health->run = 0; /* it was proven down; this proves nothing */
		else
			become(health, HEALTH_UNKNOWN);
		break;
	}
}

const char *health_state_name(enum health_state state)
{
	static const char *const names[] = {"none", "up", "down", "unknown"};

	return names[state];
}
