/* SPDX-License-Identifier: MIT */
/*
 * What stands in the blocks of the journal (agent/journal.h): every input of
 * the core, in the order in which it was given, and the transitions that
 * followed. Pure; knows the core's structs and no file.
 *
 * A HEAD carries names, the tables of fields (agent/tape/shape.h), and the
 * whole machine field by field, so any later build reads it: a field it does
 * not have is passed over, one that the writer did not have is as core_init()
 * leaves it. EVENTS carry the inputs; heartbeats as what differs from the one
 * before of the same sender in the same block, so each block can be read
 * alone. No secret has a way in: the core knows none.
 */
#ifndef AGENT_TAPE_TAPE_H
#define AGENT_TAPE_TAPE_H

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/core/core.h"
#include "agent/tape/shape.h"

#define TAPE_FORMAT 1
#define TAPE_TEXT_MAX 64 /* a name, with the NUL */
#define TAPE_WORDS_MAX 64

enum tape_cause { TAPE_STARTED, TAPE_NEXT_FILE, TAPE_AFTER_GAP, TAPE_RELOADED, TAPE_CAUSES };

struct tape_names {
	const char *program; /* "zonevipd 0.1.0" */
	const char *cluster;
	const char *nodes[CORE_NODES_MAX];
	const char *tracks[CORE_TRACKS_MAX];
	const char *const *instances;
};

struct tape_stamp {
	enum tape_cause cause;
	mono_us now;
	int64_t wall_us; /* the same moment, since the epoch */
};

/* --- writing: 0, or -1 when it did not fit -------------------------------------------- */

int tape_head(struct buf *out, const struct core *core, const struct tape_names *names,
	      const struct tape_stamp *stamp);

/* One block of EVENTS being filled. */
struct tape_block {
	mono_us last; /* the time of the record before */
	unsigned int sender_count;
	struct hello senders[CORE_NODES_MAX]; /* what each said last, in this block */
};

int tape_begin(struct tape_block *block, struct buf *out, mono_us now, int64_t wall_us);
int tape_event(struct tape_block *block, struct buf *out, mono_us now, const struct event *ev);
/* An ACT_STATE that the event before led to. */
int tape_state(struct buf *out, const struct action *act);

/* --- reading ----------------------------------------------------------------------------- */

/* A machine as a HEAD has it, ready for core_step(). */
struct tape {
	struct core core;
	struct instance *instances;
	struct route *routes;
	struct tape_stamp stamp;
	char program[TAPE_TEXT_MAX];
	char cluster[TAPE_TEXT_MAX];
	char nodes[CORE_NODES_MAX][TAPE_TEXT_MAX];
	char tracks[CORE_TRACKS_MAX][TAPE_TEXT_MAX];
	char (*names)[TAPE_TEXT_MAX]; /* of the instances */
	unsigned int foreign;	      /* fields, events and words that this build does not have */
	unsigned int event_count;     /* the writer's numbers of events, as ours */
	enum event_type events[TAPE_WORDS_MAX]; /* EV_TYPES = we have no such event */
	unsigned int reason_count;
	char reasons[TAPE_WORDS_MAX][TAPE_TEXT_MAX];
	unsigned int shape_count; /* the writer's tables */
	enum shape_id own[SHAPES + 8];
	struct shape_map maps[SHAPES + 8];
	const struct shape_map *map_of[SHAPES]; /* by our number; NULL = the writer had none */
};

/* A tape owned by the caller (tape_free), or NULL with @err. */
struct tape *tape_load(const uint8_t *payload, size_t length, struct err *err);
void tape_free(struct tape *tape);

enum tape_kind { TAPE_EVENT, TAPE_STATE, TAPE_FOREIGN };

struct tape_record {
	enum tape_kind kind;
	mono_us at;
	int64_t wall_us;
	struct event ev;       /* TAPE_EVENT; its hello and touch are the reader's */
	unsigned int instance; /* TAPE_STATE */
	enum core_state old_state, state;
	const char *reason; /* the tape's word */
};

struct tape_reader {
	const struct tape *tape;
	struct tape_in in;
	mono_us first;
	int64_t wall_us; /* at first */
	struct tape_block block;
	struct hello hello;
	struct touch touch;
};

/* 0, or -1: not a block of events. */
int tape_open(struct tape_reader *reader, const struct tape *tape, const uint8_t *payload,
	      size_t length);
/* 1 with a record; 0 at the end; -1 when the rest makes no sense. */
int tape_next(struct tape_reader *reader, struct tape_record *record);

#endif
