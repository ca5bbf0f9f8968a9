/* SPDX-License-Identifier: MIT */
/*
 * The state: what core_save() says of each instance is compared after every
 * step with what was written last. The journal: records gather in a buffer
 * that goes to the keeper about once a second, and at once when a state
 * changes; so a kill -9 loses less than a second, and a quiet agent wakes the
 * keeper once a second and not for each heartbeat.
 */
#include "config.h"

#include "agent/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/base/log.h"
#include "agent/state.h"
#include "agent/statedir.h"
#include "agent/tape/tape.h"

#define FLUSH_PERIOD (900 * MSEC) /* looked at with each step, some 20 a second */
#define FLUSH_BYTES ((size_t)32 * 1024)
#define HEAD_PAUSE (5 * SEC) /* between two tries to go on after a gap */

struct memory {
	struct agent *agent;
	struct keeper *keeper; /* NULL: no state directory */
	char directory[PATH_MAX];
	char boot[STATE_BOOT_MAX];

	char (*kept)[CONF_NAME_MAX];	   /* the instances in the file */
	unsigned int count;		   /* of them */
	struct core_saved *saved;	   /* what it says */
	char (*reasons)[AGENT_REASON_MAX]; /* likewise */
	struct state state;

	bool journals;
	const char **names;
	enum keeper_need need;
	mono_us head_at; /* of the last HEAD */
	mono_us begun;	 /* of the block that is being filled */
	struct tape_block block;
	struct buf pending;
};

static int64_t wall_clock(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* for people, and across a reboot */
	return (int64_t)now.tv_sec * SEC + now.tv_nsec / 1000;
}

static void read_boot(char boot[static STATE_BOOT_MAX])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!file || !fgets(boot, STATE_BOOT_MAX, file))
		(void)snprintf(boot, STATE_BOOT_MAX, STATE_BOOT_UNKNOWN);
	boot[strcspn(boot, "\n")] = '\0';
	if (file)
		(void)fclose(file);
}

/* --- reading the state ---------------------------------------------------------------- */

static int node_by_name(const struct conf *conf, const char *name)
{
	for (unsigned int n = 0; n < conf->node_count; n++)
		if (strcmp(conf->nodes[n].name, name) == 0)
			return (int)n;
	return OWNER_NOBODY;
}

static void restore(struct memory *memory, unsigned int i, const struct state_instance *from)
{
	struct agent *agent = memory->agent;
	const struct core_saved saved = {
		.life = from->life,
		.version = from->version,
		.owner = node_by_name(agent->conf, from->owner),
		.disclaimed = from->disclaimed,
		.standby = from->standby,
		.frozen = from->frozen,
		.frozen_until = from->frozen_until,
		.hold_until = from->hold_until,
		.last_failure = from->last_failure,
		.failures = from->failures,
	};

	core_restore(&agent->core, i, &saved);
	(void)snprintf(agent->extra[i].reason, sizeof(agent->extra[i].reason), "%s", from->reason);
	log_event(LOG_LV_INFO, "restored",
		  "instance=%s version=%llu disclaimed=%llu standby=%s maintenance=%s",
		  agent->conf->instances[i].name, (unsigned long long)from->version,
		  (unsigned long long)from->disclaimed, from->standby ? "on" : "off",
		  from->frozen ? "on" : "off");
}

static int parse(struct memory *memory, const struct buf *text, struct err *err)
{
	const struct conf *conf = memory->agent->conf;
	struct state *state = &memory->state;

	if (state_parse(text->data, text->length, state, err) < 0)
		return -1;
	if (strcmp(state->cluster, conf->cluster) != 0 ||
	    strcmp(state->node, conf->nodes[conf->self].name) != 0)
		return err_set(err, "is of node %s in cluster %s", state->node, state->cluster);
	state_rebase(state, memory->boot, memory->agent->started, wall_clock());
	return 0;
}

static void load(struct memory *memory, int dir)
{
	const struct conf *conf = memory->agent->conf;
	struct err err = {.text = ""};
	struct buf text;
	int ret;

	buf_init(&text, STATE_BYTES_MAX);
	ret = statedir_read(dir, STATE_FILE, &text);
	if (ret == -ENOENT)
		goto out; /* the first start */
	if (ret < 0)
		(void)err_set(&err, "%s",
			      ret == -EPERM ? "is not a plain file of ours" : strerror(-ret));
	else if (text.length == 0 || parse(memory, &text, &err) < 0)
		(void)err_set(&err, "is empty");
	if (err.text[0]) {
		log_event(LOG_LV_WARNING, "state_ignored", "file=%s/%s problem=\"%s\"",
			  memory->directory, STATE_FILE, err.text);
		goto out;
	}
	for (unsigned int i = 0; i < conf->instance_count; i++) {
		const struct state_instance *from =
			state_find(&memory->state, conf->instances[i].name);

		if (from)
			restore(memory, i, from);
	}
out:
	buf_free(&text);
}

/* --- writing it ------------------------------------------------------------------------- */

static void fill(const struct memory *memory, unsigned int i, struct state_instance *to)
{
	const struct conf *conf = memory->agent->conf;
	const struct core_saved *saved = &memory->saved[i];

	*to = (struct state_instance){
		.life = saved->life,
		.version = saved->version,
		.disclaimed = saved->disclaimed,
		.standby = saved->standby,
		.frozen = saved->frozen,
		.frozen_until = saved->frozen_until,
		.hold_until = saved->hold_until,
		.last_failure = saved->last_failure,
		.failures = saved->failures,
	};
	(void)snprintf(to->name, sizeof(to->name), "%s", conf->instances[i].name);
	(void)snprintf(to->reason, sizeof(to->reason), "%s", memory->reasons[i]);
	if (saved->owner >= 0)
		(void)snprintf(to->owner, sizeof(to->owner), "%s", conf->nodes[saved->owner].name);
}

static void write_state(struct memory *memory)
{
	const struct conf *conf = memory->agent->conf;
	struct state *state = &memory->state;
	struct buf text;

	(void)snprintf(state->cluster, sizeof(state->cluster), "%s", conf->cluster);
	(void)snprintf(state->node, sizeof(state->node), "%s", conf->nodes[conf->self].name);
	(void)snprintf(state->boot, sizeof(state->boot), "%s", memory->boot);
	state->written = memory->agent->stepped;
	state->wall_us = wall_clock();
	state->count = conf->instance_count;
	for (unsigned int i = 0; i < conf->instance_count; i++)
		fill(memory, i, &state->instances[i]);
	buf_init(&text, STATE_BYTES_MAX);
	if (state_format(state, &text) == 0)
		keeper_state(memory->keeper, text.data, text.length);
	buf_free(&text);
}

static bool same(const struct core_saved *a, const struct core_saved *b)
{
	return a->life == b->life && a->version == b->version && a->owner == b->owner &&
	       a->disclaimed == b->disclaimed && a->standby == b->standby &&
	       a->frozen == b->frozen && a->frozen_until == b->frozen_until &&
	       a->hold_until == b->hold_until && a->last_failure == b->last_failure &&
	       a->failures == b->failures;
}

/* True when something in the file is not so any more. */
static bool notice(struct memory *memory)
{
	struct agent *agent = memory->agent;
	bool changed = false;

	for (unsigned int i = 0; i < agent->conf->instance_count; i++) {
		char *reason = agent->extra[i].reason;
		struct core_saved now;

		core_save(&agent->core, i, &now);
		if (!now.frozen)
			reason[0] = '\0';
		if (same(&now, &memory->saved[i]) && strcmp(reason, memory->reasons[i]) == 0)
			continue;
		memory->saved[i] = now;
		(void)snprintf(memory->reasons[i], sizeof(memory->reasons[i]), "%s", reason);
		changed = true;
	}
	return changed;
}

/* --- the journal -------------------------------------------------------------------------- */

static void fill_names(const struct memory *memory, struct tape_names *names)
{
	const struct conf *conf = memory->agent->conf;

	*names = (struct tape_names){.program = "zonevipd " PACKAGE_VERSION,
				     .cluster = conf->cluster,
				     .instances = memory->names};
	for (unsigned int n = 0; n < conf->node_count; n++)
		names->nodes[n] = conf->nodes[n].name;
	for (unsigned int k = 0; k < conf->track_count + conf_watch_count(conf); k++)
		names->tracks[k] = agent_track_name(conf, k);
	for (unsigned int i = 0; i < conf->instance_count; i++)
		memory->names[i] = conf->instances[i].name;
}

/* The machine as it is now: from here a replay can begin. */
static void write_head(struct memory *memory, enum tape_cause cause, mono_us now)
{
	const struct tape_stamp stamp = {.cause = cause, .now = now, .wall_us = wall_clock()};
	struct tape_names names;
	struct buf head;

	memory->head_at = now;
	fill_names(memory, &names);
	buf_init(&head, JOURNAL_BLOCK_MAX);
	if (tape_head(&head, &memory->agent->core, &names, &stamp) == 0)
		(void)keeper_journal(memory->keeper, JOURNAL_HEAD, head.data, head.length, false);
	buf_free(&head);
}

static void flush(struct memory *memory, bool to_disk)
{
	enum keeper_need need;

	if (memory->pending.length > 0)
		(void)keeper_journal(memory->keeper, JOURNAL_EVENTS, memory->pending.data,
				     memory->pending.length, to_disk); /* a loss is counted there */
	buf_clear(&memory->pending);
	need = keeper_needs(memory->keeper);
	if (need > memory->need)
		memory->need = need;
}

/* Between two blocks, when the keeper needs the whole machine again. */
static void begin_again(struct memory *memory, mono_us now)
{
	if (memory->need == KEEPER_NOTHING ||
	    (memory->need == KEEPER_AFTER_GAP && now - memory->head_at < HEAD_PAUSE))
		return;
	write_head(memory, memory->need == KEEPER_AFTER_GAP ? TAPE_AFTER_GAP : TAPE_NEXT_FILE, now);
	memory->need = KEEPER_NOTHING;
}

static void record(struct memory *memory, const struct event *ev)
{
	const struct actions *todo = &memory->agent->todo;
	mono_us now = memory->agent->stepped;
	bool moved = false;

	if (memory->pending.length == 0) {
		memory->begun = now;
		(void)tape_begin(&memory->block, &memory->pending, now, wall_clock());
	}
	(void)tape_event(&memory->block, &memory->pending, now, ev);
	for (unsigned int a = 0; a < todo->count; a++)
		if (todo->items[a].type == ACT_STATE) {
			(void)tape_state(&memory->pending, &todo->items[a]);
			moved = true;
		}
	if (!moved && now - memory->begun < FLUSH_PERIOD && memory->pending.length < FLUSH_BYTES)
		return;
	flush(memory, moved);
	begin_again(memory, now);
}

/* The file speaks of the same instances in the same order. */
static bool same_names(const struct memory *memory)
{
	const struct conf *conf = memory->agent->conf;
	bool same = memory->count == conf->instance_count;

	for (unsigned int i = 0; same && i < conf->instance_count; i++)
		same = strcmp(memory->kept[i], conf->instances[i].name) == 0;
	return same;
}

static void note_names(struct memory *memory)
{
	const struct conf *conf = memory->agent->conf;

	memory->count = conf->instance_count;
	for (unsigned int i = 0; i < conf->instance_count; i++)
		(void)snprintf(memory->kept[i], sizeof(memory->kept[i]), "%s",
			       conf->instances[i].name);
}

void memory_reload(struct memory *memory)
{
	if (!memory->keeper)
		return;
	if (!same_names(memory)) {
		note_names(memory);
		(void)notice(memory); /* by their new numbers */
		write_state(memory);
	}
	if (!memory->journals)
		return;
	flush(memory, false);
	write_head(memory, TAPE_RELOADED, mono_now());
}

void memory_step(struct memory *memory, const struct event *ev)
{
	if (!memory->keeper)
		return;
	/* One that observes promises nothing: a daemon that acts must not find it promised. */
	if (!memory->agent->conf->observe && notice(memory))
		write_state(memory);
	if (memory->journals)
		record(memory, ev);
}

/* --- open and close ------------------------------------------------------------------------- */

static int open_directory(struct memory *memory, const char *directory)
{
	struct err err = {.text = ""};
	int dir = statedir_open(directory, &err);

	(void)snprintf(memory->directory, sizeof(memory->directory), "%s", directory);
	if (dir < 0)
		log_event(LOG_LV_WARNING, "state_directory",
			  "error=\"%s\" effect=\"nothing is remembered over a restart\"", err.text);
	return dir;
}

struct memory *memory_open(struct agent *agent, const char *directory)
{
	struct memory *memory = calloc(1, sizeof(*memory));
	const unsigned int count = CONF_INSTANCES_MAX; /* a reload may bring more */
	int dir;

	if (!memory)
		return NULL;
	memory->agent = agent;
	memory->kept = calloc(count, sizeof(*memory->kept));
	memory->saved = calloc(count, sizeof(*memory->saved));
	memory->reasons = calloc(count, sizeof(*memory->reasons));
	memory->names = calloc(count, sizeof(*memory->names));
	buf_init(&memory->pending, 4 * FLUSH_BYTES);
	if (!memory->kept || !memory->saved || !memory->reasons || !memory->names) {
		memory_close(memory);
		return NULL;
	}
	read_boot(memory->boot);
	dir = open_directory(memory, directory);
	if (dir < 0)
		return memory;
	if (!agent->conf->observe)
		load(memory, dir);
	note_names(memory);
	memory->keeper = keeper_open(dir, (uint64_t)agent->conf->journal_mb << 20);
	memory->journals = memory->keeper && agent->conf->journal_mb > 0;
	if (memory->journals)
		write_head(memory, TAPE_STARTED, agent->started);
	return memory;
}

void memory_close(struct memory *memory)
{
	if (!memory)
		return;
	if (memory->keeper) {
		flush(memory, false);
		keeper_close(memory->keeper);
	}
	buf_free(&memory->pending);
	free(memory->names);
	free(memory->reasons);
	free(memory->saved);
	free(memory->kept);
	free(memory);
}

void memory_view(struct memory *memory, struct memory_view *view)
{
	*view = (struct memory_view){
		.open = memory->keeper != NULL,
		.directory = memory->directory,
		.journal_max =
			memory->journals ? (uint64_t)memory->agent->conf->journal_mb << 20 : 0};
	if (memory->keeper)
		keeper_counters(memory->keeper, &view->counters);
}
