/* SPDX-License-Identifier: MIT */
/*
 * I6, the first half: what is not authentic does not get as far as the core.
 * The world's packets are plain data and have no bytes; here a recorded one is
 * sealed as the daemon would seal it, spoiled, and given to the daemon's own
 * reader. The second half, what is authentic but old, is world.c's.
 */
#include "tests/sim/forge.h"

#include <stdlib.h>
#include <string.h>

#include "agent/wire.h"

#define CLUSTER 77

struct forge {
	struct wire *sender, *stranger, *neighbour; /* our key; another's; another cluster's */
	struct wire *receivers[WORLD_NODES];
};

static struct wire *wire_with(uint8_t fill, uint32_t cluster, unsigned int node)
{
	uint8_t key[WIRE_KEY_MIN];
	struct wire *wire;
	struct err err;

	for (unsigned int i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(fill + i * 37);
	wire = wire_open_key(key, sizeof(key), cluster, world_node_id(node), &err);
	if (!wire)
		abort();
	return wire;
}

struct forge *forge_open(void)
{
	struct forge *forge = calloc(1, sizeof(*forge));

	if (!forge)
		abort();
	forge->sender = wire_with(1, CLUSTER, 0);
	forge->stranger = wire_with(2, CLUSTER, 0);
	forge->neighbour = wire_with(1, CLUSTER + 1, 0);
	for (unsigned int n = 0; n < WORLD_NODES; n++)
		forge->receivers[n] = wire_with(1, CLUSTER, n);
	return forge;
}

void forge_close(struct forge *forge)
{
	wire_close(forge->sender);
	wire_close(forge->stranger);
	wire_close(forge->neighbour);
	for (unsigned int n = 0; n < WORLD_NODES; n++)
		wire_close(forge->receivers[n]);
	free(forge);
}

enum spoil {
	SPOIL_BITS,
	SPOIL_CUT,
	SPOIL_LONGER,
	SPOIL_KEY,
	SPOIL_CLUSTER,
	SPOIL_ADDRESSEE,
	SPOILS
};

static int spoil(enum spoil how, uint8_t *bytes, int length, struct rng *rng)
{
	uint8_t bit;

	switch (how) {
	case SPOIL_BITS:
		bit = (uint8_t)(1U << rng_below(rng, 8)); /* two draws, one order */
		bytes[rng_below(rng, length)] ^= bit;
		break;
	case SPOIL_CUT:
		length = (int)rng_below(rng, length);
		break;
	case SPOIL_LONGER:
		bytes[length] = (uint8_t)rng_next(rng);
		length++;
		break;
	case SPOIL_KEY:
	case SPOIL_CLUSTER:
	case SPOIL_ADDRESSEE:
	case SPOILS:
		break;
	}
	return length;
}

void forge_packet(struct forge *forge, struct world *world, struct rng *rng)
{
	int index = world->recorded[rng_below(rng, WORLD_RECORDED)];
	enum spoil how = (enum spoil)rng_below(rng, SPOILS);
	struct wire *wire = how == SPOIL_KEY	   ? forge->stranger
			    : how == SPOIL_CLUSTER ? forge->neighbour
						   : forge->sender;
	uint8_t bytes[WIRE_MAX + 1];
	unsigned int to;
	int length;

	if (index < 0)
		return;
	net_copy(&world->hello, &world->packets[index].hello);
	to = world->packets[index].to;
	length = wire_encode(wire, &world->hello, bytes);
	if (length < 0)
		abort();
	length = spoil(how, bytes, length, rng);
	if (how == SPOIL_ADDRESSEE)
		to = (to + 1) % WORLD_NODES;
	if (wire_decode(forge->receivers[to], bytes, (size_t)length, &world->hello) == WIRE_OK)
		world->broken = "I6 a forged packet was let in";
}
