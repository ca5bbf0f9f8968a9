/* SPDX-License-Identifier: MIT */
/*
 * The same core objects as the daemon's, fed with the same inputs at the same
 * times. After a gap the machine is not known: what was recorded is still
 * told, but not compared, until the next HEAD.
 */
#include "agent/tape/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/tape/timeline.h"

#define BYTES_MAX ((size_t)2 << 30)

struct replay {
	struct tape *tape; /* NULL before the first HEAD */
	bool known;	   /* the machine is what it was then */
	mono_us now;
	int64_t wall_us;
	uint64_t number; /* of the block before */
	struct actions out;
	unsigned int next; /* of out: transitions not yet met in the recording */
	struct tape_reader reader;
	struct timeline line;
	struct replay_summary *summary;
};

/* --- comparing ------------------------------------------------------------------------ */

static const struct action *next_transition(struct replay *replay)
{
	while (replay->next < replay->out.count &&
	       replay->out.items[replay->next].type != ACT_STATE)
		replay->next++;
	return replay->next < replay->out.count ? &replay->out.items[replay->next++] : NULL;
}

static void differs(struct replay *replay, const char *what, const struct action *act)
{
	replay->summary->differences++;
	replay->known = false;
	if (act)
		timeline_say(&replay->line, replay->wall_us,
			     "DIFFERS: %s; replayed: (%s) %s -> %s, %s", what,
			     timeline_instance(replay->tape, act->instance),
			     core_state_name(act->old_state), core_state_name(act->state),
			     core_reason_name(act->reason));
	else
		timeline_say(&replay->line, replay->wall_us, "DIFFERS: %s; replayed: nothing",
			     what);
}

/* What the replayed step asked for beyond what was recorded. */
static void finish_step(struct replay *replay)
{
	const struct action *act = replay->known ? next_transition(replay) : NULL;

	replay->out.count = replay->next = 0;
	if (act) {
		struct action copy = *act;

		differs(replay, "recorded: nothing", &copy);
	}
}

static void compare(struct replay *replay, const struct tape_record *record)
{
	const struct action *act = next_transition(replay);

	replay->summary->compared++;
	if (!act || act->instance != record->instance || act->old_state != record->old_state ||
	    act->state != record->state ||
	    strcmp(core_reason_name(act->reason), record->reason) != 0)
		differs(replay, "recorded as above", act);
}

/* --- records ------------------------------------------------------------------------------ */

static void take_event(struct replay *replay, const struct tape_record *record)
{
	finish_step(replay);
	replay->summary->events++;
	timeline_event(&replay->line, replay->tape, record);
	if (!replay->known)
		return;
	replay->now = record->at;
	core_step(&replay->tape->core, record->at, &record->ev, &replay->out);
}

static void take_record(struct replay *replay, const struct tape_record *record)
{
	replay->wall_us = record->wall_us;
	switch (record->kind) {
	case TAPE_EVENT:
		take_event(replay, record);
		break;
	case TAPE_STATE:
		replay->summary->transitions++;
		timeline_state(&replay->line, replay->tape, record,
			       replay->known ? "" : " (not compared)");
		if (replay->known)
			compare(replay, record);
		break;
	case TAPE_FOREIGN:
		finish_step(replay);
		replay->known = false;
		replay->summary->gaps++;
		timeline_say(&replay->line, record->wall_us,
			     "an event that this version does not know");
		break;
	}
}

static void lose(struct replay *replay, const char *why, uint64_t count, const char *unit)
{
	replay->known = false;
	replay->summary->gaps++;
	timeline_forget(&replay->line);
	if (replay->tape)
		timeline_say(&replay->line, replay->wall_us, "GAP: %s %" PRIu64 " %s", why, count,
			     unit);
}

/* --- blocks -------------------------------------------------------------------------------- */

static void introduce(struct replay *replay)
{
	const struct tape *tape = replay->tape;
	const struct core_config *config = &tape->core.config;

	replay->wall_us = tape->stamp.wall_us;
	switch (tape->stamp.cause) {
	case TAPE_STARTED:
		replay->summary->runs++;
		timeline_forget(&replay->line);
		timeline_say(&replay->line, tape->stamp.wall_us,
			     "--- %s starts on %s, cluster %s, %u nodes, %u instance%s",
			     tape->program, tape->nodes[config->self], tape->cluster,
			     config->node_count, config->instance_count,
			     config->instance_count == 1 ? "" : "s");
		break;
	case TAPE_AFTER_GAP:
		replay->summary->gaps++;
		timeline_say(&replay->line, tape->stamp.wall_us,
			     "GAP: the daemon could not write for a while");
		break;
	case TAPE_RELOADED:
		timeline_forget(&replay->line);
		timeline_say(&replay->line, tape->stamp.wall_us,
			     "--- another configuration: %u nodes, %u instance%s",
			     config->node_count, config->instance_count,
			     config->instance_count == 1 ? "" : "s");
		break;
	case TAPE_NEXT_FILE:
	case TAPE_CAUSES:
		break;
	}
	if (tape->foreign > 0 && tape->stamp.cause == TAPE_STARTED)
		timeline_say(&replay->line, tape->stamp.wall_us,
			     "--- %u words of %s are not known to this version", tape->foreign,
			     tape->program);
	if (!replay->known && tape->stamp.cause == TAPE_NEXT_FILE)
		timeline_say(&replay->line, tape->stamp.wall_us,
			     "--- goes on with the machine of %s as recorded here",
			     tape->nodes[config->self]);
}

static void take_head(struct replay *replay, const struct journal_block *block)
{
	struct err err = {.text = ""};
	struct tape *tape = tape_load(block->payload, block->length, &err);

	if (!tape) {
		lose(replay, err.text, block->length, "bytes of a HEAD not understood");
		return;
	}
	tape_free(replay->tape);
	replay->tape = tape;
	introduce(replay);
	replay->known = true;
	replay->now = tape->stamp.now;
	replay->out.count = replay->next = 0;
}

static void take_events(struct replay *replay, const struct journal_block *block)
{
	struct tape_record record;
	int ret;

	if (!replay->tape)
		return; /* of a file whose beginning is gone: nothing to read it by */
	ret = tape_open(&replay->reader, replay->tape, block->payload, block->length);
	while (ret >= 0 && (ret = tape_next(&replay->reader, &record)) > 0) {
		if (replay->known && record.at < replay->now) {
			ret = -1;
			break;
		}
		take_record(replay, &record);
	}
	finish_step(replay);
	if (ret < 0)
		lose(replay, "a block of events makes no sense:", block->length, "bytes");
}

static void take_block(struct replay *replay, const struct journal_block *block, int64_t skipped)
{
	if (skipped > 0) {
		replay->summary->skipped += (uint64_t)skipped;
		lose(replay, "damaged:", (uint64_t)skipped, "bytes skipped");
	} else if (replay->number != 0 && block->number != replay->number + 1) {
		lose(replay, "missing:", block->number - replay->number - 1, "blocks");
	}
	replay->number = block->number;
	if (block->kind == JOURNAL_HEAD)
		take_head(replay, block);
	else
		take_events(replay, block);
}

enum replay_result replay_bytes(const uint8_t *data, size_t size, bool all, FILE *out,
				struct replay_summary *summary, struct err *err)
{
	struct replay *replay = calloc(1, sizeof(*replay));
	struct journal_block block;
	size_t at = 0;
	int64_t skipped;

	*summary = (struct replay_summary){.runs = 0};
	if (!replay) {
		(void)err_set(err, "no memory");
		return REPLAY_NOTHING;
	}
	replay->line.out = out;
	replay->line.all = all;
	replay->summary = summary;
	while ((skipped = journal_next(data, size, &at, &block)) >= 0)
		take_block(replay, &block, skipped);
	summary->skipped += size - at; /* a torn end is how a crash looks: no gap */
	tape_free(replay->tape);
	free(replay);
	if (summary->events == 0) {
		(void)err_set(err, "there is nothing in it that this program can replay");
		return REPLAY_NOTHING;
	}
	return summary->differences ? REPLAY_DIFFERS : REPLAY_SAME;
}

/* --- files ---------------------------------------------------------------------------------- */

struct part {
	uint64_t number; /* of the first block */
	uint8_t *data;
	size_t size;
};

static int read_part(int dir, const char *name, struct part *part, struct err *err)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct journal_block block;
	struct stat st;
	size_t at = 0;
	ssize_t got = 1;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (size_t)st.st_size > BYTES_MAX) {
		(void)err_set(err, "%s: %s", name,
			      fd < 0 ? strerror(errno) : "not a file that can be read");
		goto fail;
	}
	part->data = malloc((size_t)st.st_size + 1);
	if (!part->data) {
		(void)err_set(err, "%s: no memory", name);
		goto fail;
	}
	while (got > 0 && part->size < (size_t)st.st_size) {
		got = read(fd, part->data + part->size, (size_t)st.st_size - part->size);
		part->size += got > 0 ? (size_t)got : 0;
	}
	(void)close(fd);
	if (journal_next(part->data, part->size, &at, &block) >= 0)
		part->number = block.number;
	return 0;
fail:
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

/* The ring's files, the oldest first; returns how many. */
static unsigned int read_ring(int dir, struct part parts[static JOURNAL_FILES])
{
	unsigned int count = 0;
	char name[JOURNAL_NAME_MAX];

	for (unsigned int i = 0; i < JOURNAL_FILES; i++) {
		struct part part = {.number = 0};
		unsigned int place = count;

		(void)snprintf(name, sizeof(name), "journal.%u", i);
		if (read_part(dir, name, &part, NULL) < 0)
			continue;
		for (; place > 0 && parts[place - 1].number > part.number; place--)
			parts[place] = parts[place - 1];
		parts[place] = part;
		count++;
	}
	return count;
}

static int join(struct part *parts, unsigned int count, struct part *all)
{
	size_t size = 0;

	for (unsigned int i = 0; i < count; i++)
		size += parts[i].size;
	all->data = malloc(size + 1);
	for (unsigned int i = 0; i < count; i++) {
		if (all->data && parts[i].size > 0)
			memcpy(all->data + all->size, parts[i].data, parts[i].size);
		all->size += parts[i].size;
		free(parts[i].data);
	}
	return all->data ? 0 : -1;
}

static int read_path(const char *path, struct part *all, struct err *err)
{
	struct part parts[JOURNAL_FILES];
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unsigned int count;

	if (dir < 0)
		return read_part(AT_FDCWD, path, all, err);
	count = read_ring(dir, parts);
	(void)close(dir);
	if (count == 0)
		return err_set(err, "%s: no journal in it", path);
	return join(parts, count, all) < 0 ? err_set(err, "%s: no memory", path) : 0;
}

static void sum_up(const struct replay_summary *summary, FILE *out)
{
	(void)fprintf(out,
		      "%" PRIu64 " run%s, %" PRIu64 " events, %" PRIu64 " transitions, %" PRIu64
		      " compared, %" PRIu64 " differ; %" PRIu64 " gap%s, %" PRIu64
		      " bytes not read\n",
		      summary->runs, summary->runs == 1 ? "" : "s", summary->events,
		      summary->transitions, summary->compared, summary->differences, summary->gaps,
		      summary->gaps == 1 ? "" : "s", summary->skipped);
}

enum replay_result replay_path(const char *path, bool all, FILE *out, struct err *err)
{
	struct part part = {.number = 0};
	struct replay_summary summary;
	enum replay_result result;

	if (read_path(path, &part, err) < 0)
		return REPLAY_NOTHING;
	result = replay_bytes(part.data, part.size, all, out, &summary, err);
	free(part.data);
	if (result != REPLAY_NOTHING)
		sum_up(&summary, out);
	return result;
}
