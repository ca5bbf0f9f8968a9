/* SPDX-License-Identifier: MIT */
/*
 * Do the three facts agree: where the alias is, where the routes point, whom
 * the record names?
 */
#ifndef AGENT_CTL_FACTS_H
#define AGENT_CTL_FACTS_H

#include <jansson.h>

#include "agent/ctl/text.h"

enum facts { FACTS_AGREE, FACTS_DIFFER, FACTS_UNKNOWN };

/*
 * @node is the node that answers. @why says what agrees, or each fact that
 * does not, or what is not known.
 */
enum facts facts_compare(const char *node, const json_t *instance, struct text *why);

#endif
