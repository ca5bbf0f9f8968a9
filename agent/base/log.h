/* SPDX-License-Identifier: MIT */
/*
 * One line per fact, for a person with grep and for a program with logfmt:
 *
 *   event=state instance=MasterDB from=BACKUP to=CLAIMING cause=disclaimed
 *
 * Lines go to stderr with sd-daemon's "<N>" prefix (under systemd), plain (in
 * a terminal), or to syslog. Every value of foreign origin passes through
 * here, and here control bytes are escaped. Thread-safe. Never blocks: a full
 * pipe loses the line and counts it. Secrets have no way in: no caller holds
 * one in a printable type.
 */
#ifndef AGENT_BASE_LOG_H
#define AGENT_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LV_ERROR = 3, LOG_LV_WARNING = 4, LOG_LV_INFO = 6, LOG_LV_DEBUG = 7 };
enum log_sink { LOG_TO_STDERR, LOG_TO_JOURNAL, LOG_TO_SYSLOG };

/* The terminal if asked for, else the journal if stderr leads there, else syslog. */
enum log_sink log_sink_of(bool console);

/* @ident borrowed for the life of the process. Messages above @max are dropped. */
void log_open(const char *ident, enum log_sink sink, enum log_level max);

/* Free text: "(MasterDB) Entering MASTER STATE", keepalived's words. */
__attribute__((format(printf, 2, 3))) void log_line(enum log_level level, const char *fmt, ...);

/* "event=NAME " and then the formatted key=value pairs. */
__attribute__((format(printf, 3, 4))) void log_event(enum log_level level, const char *name,
						     const char *fmt, ...);

/* Lines lost because the sink was full or gone. */
uint64_t log_lost(void);

/*
 * Says a repeating thing once, then at most once per @interval_s seconds with
 * the number of times it was held back. One static struct per call site.
 */
struct log_gate {
	int64_t next_us;
	unsigned int held;
};

/* True: print now; *@held is how many were swallowed since the last line. */
bool log_gate(struct log_gate *gate, unsigned int interval_s, unsigned int *held);

#endif
