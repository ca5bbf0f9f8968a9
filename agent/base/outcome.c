/* SPDX-License-Identifier: MIT */
#include "agent/base/outcome.h"

static const char *const names[OUTCOME_COUNT] = {
	[OUTCOME_OK] = "ok",	       [OUTCOME_ABSENT] = "absent",
	[OUTCOME_EXISTS] = "exists",   [OUTCOME_THROTTLED] = "throttled",
	[OUTCOME_DENIED] = "denied",   [OUTCOME_REFUSED] = "refused",
	[OUTCOME_UNKNOWN] = "unknown", [OUTCOME_NOT_SENT] = "not_sent",
};

const char *outcome_name(enum outcome outcome)
{
	return (unsigned int)outcome < OUTCOME_COUNT ? names[outcome] : "invalid";
}
