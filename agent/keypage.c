/* SPDX-License-Identifier: MIT */
/*
 * See keypage.h. Whoever reads past a buffer meets a guard page and not the key; what the
 * kernel refuses of the extras (an old kernel, RLIMIT_MEMLOCK) weakens the page and does not stop
 * us.
 */
#define _GNU_SOURCE /* MADV_DONTDUMP, MADV_WIPEONFORK */
#include "agent/keypage.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int keypage_open(struct keypage *page, const uint8_t *key, size_t length)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *area;

	*page = (struct keypage){.bytes = NULL};
	if (length > KEYPAGE_MAX)
		return -EINVAL;
	area = mmap(NULL, 3 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		return -ENOMEM;
	if (mprotect(area + size, size, PROT_READ | PROT_WRITE) < 0) {
		(void)munmap(area, 3 * size);
		return -ENOMEM;
	}
	page->locked = mlock(area + size, size) == 0;
	(void)madvise(area + size, size, MADV_DONTDUMP);
	(void)madvise(area + size, size, MADV_WIPEONFORK);
	page->area = area;
	page->area_length = 3 * size;
	page->length = length;
	page->bytes = area + 2 * size - length; /* its end is the guard's beginning */
	memcpy(page->bytes, key, length);
	return 0;
}

void keypage_close(struct keypage *page)
{
	if (!page->bytes)
		return;
	explicit_bzero(page->bytes, page->length);
	(void)munmap(page->area, page->area_length);
	*page = (struct keypage){.bytes = NULL};
}
