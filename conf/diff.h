/* SPDX-License-Identifier: MIT */
/*
 * What is other in one configuration than in another, word by word: for a
 * reload, which acts on it, and for people, who read it before.
 */
#ifndef CONF_DIFF_H
#define CONF_DIFF_H

#include "conf/conf.h"

struct conf_change {
	char sign;	   /* '-' was, '+' is now; a changed value is one of each */
	const char *block; /* "vip_instance", "aws" */
	const char *name;  /* of the block, "" = it has none */
	const char *item; /* "interval 0.7", "route_table rtb-1": words of inner blocks before it */
	const char *line; /* all of it, as one writes it in one line */
};

/* Strings are borrowed for the call. */
typedef void conf_change_fn(void *arg, const struct conf_change *change);

/*
 * First all that was, then all that is now, each in the order of its file. Values at their
 * defaults count like any others. Returns 0 or -ENOMEM.
 */
int conf_diff(const struct conf *from, const struct conf *to, conf_change_fn *fn, void *arg);

#endif
