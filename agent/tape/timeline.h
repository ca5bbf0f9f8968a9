/* SPDX-License-Identifier: MIT */
/*
 * A tape in words: one line per thing that happened, repetitions left out.
 */
#ifndef AGENT_TAPE_TIMELINE_H
#define AGENT_TAPE_TIMELINE_H

#include <stdio.h>

#include "agent/tape/tape.h"

#define TIMELINE_KEYS 8192

struct timeline {
	FILE *out;
	bool all;      /* repetitions too */
	int64_t begun; /* wall clock of the first line, 0 = none yet */
	struct {
		uint32_t key;
		uint32_t said;
	} last[TIMELINE_KEYS]; /* what was last said of each thing */
};

void timeline_event(struct timeline *line, const struct tape *tape,
		    const struct tape_record *record);
void timeline_state(struct timeline *line, const struct tape *tape,
		    const struct tape_record *record, const char *note);
__attribute__((format(printf, 3, 4))) void timeline_say(struct timeline *line, int64_t wall_us,
							const char *fmt, ...);
/* Another run, or a gap: nothing said before is known to hold. */
void timeline_forget(struct timeline *line);

const char *timeline_instance(const struct tape *tape, unsigned int instance);

#endif
