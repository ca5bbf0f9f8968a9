/* SPDX-License-Identifier: MIT */
/*
 * The state file: as it is, and with a checksum that fits, so that what is
 * behind it is reached. Oracle: what is believed is written back to the same
 * bytes, and times made those of another boot stay such that the core can
 * calculate with them.
 *
 * fuzz: agent/state.c agent/base/crc.c agent/base/buf.c
 * covers: agent/state.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/crc.h"
#include "agent/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct state state;

static void try(const char *text, size_t length)
{
	struct buf back;

	if (state_parse(text, length, &state, NULL) < 0)
		return;
	buf_init(&back, STATE_BYTES_MAX);
	if (state_format(&state, &back) < 0 || back.length != length ||
	    memcmp(back.data, text, length) != 0)
		abort();
	buf_free(&back);
	state_rebase(&state, "another", 5 * SEC, 1700000000 * SEC);
	for (unsigned int i = 0; i < state.count; i++)
		if (state.instances[i].frozen_until < 1 ||
		    state.instances[i].hold_until < MONO_LONG_AGO * 2 ||
		    state.instances[i].last_failure < MONO_LONG_AGO * 2)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[8192 + 64];

	if (size > 8192)
		return 0;
	memcpy(text, data, size);
	try(text, size);
	if (size > 0 && text[size - 1] != '\n')
		text[size++] = '\n';
	(void)snprintf(text + size, 64, "checksum=%08x\n", crc32_add(0, text, size));
	try(text, size + 18);
	return 0;
}
