/* SPDX-License-Identifier: MIT */
/* What the words of a scenario mean to a world: actions, claims, things counted. */
#ifndef TESTS_SIM_STORY_H
#define TESTS_SIM_STORY_H

#include "tests/sim/judge.h"

#define WORDS_MAX 16
#define NAME_BYTES 24

struct words {
	unsigned int count;
	const char *items[WORDS_MAX];
};

struct story {
	struct world_config config;
	unsigned int nodes;
	char names[WORLD_NODES][NAME_BYTES];
	bool timely;
};

enum story_part { STORY_ACTION, STORY_CLAIM, STORY_COUNTED };

void story_init(struct story *story);
/* Takes a line that describes the world; false when it does not. */
bool story_heading(struct story *story, const struct words *words);
/* The words make sense in that place. */
bool story_knows(const struct story *story, const struct words *words, enum story_part part);
void story_act(const struct story *story, struct world *world, const struct words *words);
bool story_holds(const struct story *story, struct world *world, const struct words *words);
double story_count(const struct story *story, const struct world *world, const struct judge *judge,
		   const struct words *words);

#endif
