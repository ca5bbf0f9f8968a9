/* SPDX-License-Identifier: MIT */
/*
 * A configuration as text that reads back as the same configuration: for
 * zonevipd -t, for the status socket, and for the digest.
 */
#ifndef CONF_PRINT_H
#define CONF_PRINT_H

#include "agent/base/buf.h"
#include "conf/conf.h"

/*
 * The digest is of CONF_PRINT_CHANGED, so that a later version with one more
 * word, at its default, agrees with this one. Timers are in both: two hosts
 * that differ in what a profile means must see it.
 */
enum conf_print {
	CONF_PRINT_ALL,	    /* every value in force */
	CONF_PRINT_CHANGED, /* without what is at a fixed default */
};

#define CONF_PRINT_MAX (2UL * 1024 * 1024) /* more than any configuration takes */

/* Appends to @out. Returns 0, -ENOMEM or -EMSGSIZE. */
int conf_print(const struct conf *conf, enum conf_print which, struct buf *out);

#endif
