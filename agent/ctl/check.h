/* SPDX-License-Identifier: MIT */
/*
 * The status judged as Nagios, Icinga and their like want it: one word, one
 * line, numbers behind a bar (monitoring-plugins.org, development guidelines).
 */
#ifndef AGENT_CTL_CHECK_H
#define AGENT_CTL_CHECK_H

#include <jansson.h>

#include "agent/ctl/text.h"

enum check_level { CHECK_OK, CHECK_WARNING, CHECK_CRITICAL, CHECK_UNKNOWN };

/*
 * @instance	only this one, NULL = all; a name that is not there is UNKNOWN.
 * @line	what holds, the worst first
 * @numbers	performance data
 */
enum check_level check_status(const json_t *status, const char *instance, struct text *line,
			      struct text *numbers);

const char *check_level_name(enum check_level level);

#endif
