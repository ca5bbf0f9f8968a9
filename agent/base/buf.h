/* SPDX-License-Identifier: MIT */
/*
 * A bounded growing buffer: for answers on the status socket, bodies of HTTP
 * answers and lines from pipes. It never grows past its cap and says so.
 */
#ifndef AGENT_BASE_BUF_H
#define AGENT_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;    /* NUL-terminated whenever not NULL; owned */
	size_t length; /* without the NUL */
	size_t room;   /* allocated */
	size_t max;    /* cap on length */
	bool overflow; /* something did not fit, or memory ran out */
};

/* No allocation until the first byte. */
void buf_init(struct buf *buf, size_t max);
void buf_free(struct buf *buf);
/* Empties it, keeps the memory, clears overflow. */
void buf_clear(struct buf *buf);
/* 0, or -EMSGSIZE / -ENOMEM with overflow set and nothing appended. */
int buf_append(struct buf *buf, const void *data, size_t length);
__attribute__((format(printf, 2, 3))) int buf_printf(struct buf *buf, const char *fmt, ...);
/* Zeroes the contents before they are freed or reused: for credentials. */
void buf_wipe(struct buf *buf);

#endif
