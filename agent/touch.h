/* SPDX-License-Identifier: MIT */
/*
 * The value of a touch parameter as text: one word per instance, its id in
 * four hex digits, 'm' for "acts on" or 'd' for "disclaims up to", the term:
 *
 *   5f3a:m17 9b01:d9
 *
 * An idle node's value is "-", since a parameter cannot be empty.
 */
#ifndef AGENT_TOUCH_H
#define AGENT_TOUCH_H

#include <stddef.h>

#include "agent/core/core.h"

/* Returns 0, or -EMSGSIZE when @size is too small. */
int touch_format(const struct touch *touch, char *text, size_t size);
/* Returns 0, or -EINVAL with @touch empty: words that are not ours mean nothing. */
int touch_parse(const char *text, struct touch *touch);

#endif
