/* SPDX-License-Identifier: MIT */
/*
 * One sentence for an operator. The lowest function that knows what went
 * wrong fills it once; the top prints it once. Library code does not print.
 */
#ifndef AGENT_BASE_ERR_H
#define AGENT_BASE_ERR_H

#include <stdarg.h>
#include <stdio.h>

struct err {
	char text[512]; /* NUL-terminated, no newline; "" means no error */
};

/* Fills @err unless it is NULL or already holds a cause. Returns -1, so that
 * "return err_set(err, ...)" reads well. */
__attribute__((format(printf, 2, 3))) static inline int err_set(struct err *err, const char *fmt,
								...)
{
	va_list args;

	if (!err || err->text[0])
		return -1;
	va_start(args, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, args); /* a cut sentence still helps */
	va_end(args);
	return -1;
}

#endif
