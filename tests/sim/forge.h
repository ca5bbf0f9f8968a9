/* SPDX-License-Identifier: MIT */
/* Packets that no peer sealed for this node: every one must die in agent/wire.c. */
#ifndef TESTS_SIM_FORGE_H
#define TESTS_SIM_FORGE_H

#include "tests/sim/world.h"

struct forge;

struct forge *forge_open(void);
void forge_close(struct forge *forge);
/* Spoils one recorded packet in one of the ways there are; breaks the world when it is let in. */
void forge_packet(struct forge *forge, struct world *world, struct rng *rng);

#endif
