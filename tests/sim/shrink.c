/* SPDX-License-Identifier: MIT */
/*
 * A failing seed's story, made short. A change is kept when the same invariant
 * still breaks (the word before the first blank), whatever else has changed:
 *
 *   1. fault families are left out, one after the other;
 *   2. the faults end earlier: halving, then by eighths;
 *   3. of the strikes ever smaller shares are left out, in the end single ones
 *      (Zeller's ddmin), until no more can be.
 *
 * Each strike has its own chances (swarm.c), so what is left out changes
 * nothing but itself and what follows from it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

struct story {
	struct sim_options options;
	uint64_t seed;
	char broken[128];
	double until;
	struct sim_end end;
	unsigned int runs;
	struct pick picks[SWARM_PICKS]; /* those still needed */
	unsigned int pick_count;
};

static size_t word_of(const char *sentence)
{
	return strcspn(sentence, " ");
}

/* True, and kept, when the story still ends that way. */
static bool try(struct story *story, const struct sim_options *options)
{
	struct sim_end end;
	size_t word = word_of(story->broken);

	if (sim_spent() > story->until)
		return false;
	story->runs++;
	end = sim_run(options, story->seed, NULL);
	if (!end.broken || word_of(end.broken) != word ||
	    memcmp(end.broken, story->broken, word) != 0)
		return false;
	story->options = *options;
	story->end = end;
	return true;
}

static void fewer_families(struct story *story)
{
	for (unsigned int f = 0; f < FAMILIES; f++) {
		struct sim_options options = story->options;

		options.without |= 1ULL << f;
		if (story->end.families & 1ULL << f)
			(void)try(story, &options);
	}
}

static void shorter(struct story *story)
{
	for (unsigned int part = 4; part <= 7;) {
		struct sim_options options = story->options;
		mono_us heal = story->end.heal_at * part / 8 / SEC * SEC;

		options.heal = heal;
		if (heal < SEC || !try(story, &options))
			part++;
	}
}

/* Without the picks from @first to before @end. */
static bool try_without(struct story *story, unsigned int first, unsigned int end)
{
	static struct pick fewer[SWARM_PICKS];
	struct sim_options options = story->options;
	unsigned int left = story->pick_count - (end - first);

	if (left == 0)
		return false;
	memcpy(fewer, story->picks, first * sizeof(fewer[0]));
	memcpy(fewer + first, story->picks + end, (story->pick_count - end) * sizeof(fewer[0]));
	options.picks = fewer;
	options.pick_count = left;
	if (!try(story, &options))
		return false;
	memcpy(story->picks, fewer, left * sizeof(fewer[0]));
	story->pick_count = left;
	story->options.picks = story->picks;
	return true;
}

static void all_strikes(struct story *story)
{
	for (unsigned int f = 0; f < FAMILIES; f++)
		for (unsigned int c = 1; c <= story->end.strikes[f]; c++)
			if (story->end.families & 1ULL << f && story->pick_count < SWARM_PICKS)
				story->picks[story->pick_count++] =
					(struct pick){.family = (enum family)f, .count = c};
}

static void fewer_strikes(struct story *story)
{
	unsigned int share = story->pick_count / 2;

	while (share > 0) {
		bool better = false;

		for (unsigned int end = story->pick_count; end > 0;) {
			unsigned int first = end > share ? end - share : 0;

			better |= try_without(story, first, end);
			end = first;
		}
		if (!better || share > story->pick_count / 2)
			share = better ? story->pick_count / 2 : share / 2;
	}
}

static void write_story(const struct story *story, const char *path)
{
	char words[SIM_WORDS];
	FILE *to = fopen(path, "w");

	if (!to) {
		perror(path);
		return;
	}
	sim_words(&story->options, words);
	(void)fprintf(
		to, "# %s\n# commit %s, t=%.3fs after %u runs of shrinking\n0x%016" PRIx64 " %s\n",
		story->end.broken, story->options.commit, mono_seconds(story->end.at), story->runs,
		story->seed, words);
	(void)fclose(to);
	(void)printf("shrunk in %u runs: 0x%016" PRIx64 " %s\n  %s, t=%.3fs: %s\n", story->runs,
		     story->seed, words, story->end.broken, mono_seconds(story->end.at), path);
}

void shrink(const struct sim_options *options, uint64_t seed, double seconds, const char *path)
{
	struct story *story = calloc(1, sizeof(*story));

	if (!story)
		abort();
	story->options = *options;
	story->options.silent = true;
	story->options.verbose = false;
	story->options.trace = 0;
	story->options.twin = 0;
	story->seed = seed;
	story->until = sim_spent() + seconds;
	story->end = sim_run(&story->options, seed, NULL);
	if (!story->end.broken) {
		(void)printf("0x%016" PRIx64 " does not fail by itself: nothing to shrink\n", seed);
		free(story);
		return;
	}
	(void)snprintf(story->broken, sizeof(story->broken), "%s", story->end.broken);
	fewer_families(story);
	shorter(story);
	all_strikes(story);
	fewer_strikes(story);
	shorter(story);
	write_story(story, path);
	free(story);
}
