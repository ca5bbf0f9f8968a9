/* SPDX-License-Identifier: MIT */
/*
 * Each event becomes a subject and what is said of it. It is printed when
 * something else was said of the same subject before, so a thousand equal
 * heartbeats are one line. Numbers that always change (round trips, versions
 * of touches) are added to the line but are no news.
 */
#include "agent/tape/timeline.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "agent/base/crc.h"

#define TEXT_MAX 512

/* What an event says. */
struct words {
	char news[TEXT_MAX];
	char more[96];
	unsigned int part; /* of its subject: a table, a track, a node */
	bool always;	   /* news even when said before */
};

const char *timeline_instance(const struct tape *tape, unsigned int instance)
{
	return instance < tape->core.config.instance_count ? tape->names[instance] : "?";
}

static const char *node_name(const struct tape *tape, int node)
{
	if (node == OWNER_NOBODY)
		return "nobody";
	return node >= 0 && node < CORE_NODES_MAX ? tape->nodes[node] : "a stranger";
}

static int node_by_id(const struct tape *tape, uint16_t id)
{
	for (unsigned int n = 0; n < tape->core.config.node_count; n++)
		if (tape->core.config.nodes[n].id == id)
			return (int)n;
	return id == HELLO_NOBODY ? OWNER_NOBODY : OWNER_STRANGER;
}

/* --- lines --------------------------------------------------------------------------- */

static void stamp(struct timeline *line, int64_t wall_us)
{
	time_t seconds = (time_t)(wall_us / SEC);
	struct tm tm = {.tm_year = 70};
	char when[40];

	if (line->begun == 0)
		line->begun = wall_us;
	(void)gmtime_r(&seconds, &tm);
	(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)fprintf(line->out, "%s.%06dZ %+13.6f  ", when, (int)(wall_us % SEC),
		      mono_seconds(wall_us - line->begun));
}

void timeline_say(struct timeline *line, int64_t wall_us, const char *fmt, ...)
{
	va_list args;

	stamp(line, wall_us);
	va_start(args, fmt);
	(void)vfprintf(line->out, fmt, args);
	va_end(args);
	(void)fputc('\n', line->out);
}

void timeline_forget(struct timeline *line)
{
	memset(line->last, 0, sizeof(line->last));
}

/* True when @said is not what was last said of @key. Two subjects in one place only cost a
 * repetition. */
static bool is_news(struct timeline *line, uint32_t key, uint32_t said)
{
	unsigned int place = key % TIMELINE_KEYS;
	bool known = line->last[place].key == key && line->last[place].said == said;

	line->last[place].key = key;
	line->last[place].said = said;
	return !known;
}

/* --- one event in words ---------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void say(struct words *words, const char *fmt, ...)
{
	size_t used = strlen(words->news);
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(words->news + used, sizeof(words->news) - used, fmt, args);
	va_end(args);
}

static void took(struct words *words, const struct tape_record *record)
{
	(void)snprintf(words->more, sizeof(words->more), " (%.1f ms)",
		       (double)(record->at - record->ev.sent) / 1e3);
}

static void flags_in_words(struct words *words, uint16_t flags)
{
	static const char *const names[] = {"healthy", "ssm",	  "ec2",    "eligible",
					    "hold",    "standby", "frozen", "partial"};

	for (unsigned int bit = 0; bit < sizeof(names) / sizeof(names[0]); bit++)
		if (flags & (1U << bit))
			say(words, " %s", names[bit]);
}

static void hello_in_words(struct words *words, const struct tape *tape, const struct hello *hello)
{
	const struct core_instance_config *own;

	words->part = hello->sender;
	say(words, "heard %s", node_name(tape, node_by_id(tape, hello->sender)));
	if (hello->echo_nonce != tape->core.config.nonce)
		say(words, " (does not hear us)");
	for (unsigned int e = 0; e < hello->count; e++) {
		const struct hello_instance *said = &hello->instances[e];

		for (unsigned int i = 0; i < tape->core.config.instance_count; i++) {
			own = &tape->instances[i].config;
			if (own->id != said->id)
				continue;
			say(words, ": (%s) %s version %" PRIu64 " of %s disclaimed %" PRIu64,
			    tape->names[i], core_state_name((enum core_state)said->state),
			    said->version, node_name(tape, node_by_id(tape, said->owner)),
			    said->disclaimed);
			flags_in_words(words, said->flags);
		}
	}
	(void)snprintf(words->more, sizeof(words->more), " (counter %" PRIu64 ")", hello->seq);
}

static void touch_in_words(struct words *words, const struct tape *tape,
			   const struct tape_record *record)
{
	const struct event *ev = &record->ev;

	words->part = (unsigned int)(ev->node + 1);
	say(words, "touch of %s %s: %s", node_name(tape, ev->node),
	    ev->type == EV_TOUCH_READ ? "read" : "written", outcome_name(ev->outcome));
	for (unsigned int e = 0; ev->type == EV_TOUCH_READ && ev->touch && e < ev->touch->count;
	     e++)
		say(words, " %04x:%s%" PRIu64, ev->touch->entries[e].id,
		    ev->touch->entries[e].disclaims ? "d" : "m", ev->touch->entries[e].term);
	took(words, record);
}

static void param_in_words(struct words *words, const struct tape *tape,
			   const struct tape_record *record)
{
	const struct event *ev = &record->ev;
	bool wrote = ev->type == EV_PARAM_WRITTEN;

	say(words, "parameter %s: %s", wrote ? "written" : "read", outcome_name(ev->outcome));
	if (ev->outcome == OUTCOME_OK && wrote)
		say(words, ", version %" PRIu64, ev->version);
	else if (ev->outcome == OUTCOME_OK)
		say(words, ", version %" PRIu64 " names %s", ev->version,
		    node_name(tape, ev->owner));
	words->always = wrote;
	took(words, record);
}

static void route_in_words(struct words *words, const struct tape *tape,
			   const struct tape_record *record)
{
	const struct event *ev = &record->ev;
	bool wrote = ev->type == EV_ROUTE_WRITTEN;

	words->part = ev->table;
	say(words, "route %u %s: %s", ev->table, wrote ? "written" : "read",
	    outcome_name(ev->outcome));
	if (ev->outcome == OUTCOME_OK && !wrote)
		say(words, ", %s%s", ev->target == TARGET_MISSING ? "missing" : "points at ",
		    ev->target == TARGET_MISSING ? ""
		    : ev->target == TARGET_OTHER ? "nobody we know"
						 : node_name(tape, ev->target));
	words->always = wrote;
	took(words, record);
}

static void command_in_words(struct words *words, const struct tape *tape,
			     const struct tape_record *record)
{
	static const char *const names[] = {
		[CMD_SWITCHOVER] = "switchover",
		[CMD_RELEASE] = "release",
		[CMD_STANDBY_ON] = "standby on",
		[CMD_STANDBY_OFF] = "standby off",
		[CMD_FREEZE_ON] = "maintenance on",
		[CMD_FREEZE_OFF] = "maintenance off",
		[CMD_ACK] = "ack",
		[CMD_STOP] = "stop",
		[CMD_STOP_KEEP] = "stop --keep",
	};
	const struct event *ev = &record->ev;
	size_t known = sizeof(names) / sizeof(names[0]);

	say(words, "command: %s", (size_t)ev->command < known ? names[ev->command] : "unknown");
	if (ev->node >= 0 && ev->command == CMD_SWITCHOVER)
		say(words, " to %s", node_name(tape, ev->node));
	if (ev->force)
		say(words, " by force");
	if (ev->until > 0)
		say(words, " for %.0f s", mono_seconds(ev->until - record->at));
	words->always = true;
}

static const char *health_words(enum health_result health)
{
	static const char *const names[] = {[HEALTH_RESULT_GOOD] = "good",
					    [HEALTH_RESULT_BAD] = "bad",
					    [HEALTH_RESULT_DEAD] = "dead",
					    [HEALTH_RESULT_NO_ANSWER] = "says nothing"};

	return (size_t)health < sizeof(names) / sizeof(names[0]) ? names[health] : "unknown";
}

/* True: the event is of one instance.
 * One case for each. NOLINTNEXTLINE(readability-function-size) */
static bool in_words(struct words *words, const struct tape *tape, const struct tape_record *record)
{
	const struct event *ev = &record->ev;

	switch (ev->type) {
	case EV_TICK:
		say(words, "tick");
		return false;
	case EV_RESUMED:
		say(words, "stood still for %.3f s", mono_seconds(ev->gap));
		words->always = true;
		return false;
	case EV_HELLO:
		hello_in_words(words, tape, ev->hello);
		return false;
	case EV_VERDICT:
		words->part = ev->track;
		say(words, "check %s: %s",
		    ev->track < CORE_TRACKS_MAX ? tape->tracks[ev->track] : "?",
		    health_words(ev->health));
		return false;
	case EV_LINK:
		say(words, "interface %s", ev->up ? "up" : "down");
		return true;
	case EV_ALIAS:
		say(words, "address %s%s", ev->up ? "present" : "absent",
		    ev->outcome == OUTCOME_OK ? "" : ", not as asked");
		return true;
	case EV_TARGET:
		say(words, "this host in AWS: %s, source/destination check %s",
		    ev->up ? "known" : "not known", ev->source_dest_check ? "on" : "off");
		return false;
	case EV_PARAM_READ:
	case EV_PARAM_WRITTEN:
		param_in_words(words, tape, record);
		return true;
	case EV_TOUCH_READ:
	case EV_TOUCH_WRITTEN:
		touch_in_words(words, tape, record);
		return false;
	case EV_ROUTE_READ:
	case EV_ROUTE_WRITTEN:
		route_in_words(words, tape, record);
		return true;
	case EV_COMMAND:
		command_in_words(words, tape, record);
		return true;
	case EV_TABLES:
		say(words, "route tables: %u routes, from %u on others", ev->count, ev->table);
		return true;
	case EV_GATE:
	case EV_PROMOTED:
	case EV_FENCED:
	case EV_RELEASED:
		say(words, "%s%s: %s", core_event_name(ev->type), ev->op ? "" : " (unasked)",
		    outcome_name(ev->outcome));
		words->always = ev->op != 0;
		return true;
	case EV_BEHIND:
		say(words, "database %s", ev->up ? "behind another candidate's" : "not behind");
		return true;
	case EV_EVIDENCE:
		words->part = (unsigned int)ev->node;
		say(words, "machine of node %d: %s", ev->node,
		    ev->outcome != OUTCOME_OK ? outcome_name(ev->outcome)
		    : ev->up		      ? "may be running"
					      : "stopped");
		return false;
	case EV_TYPES:
		break;
	}
	say(words, "%s", core_event_name(ev->type)); /* one that has no words of its own yet */
	return true;
}

void timeline_event(struct timeline *line, const struct tape *tape,
		    const struct tape_record *record)
{
	const struct event *ev = &record->ev;
	struct words words = {.part = 0};
	bool of_instance = in_words(&words, tape, record);
	uint32_t subject[3] = {(uint32_t)ev->type + 1, of_instance ? ev->instance + 1 : 0,
			       words.part};
	uint32_t key = crc32_add(0, subject, sizeof(subject));
	bool news = is_news(line, key, crc32_add(0, words.news, strlen(words.news)));

	if (!line->all && ((!news && !words.always) || ev->type == EV_TICK))
		return;
	if (of_instance)
		timeline_say(line, record->wall_us, "(%s) %s%s",
			     timeline_instance(tape, ev->instance), words.news, words.more);
	else
		timeline_say(line, record->wall_us, "%s%s", words.news, words.more);
}

void timeline_state(struct timeline *line, const struct tape *tape,
		    const struct tape_record *record, const char *note)
{
	timeline_say(line, record->wall_us, "(%s) Entering %s STATE from=%s reason=%s%s",
		     timeline_instance(tape, record->instance), core_state_name(record->state),
		     core_state_name(record->old_state), record->reason, note);
}
