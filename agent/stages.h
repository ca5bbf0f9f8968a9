/* SPDX-License-Identifier: MIT */
/*
 * How long each stage of a fail-over took on this node: an observer of what
 * goes into the core and what comes out. It decides nothing and is read by
 * status and metrics only.
 */
#ifndef AGENT_STAGES_H
#define AGENT_STAGES_H

#include "agent/core/core.h"

enum stage {
	STAGE_DETECT,  /* last sign of health (or of the owner's life) to the decision */
	STAGE_DECIDE,  /* the owner's disclaim heard to the decision to claim */
	STAGE_CLAIM,   /* decision to the parameter's Put acknowledged */
	STAGE_ROUTE,   /* decision to the route written, one sample a table */
	STAGE_RECORD,  /* decision to the parameter read back: MASTER */
	STAGE_FENCE,   /* the database asked to be read-only to its answer */
	STAGE_PROMOTE, /* asked to be writable to its answer */
	STAGE_RELEASE, /* decision to leave to the alias gone */
	STAGE_NOTIFY,  /* one notify script, start to end */
	STAGE_TOTAL,   /* first sign to MASTER with every route written */
	STAGES
};

#define STAGE_BOUNDS 12
/* Upper bounds of the histogram's buckets, microseconds; one more bucket is beyond. */
extern const mono_us stage_bounds[STAGE_BOUNDS];

struct stage_histogram {
	uint64_t buckets[STAGE_BOUNDS + 1]; /* samples in each, not cumulated */
	uint64_t count;
	mono_us sum;
};

/* The last, or present, change of one instance. */
struct stage_run {
	bool began;	    /* one has been seen since the start */
	bool running;	    /* taking over, not all routes written yet */
	bool confirmed;	    /* MASTER */
	unsigned int calls; /* route writes under way */
	mono_us sign;	    /* first sign of what led to it */
	mono_us decided;
	mono_us asked;	       /* the fence or promotion under way */
	mono_us promoted_from; /* the promotion was asked for */
	mono_us ended;	       /* with every route written, or the alias gone */
	mono_us leaving;       /* an acting state was told to end: before its fence */
	bool untold;	       /* ended, and nobody has taken notice yet */
	mono_us took[STAGES];  /* -1 = not part of it */
	enum core_reason reason;
};

struct stages {
	struct stage_histogram histograms[STAGES];
	struct stage_run *runs;	       /* one per instance, owned */
	mono_us good[CORE_TRACKS_MAX]; /* last good verdict */
	uint64_t takeovers;
	uint64_t failures; /* left an acting state for FAULT */
};

/* 0 or -ENOMEM. */
int stages_open(struct stages *stages, unsigned int instances);
void stages_close(struct stages *stages);

/* Before the event is given to the core, and for every action that came out. */
void stages_event(struct stages *stages, const struct core *core, mono_us now,
		  const struct event *ev);
void stages_action(struct stages *stages, const struct core *core, mono_us now,
		   const struct action *act);
/* True once for each change of @instance that has ended. */
bool stages_ended(struct stages *stages, unsigned int instance);
/* A notify script has ended; of no instance. */
void stages_notified(struct stages *stages, mono_us took);

const char *stage_name(enum stage stage);

#endif
