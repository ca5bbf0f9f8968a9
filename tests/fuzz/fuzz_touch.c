/* SPDX-License-Identifier: MIT */
/*
 * The value of a touch parameter, which anybody with the right can edit. Oracle: what is believed
 * has been said, and says the same again when it is written out; what is not leaves nothing.
 *
 * fuzz: agent/touch.c
 * covers: agent/touch.c
 */
#include <stdlib.h>
#include <string.h>

#include "agent/touch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct touch touch, again;
	char text[4097], back[8192];

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (touch_parse(text, &touch) < 0) {
		if (touch.count)
			abort();
		return 0;
	}
	if (touch.count > CORE_INSTANCES_MAX || touch_format(&touch, back, sizeof(back)) < 0)
		abort();
	if (touch_parse(back, &again) < 0 || again.count != touch.count)
		abort();
	for (unsigned int i = 0; i < touch.count; i++)
		if (again.entries[i].id != touch.entries[i].id ||
		    again.entries[i].disclaims != touch.entries[i].disclaims ||
		    again.entries[i].term != touch.entries[i].term)
			abort();
	for (size_t room = 0; room <= strlen(back); room++) /* never past what it is given */
		if (touch_format(&touch, back + sizeof(back) - room - 1, room) == 0 && room > 0 &&
		    strlen(back + sizeof(back) - room - 1) >= room)
			abort();
	return 0;
}
