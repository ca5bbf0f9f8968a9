/* SPDX-License-Identifier: MIT */
/*
 * PURE. Authentic is not the same as sane: lengths and every byte of the text
 * are checked, since it goes to the status page and to the reader of positions.
 */
#include "agent/position.h"

#include <endian.h>
#include <string.h>

#define KIND 1
#define HEADER 16

size_t position_write(const struct position *position, uint8_t note[static POSITION_MAX])
{
	size_t length = strnlen(position->executed, MYGTID_TEXT_MAX - 1);
	uint16_t track = htobe16(position->track);
	uint64_t term = htobe64(position->term);
	uint32_t lag = htobe32((uint32_t)position->lag_s);

	note[0] = KIND;
	note[1] = position->flags;
	memcpy(note + 2, &track, sizeof(track));
	memcpy(note + 4, &term, sizeof(term));
	memcpy(note + 12, &lag, sizeof(lag));
	memcpy(note + HEADER, position->executed, length);
	return HEADER + length;
}

bool position_read(const uint8_t *note, size_t length, struct position *position)
{
	uint16_t track;
	uint64_t term;
	uint32_t lag;

	if (length < HEADER || length >= HEADER + MYGTID_TEXT_MAX || note[0] != KIND)
		return false;
	for (size_t i = HEADER; i < length; i++)
		if (note[i] < 0x20 || note[i] > 0x7e)
			return false;
	memcpy(&track, note + 2, sizeof(track));
	memcpy(&term, note + 4, sizeof(term));
	memcpy(&lag, note + 12, sizeof(lag));
	*position = (struct position){.flags = note[1],
				      .track = be16toh(track),
				      .term = be64toh(term),
				      .lag_s = (int32_t)be32toh(lag)};
	memcpy(position->executed, note + HEADER, length - HEADER);
	return true;
}
