/* SPDX-License-Identifier: MIT */
/* A binary heap by (time, order). Order is unique, so a run has one order only. */
#include <stdlib.h>

#include "tests/sim/world.h"

static bool earlier(const struct item *a, const struct item *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void queue_push(struct world *world, const struct item *item)
{
	unsigned int i = world->heap_count++;

	if (world->heap_count > world->heap_size) {
		world->heap_size = world->heap_size ? 2 * world->heap_size : 1024;
		world->heap = realloc(world->heap, world->heap_size * sizeof(*world->heap));
		if (!world->heap)
			abort();
	}
	if (world->heap_count > world->heap_max)
		world->heap_max = world->heap_count;
	while (i > 0 && earlier(item, &world->heap[(i - 1) / 2])) {
		world->heap[i] = world->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	world->heap[i] = *item;
}

bool queue_pop(struct world *world, struct item *item)
{
	struct item last;
	unsigned int i = 0;

	if (world->heap_count == 0)
		return false;
	*item = world->heap[0];
	last = world->heap[--world->heap_count];
	for (;;) {
		unsigned int child = 2 * i + 1;

		if (child >= world->heap_count)
			break;
		if (child + 1 < world->heap_count &&
		    earlier(&world->heap[child + 1], &world->heap[child]))
			child++;
		if (!earlier(&world->heap[child], &last))
			break;
		world->heap[i] = world->heap[child];
		i = child;
	}
	world->heap[i] = last;
	return true;
}
