/* SPDX-License-Identifier: MIT */
/*
 * What a script prints, line by line into our log: at most OUTPUT_BYTES_MAX
 * and OUTPUT_LINES_MAX of one run, the rest is counted.
 */
#ifndef AGENT_RUNNER_OUTPUT_H
#define AGENT_RUNNER_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#define OUTPUT_BYTES_MAX ((size_t)64 * 1024)
#define OUTPUT_LINES_MAX 100
#define OUTPUT_LINE_MAX 512 /* longer ones are cut into several */

struct output {
	const char *prefix; /* "(MasterDB) notify.sh[7]"; borrowed */
	char line[OUTPUT_LINE_MAX];
	size_t used;
	size_t taken; /* bytes looked at */
	uint64_t hidden_bytes;
	unsigned int lines;
	unsigned int hidden_lines;
	char last[128]; /* line that was not empty, while nothing is logged */
};

/* @prefix NULL: nothing is logged, the last line is kept. */
void output_open(struct output *output, const char *prefix);
void output_feed(struct output *output, const char *data, size_t length);
/* Says what is left: a last line without newline, and how much was not shown. */
void output_close(struct output *output);

#endif
