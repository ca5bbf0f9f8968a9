/* SPDX-License-Identifier: MIT */
#include "agent/base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *buf, size_t max)
{
	*buf = (struct buf){.max = max};
}

void buf_free(struct buf *buf)
{
	free(buf->data);
	buf_init(buf, buf->max);
}

void buf_clear(struct buf *buf)
{
	buf->length = 0;
	buf->overflow = false;
	if (buf->data)
		buf->data[0] = '\0';
}

static int reserve(struct buf *buf, size_t more)
{
	size_t room = buf->room ? buf->room : 256;
	char *data;

	if (more > buf->max - buf->length) {
		buf->overflow = true;
		return -EMSGSIZE;
	}
	while (room < buf->length + more + 1)
		room *= 2;
	if (room == buf->room)
		return 0;
	data = malloc(room); /* not realloc: what moves may be a secret, so wipe the old place */
	if (!data) {
		buf->overflow = true;
		return -ENOMEM;
	}
	if (buf->data) {
		memcpy(data, buf->data, buf->length + 1);
		explicit_bzero(buf->data, buf->room);
		free(buf->data);
	}
	buf->data = data;
	buf->room = room;
	return 0;
}

int buf_append(struct buf *buf, const void *data, size_t length)
{
	int ret = reserve(buf, length);

	if (ret < 0)
		return ret;
	memcpy(buf->data + buf->length, data, length);
	buf->length += length;
	buf->data[buf->length] = '\0';
	return 0;
}

int buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list args;
	int length;
	int ret;

	va_start(args, fmt);
	length = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (length < 0)
		return -EINVAL;
	ret = reserve(buf, (size_t)length);
	if (ret < 0)
		return ret;
	va_start(args, fmt);
	(void)vsnprintf(buf->data + buf->length, (size_t)length + 1, fmt, args);
	va_end(args);
	buf->length += (size_t)length;
	return 0;
}

void buf_wipe(struct buf *buf)
{
	if (buf->data)
		explicit_bzero(buf->data, buf->room);
	buf->length = 0;
}
