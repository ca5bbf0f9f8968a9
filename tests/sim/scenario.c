/* SPDX-License-Identifier: MIT */
/*
 * Reads and runs *.scn: one statement a line, words between blanks, '#' to the
 * end of the line is a remark, times in seconds. tests/sim/README.md has the
 * grammar with an example; in short:
 *
 *   nodes NAME[=PRIORITY]...   profile safe|fast|wan   tables N   instances N
 *   isolation hold|fence       duties [gate] [promote] [fence] [release]
 *   setting WORD               seeds FIRST LAST        end T
 *   at T ACTION                at T expect CLAIM
 *   from T to T always CLAIM   from T to T sometime CLAIM   never CLAIM
 *   from T to T at most|at least N COUNTED
 *
 * Claims and actions are in story.c. Every seed from FIRST to LAST is one run
 * with other chances; the invariants of judge.c hold in all of them besides.
 * This file may not know what a word means to the world.
 */
#include "tests/sim/scenario.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/story.h"

#define LINES_MAX 200
#define LINE_BYTES 256
#define END_OF_WINDOW 0x10000

enum kind { KIND_ACT, KIND_EXPECT, KIND_ALWAYS, KIND_SOMETIME, KIND_COUNT };

struct statement {
	enum kind kind;
	unsigned int line;
	mono_us from, to;
	struct words words;
	char text[LINE_BYTES];
	bool most;
	double limit;
	/* of one run */
	bool seen;
	double counted;
};

struct scenario {
	const char *file;
	struct story story;
	unsigned int count;
	struct statement lines[LINES_MAX];
	uint64_t first, last;
	mono_us end;
	bool failed;
};

/* --- reading ------------------------------------------------------------------------- */

static void complain(struct scenario *scenario, unsigned int line, const char *what)
{
	(void)printf("%s:%u: %s\n", scenario->file, line, what);
	scenario->failed = true;
}

static void split(char *text, struct words *words)
{
	char *rest = NULL;

	text[strcspn(text, "#\n")] = '\0';
	words->count = 0;
	for (char *word = strtok_r(text, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest))
		if (words->count < WORDS_MAX)
			words->items[words->count++] = word;
}

static bool seconds(const char *word, mono_us *time)
{
	char *rest = NULL;
	double value = word ? strtod(word, &rest) : -1;

	if (!word || *rest != '\0' || value < 0 || value > 1e6)
		return false;
	*time = (mono_us)(value * 1e6 + 0.5);
	return true;
}

static bool is(const struct words *words, unsigned int at, const char *word)
{
	return at < words->count && strcmp(words->items[at], word) == 0;
}

static void drop_words(struct words *words, unsigned int count)
{
	words->count -= count;
	memmove(words->items, words->items + count, words->count * sizeof(words->items[0]));
}

/* "at T ACTION", "at T expect CLAIM" */
static bool read_at(struct statement *st)
{
	if (st->words.count < 3 || !seconds(st->words.items[1], &st->from))
		return false;
	st->to = st->from;
	st->kind = is(&st->words, 2, "expect") ? KIND_EXPECT : KIND_ACT;
	drop_words(&st->words, st->kind == KIND_EXPECT ? 3 : 2);
	return true;
}

/* "from T to T always|sometime CLAIM", "from T to T at most|least N COUNTED" */
static bool read_from(struct statement *st)
{
	struct words *words = &st->words;

	if (words->count < 6 || !seconds(words->items[1], &st->from) || !is(words, 2, "to") ||
	    !seconds(words->items[3], &st->to) || st->to < st->from)
		return false;
	if (is(words, 4, "at") && words->count > 7) {
		st->kind = KIND_COUNT;
		st->most = is(words, 5, "most");
		st->limit = strtod(words->items[6], NULL);
		drop_words(words, 7);
		return true;
	}
	st->kind = is(words, 4, "always") ? KIND_ALWAYS : KIND_SOMETIME;
	if (st->kind == KIND_SOMETIME && !is(words, 4, "sometime"))
		return false;
	drop_words(words, 5);
	return true;
}

/* "never CLAIM" is "always not CLAIM", all the time. */
static bool read_never(struct statement *st)
{
	st->kind = KIND_ALWAYS;
	st->from = 0;
	st->to = MONO_NEVER;
	st->words.items[0] = "not";
	return st->words.count > 1;
}

static bool read_heading(struct scenario *scenario, const struct words *words)
{
	if (is(words, 0, "end"))
		return words->count == 2 && seconds(words->items[1], &scenario->end);
	if (is(words, 0, "seeds") && words->count == 3) {
		scenario->first = strtoull(words->items[1], NULL, 0);
		scenario->last = strtoull(words->items[2], NULL, 0);
		return scenario->last >= scenario->first;
	}
	return story_heading(&scenario->story, words);
}

static void read_line(struct scenario *scenario, unsigned int number, const char *text)
{
	struct statement *st = &scenario->lines[scenario->count];
	bool good;

	if (scenario->count == LINES_MAX) {
		complain(scenario, number, "too many lines");
		return;
	}
	*st = (struct statement){.line = number};
	(void)snprintf(st->text, sizeof(st->text), "%s", text);
	split(st->text, &st->words);
	if (st->words.count == 0)
		return;
	if (is(&st->words, 0, "at"))
		good = read_at(st);
	else if (is(&st->words, 0, "from"))
		good = read_from(st);
	else if (is(&st->words, 0, "never"))
		good = read_never(st);
	else {
		if (!read_heading(scenario, &st->words))
			complain(scenario, number, "unknown word, or not its arguments");
		return;
	}
	scenario->count++;
	if (!good || !story_knows(&scenario->story, &st->words,
				  st->kind == KIND_ACT	   ? STORY_ACTION
				  : st->kind == KIND_COUNT ? STORY_COUNTED
							   : STORY_CLAIM))
		complain(scenario, number, "not understood");
}

static bool read_file(struct scenario *scenario)
{
	FILE *from = fopen(scenario->file, "r");
	char text[LINE_BYTES];

	if (!from) {
		perror(scenario->file);
		return false;
	}
	for (unsigned int number = 1; fgets(text, sizeof(text), from); number++)
		read_line(scenario, number, text);
	(void)fclose(from);
	if (scenario->story.nodes < 2)
		complain(scenario, 0, "no nodes");
	if (scenario->end == 0)
		complain(scenario, 0, "no end");
	return !scenario->failed;
}

/* --- running --------------------------------------------------------------------------- */

struct run {
	struct scenario *scenario;
	struct judge judge;
	struct world *world;
	bool silent;
};

static void deny(struct run *run, const struct statement *st, const char *what)
{
	(void)printf("%s:%u: t=%.3f: %s\n", run->scenario->file, st->line,
		     mono_seconds(run->world->now), what);
	run->world->broken = "a scenario's sentence does not hold";
}

static bool holds(struct run *run, const struct statement *st)
{
	return story_holds(&run->scenario->story, run->world, &st->words);
}

static void open_or_close(struct run *run, struct statement *st, bool close)
{
	double now;

	if (st->kind == KIND_SOMETIME && close && !st->seen && !holds(run, st))
		deny(run, st, "has not come true in its time");
	if (st->kind != KIND_COUNT)
		return;
	judge_close(run->world, &run->judge);
	now = story_count(&run->scenario->story, run->world, &run->judge, &st->words);
	if (!close) {
		st->counted = now;
		return;
	}
	now -= st->counted;
	if (st->most ? now > st->limit : now < st->limit) {
		(void)printf("%s:%u: counted %g\n", run->scenario->file, st->line, now);
		deny(run, st, "more or less than that");
	}
}

static void script(struct world *world, int index, void *arg)
{
	struct run *run = arg;
	struct statement *st = &run->scenario->lines[index & (END_OF_WINDOW - 1)];

	if (st->kind == KIND_ACT)
		story_act(&run->scenario->story, world, &st->words);
	else if (st->kind == KIND_EXPECT && !holds(run, st))
		deny(run, st, "is not so");
	else
		open_or_close(run, st, index & END_OF_WINDOW);
}

static const char *look(struct world *world, void *arg)
{
	struct run *run = arg;

	for (unsigned int k = 0; k < run->scenario->count && !world->broken; k++) {
		struct statement *st = &run->scenario->lines[k];

		if (world->now < st->from || world->now > st->to)
			continue;
		if (st->kind == KIND_SOMETIME)
			st->seen = st->seen || holds(run, st);
		else if (st->kind == KIND_ALWAYS && !holds(run, st))
			deny(run, st, "is not so all the time");
	}
	return world->broken ? world->broken : judge_look(world, &run->judge);
}

static const char *witness(struct world *world, unsigned int host, const struct event *ev,
			   const struct actions *out, void *arg)
{
	struct run *run = arg;

	return judge_step(world, &run->judge, host, ev, out);
}

static void schedule(struct run *run)
{
	for (unsigned int k = 0; k < run->scenario->count; k++) {
		struct statement *st = &run->scenario->lines[k];

		st->seen = false;
		world_at(run->world, st->from, (int)k);
		if (st->to != st->from && st->to != MONO_NEVER)
			world_at(run->world, st->to, (int)k | END_OF_WINDOW);
	}
}

static bool run_seed(struct scenario *scenario, const struct sim_options *options, uint64_t seed)
{
	struct run *run = calloc(1, sizeof(*run));
	struct world_config config = scenario->story.config;
	bool held;

	if (!run)
		abort();
	config.seed = seed;
	config.wall = options->wall;
	run->scenario = scenario;
	judge_init(&run->judge);
	run->judge.timely = scenario->story.timely;
	run->world = world_new(&config);
	run->world->judge = look;
	run->world->witness = witness;
	run->world->script = script;
	run->world->arg = run;
	run->world->record_permille = 20;
	run->world->tells_evidence = true;
	run->world->log = options->verbose ? stdout : NULL;
	schedule(run);
	world_run(run->world, scenario->end);
	held = !run->world->broken;
	if (!held) {
		(void)printf("SIMFAIL scenario=%s seed=%llu t=%.6fs ev=%llu %s\n", scenario->file,
			     (unsigned long long)seed, mono_seconds(run->world->now),
			     (unsigned long long)run->world->events, run->world->broken);
		if (options->trace) {
			trace_nodes(run->world, stdout);
			trace_print(run->world, stdout, options->trace);
		}
	}
	world_free(run->world);
	free(run);
	return held;
}

static bool run_file(const struct sim_options *options, const char *file)
{
	struct scenario *scenario = calloc(1, sizeof(*scenario));
	bool held;

	if (!scenario)
		abort();
	scenario->file = file;
	scenario->first = 1;
	scenario->last = 10;
	story_init(&scenario->story);
	held = read_file(scenario);
	for (uint64_t seed = scenario->first; held && seed <= scenario->last; seed++)
		held = run_seed(scenario, options, seed);
	free(scenario);
	return held;
}

int scenario_run_all(const struct sim_options *options, char **files, int count)
{
	int failed = 0;

	for (int k = 0; k < count; k++)
		failed += !run_file(options, files[k]);
	(void)printf("%d scenarios, %d failed\n", count, failed);
	return failed > 0 || count == 0;
}
