/* SPDX-License-Identifier: MIT */
/* Datagrams between nodes: lost, late, doubled, overtaking each other, recorded and replayed. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/world.h"

void net_init(struct world *world)
{
	world->packet_free = -1;
	for (unsigned int i = 0; i < WORLD_RECORDED; i++)
		world->recorded[i] = -1;
	for (unsigned int a = 0; a < WORLD_NODES; a++)
		for (unsigned int b = 0; b < WORLD_NODES; b++)
			world->links[a][b] =
				(struct link){.delay_min = 300 * USEC, .delay_max = 900 * USEC};
}

static int take_packet(struct world *world)
{
	int index = world->packet_free;

	if (index >= 0) {
		world->packet_free = world->packets[index].next;
		return index;
	}
	index = (int)world->packet_count++;
	world->packets = realloc(world->packets, world->packet_count * sizeof(*world->packets));
	if (!world->packets)
		abort();
	return index;
}

void net_free(struct world *world, int index)
{
	world->packets[index].next = world->packet_free;
	world->packet_free = index;
}

/* Only what is used of the instances: the rest of a hello is a kilobyte of nothing. */
void net_copy(struct hello *to, const struct hello *from)
{
	memcpy(to, from, offsetof(struct hello, instances));
	memcpy(to->instances, from->instances, from->count * sizeof(from->instances[0]));
}

static void fly(struct world *world, int index, mono_us delay)
{
	const struct packet *packet = &world->packets[index];

	queue_push(world, &(struct item){.at = world->now + delay,
					 .order = world_order(world),
					 .what = HAPPENS_PACKET,
					 .host = packet->to,
					 .boot = world->hosts[packet->to].boot,
					 .index = index});
}

void net_again(struct world *world, int index)
{
	fly(world, index, 1);
}

static int copy_packet(struct world *world, int from)
{
	int index = take_packet(world);

	world->packets[index].from = world->packets[from].from;
	world->packets[index].to = world->packets[from].to;
	world->packets[index].replayed = false;
	world->packets[index].born = world->packets[from].born;
	net_copy(&world->packets[index].hello, &world->packets[from].hello);
	return index;
}

static void record(struct world *world, int index)
{
	int *place = &world->recorded[rng_below(&world->rng, WORLD_RECORDED)];

	if (*place >= 0)
		net_free(world, *place);
	*place = copy_packet(world, index);
}

/* Two-state loss: good for a while, then nearly everything is lost for a while. */
static bool loses(struct world *world, struct link *link)
{
	if (link->cut || rng_chance(&world->rng, link->loss_permille))
		return true;
	if (!link->bursts)
		return false;
	if (rng_chance(&world->rng, link->lost ? 120 : 30))
		link->lost = !link->lost;
	return link->lost && rng_chance(&world->rng, 900);
}

static void launch(struct world *world, int index)
{
	const struct packet *packet = &world->packets[index];
	struct link *link = &world->links[packet->from][packet->to];

	if (world->record_permille && rng_chance(&world->rng, world->record_permille))
		record(world, index);
	if (loses(world, link)) {
		net_free(world, index);
		return;
	}
	if (rng_chance(&world->rng, link->twice_permille))
		fly(world, copy_packet(world, index),
		    rng_between(&world->rng, link->delay_min, link->delay_max));
	fly(world, index, rng_between(&world->rng, link->delay_min, link->delay_max));
}

void net_send(struct world *world, unsigned int host)
{
	struct host *from = &world->hosts[host];
	mono_us clock = world_clock(world, host);

	for (unsigned int to = 0; to < world->config.nodes; to++) {
		unsigned int first = 0;

		if (to == host)
			continue;
		while (first < world->config.instances) {
			int index = take_packet(world);

			world->packets[index].from = host;
			world->packets[index].to = to;
			world->packets[index].replayed = false;
			world->packets[index].born = world->now;
			first = core_hello(&from->core, clock, to, first,
					   &world->packets[index].hello);
			launch(world, index);
		}
	}
}

void world_replay(struct world *world)
{
	int index = world->recorded[rng_below(&world->rng, WORLD_RECORDED)];

	if (index < 0)
		return;
	index = copy_packet(world, index);
	world->packets[index].replayed = true;
	fly(world, index, rng_between(&world->rng, 100, 2000));
}

void world_cut(struct world *world, unsigned int a, unsigned int b, bool cut)
{
	world->links[a][b].cut = cut;
	world->links[b][a].cut = cut;
}
