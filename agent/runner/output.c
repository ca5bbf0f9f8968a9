/* SPDX-License-Identifier: MIT */
/*
 * A script's output on its way into the log (zonevip-notify(8): even a script
 * that prints a gigabyte). Keeps one line, never the whole. May not slow the
 * script down or end it: what is too much is read and thrown away.
 */
#include "agent/runner/output.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/log.h"

void output_open(struct output *output, const char *prefix)
{
	*output = (struct output){.prefix = prefix};
}

static void end_line(struct output *output)
{
	if (!output->prefix) {
		if (output->used > 0)
			(void)snprintf(output->last, sizeof(output->last), "%.*s",
				       (int)output->used, output->line);
	} else if (output->lines < OUTPUT_LINES_MAX) {
		output->lines++;
		log_line(LOG_LV_INFO, "%s: %.*s", output->prefix, (int)output->used, output->line);
	} else {
		output->hidden_lines++;
		output->hidden_bytes += output->used;
	}
	output->used = 0;
}

void output_feed(struct output *output, const char *data, size_t length)
{
	size_t room = OUTPUT_BYTES_MAX - output->taken;
	size_t wanted = length < room ? length : room;

	output->hidden_bytes += length - wanted;
	output->taken += wanted;
	for (size_t i = 0; i < wanted; i++) {
		if (data[i] == '\n') {
			end_line(output);
			continue;
		}
		/* A NUL would end the line early for whoever prints it. */
		output->line[output->used++] = (char)(data[i] ? data[i] : '?');
		if (output->used == sizeof(output->line))
			end_line(output);
	}
}

void output_close(struct output *output)
{
	if (output->used > 0)
		end_line(output);
	if (output->hidden_bytes > 0 && output->prefix)
		log_line(LOG_LV_WARNING, "%s: ... %" PRIu64 " more bytes not shown", output->prefix,
			 output->hidden_bytes);
}
