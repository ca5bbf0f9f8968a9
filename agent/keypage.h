/* SPDX-License-Identifier: MIT */
/*
 * The heartbeat key's one place in memory: a page of its own between two that nobody may touch,
 * kept out of swap, of core files and of children, wiped before it is given back.
 */
#ifndef AGENT_KEYPAGE_H
#define AGENT_KEYPAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYPAGE_MAX 512 /* bytes of key */

struct keypage {
	uint8_t *bytes; /* NULL: closed */
	size_t length;
	void *area;
	size_t area_length;
	bool locked; /* cannot be swapped out */
};

/* Copies the key. 0, -EINVAL when it is too long, -ENOMEM. An unlocked page is no failure. */
int keypage_open(struct keypage *page, const uint8_t *key, size_t length);
/* Wiped and unmapped; twice is once. */
void keypage_close(struct keypage *page);

#endif
