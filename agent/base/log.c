/* SPDX-License-Identifier: MIT */
#include "agent/base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "agent/base/mono.h"

#define LINE_MAX_BYTES 1024

static struct {
	const char *ident;
	enum log_sink sink;
	enum log_level max;
} sink = {.ident = "zonevip", .sink = LOG_TO_STDERR, .max = LOG_LV_INFO};

static atomic_uint_fast64_t lost;

enum log_sink log_sink_of(bool console)
{
	if (console)
		return LOG_TO_STDERR;
	return getenv("JOURNAL_STREAM") ? LOG_TO_JOURNAL : LOG_TO_SYSLOG;
}

void log_open(const char *ident, enum log_sink to, enum log_level max)
{
	sink.ident = ident;
	sink.sink = to;
	sink.max = max;
	if (to == LOG_TO_SYSLOG)
		openlog(ident, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

uint64_t log_lost(void)
{
	return atomic_load(&lost);
}

/* Control bytes from a peer, a server or a file must not forge lines or move
 * the cursor of whoever reads them. */
static void escape(char *line)
{
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
}

static void emit(enum log_level level, char *line)
{
	char out[LINE_MAX_BYTES + 32];
	struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};
	int length;

	escape(line);
	if (sink.sink == LOG_TO_SYSLOG) {
		syslog((int)level, "%s", line);
		return;
	}
	if (sink.sink == LOG_TO_JOURNAL)
		length = snprintf(out, sizeof(out), "<%d>%s\n", (int)level, line);
	else
		length = snprintf(out, sizeof(out), "%s: %s\n", sink.ident, line);
	/* One write, only when there is room: stderr may be a pipe nobody reads.
	 * A line is shorter than PIPE_BUF, so "writable" means "all of it". */
	if (poll(&fd, 1, 0) != 1 || !(fd.revents & POLLOUT) ||
	    write(STDERR_FILENO, out, (size_t)length) != length)
		atomic_fetch_add(&lost, 1);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	int saved = errno;
	va_list args;

	if (level > sink.max)
		return;
	va_start(args, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, args); /* a cut line is better than none */
	va_end(args);
	emit(level, line);
	errno = saved;
}

void log_event(enum log_level level, const char *name, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	int saved = errno;
	va_list args;
	int used;

	if (level > sink.max)
		return;
	used = snprintf(line, sizeof(line), "event=%s ", name);
	va_start(args, fmt);
	(void)vsnprintf(line + used, sizeof(line) - (size_t)used, fmt, args);
	va_end(args);
	emit(level, line);
	errno = saved;
}

bool log_gate(struct log_gate *gate, unsigned int interval_s, unsigned int *held)
{
	mono_us now = mono_now();

	if (now < gate->next_us) {
		gate->held++;
		return false;
	}
	*held = gate->held;
	gate->held = 0;
	gate->next_us = now + interval_s * SEC;
	return true;
}
