/* SPDX-License-Identifier: MIT */
/*
 * A take-over begins with the step to an acting state and ends when the node
 * is MASTER and no route write is under way. What led to it is taken from the
 * core's view: the owner's disclaim, its last heartbeat while acting, or (on
 * the node that leaves) the last good answer of the check that fails.
 */
#include "agent/stages.h"

#include <errno.h>
#include <stdlib.h>

#define LEAVING_MAX (30 * SEC) /* older: the core was told to end something else */

const mono_us stage_bounds[STAGE_BOUNDS] = {
	5 * MSEC,   10 * MSEC, 25 * MSEC,   50 * MSEC, 100 * MSEC, 250 * MSEC,
	500 * MSEC, 1 * SEC,   2500 * MSEC, 5 * SEC,   10 * SEC,   30 * SEC,
};

const char *stage_name(enum stage stage)
{
	static const char *const names[STAGES] = {
		[STAGE_DETECT] = "detect",   [STAGE_DECIDE] = "decide",	  [STAGE_CLAIM] = "claim",
		[STAGE_ROUTE] = "route",     [STAGE_RECORD] = "record",	  [STAGE_FENCE] = "fence",
		[STAGE_PROMOTE] = "promote", [STAGE_RELEASE] = "release", [STAGE_NOTIFY] = "notify",
		[STAGE_TOTAL] = "total",
	};

	return (unsigned int)stage < STAGES ? names[stage] : "";
}

int stages_open(struct stages *stages, unsigned int instances)
{
	*stages = (struct stages){.runs = calloc(instances, sizeof(*stages->runs))};
	return stages->runs ? 0 : -ENOMEM;
}

void stages_close(struct stages *stages)
{
	free(stages->runs);
	stages->runs = NULL;
}

static void count(struct stage_histogram *histogram, mono_us took)
{
	unsigned int bucket = 0;

	while (bucket < STAGE_BOUNDS && took > stage_bounds[bucket])
		bucket++;
	histogram->buckets[bucket]++;
	histogram->count++;
	histogram->sum += took;
}

static void sample(struct stages *stages, struct stage_run *run, enum stage stage, mono_us took)
{
	count(&stages->histograms[stage], took);
	run->took[stage] = mono_max(run->took[stage], took); /* of many routes the slowest */
}

static void begin(struct stage_run *run, mono_us now, mono_us sign, enum core_reason reason)
{
	*run = (struct stage_run){.began = true, .sign = sign, .decided = now, .reason = reason};
	for (unsigned int s = 0; s < STAGES; s++)
		run->took[s] = -1;
}

/* --- taking over ---------------------------------------------------------------------- */

static void begin_takeover(struct stages *stages, const struct core *core, mono_us now,
			   const struct action *act)
{
	const struct instance *in = &core->instances[act->instance];
	struct stage_run *run = &stages->runs[act->instance];
	mono_us silent = 0;
	mono_us told = 0;

	/* The record may name us by now: every peer's last sign is looked at. */
	for (unsigned int n = 0; n < core->config.node_count; n++) {
		silent = mono_max(silent, in->view[n].act_seen);
		told = mono_max(told, in->view[n].covered_at);
	}
	begin(run, now, now, act->reason);
	run->running = true;
	stages->takeovers++;
	if (act->reason == REASON_OWNER_SILENT && silent > 0) {
		run->sign = silent;
		sample(stages, run, STAGE_DETECT, now - silent);
	} else if (act->reason == REASON_DISCLAIMED && told > 0) {
		run->sign = told;
		sample(stages, run, STAGE_DECIDE, now - told);
	}
}

static void end_takeover(struct stages *stages, struct stage_run *run, mono_us now)
{
	if (!run->running || !run->confirmed || run->calls > 0)
		return;
	run->running = false;
	sample(stages, run, STAGE_TOTAL, now - run->sign);
	run->ended = now;
	run->untold = true;
}

static void confirm(struct stages *stages, struct stage_run *run, mono_us now,
		    enum core_reason reason)
{
	run->confirmed = true;
	if (reason == REASON_CONFIRMED)
		sample(stages, run, STAGE_RECORD, now - run->decided);
	end_takeover(stages, run, now);
}

/* --- leaving ------------------------------------------------------------------------------ */

static void begin_leaving(struct stages *stages, const struct core *core, mono_us now,
			  const struct action *act)
{
	struct stage_run *run = &stages->runs[act->instance];
	uint32_t tracks = core->instances[act->instance].config.tracks;
	bool known = run->leaving > 0 && now - run->leaving < LEAVING_MAX;
	mono_us decided = known ? run->leaving : now;
	mono_us fenced = known ? run->took[STAGE_FENCE] : -1;
	mono_us good = 0;

	/* The fence and the address came before this: they are of this change. */
	begin(run, decided, decided, act->reason);
	run->took[STAGE_FENCE] = fenced;
	sample(stages, run, STAGE_RELEASE, now - decided);
	run->ended = now;
	run->untold = true;
	stages->failures += act->state == CORE_FAULT;
	if (act->reason != REASON_CHECK_FAILED)
		return;
	for (unsigned int k = 0; k < core->config.track_count; k++)
		if (tracks & 1U << k && core->health[k].state != HEALTH_UP)
			good = mono_max(good, stages->good[k]);
	if (good > 0) {
		run->sign = good;
		sample(stages, run, STAGE_DETECT, decided - good);
	}
}

/* --- the observer -------------------------------------------------------------------------- */

static bool acting(enum core_state state)
{
	return state == CORE_CLAIMING || state == CORE_MASTER;
}

static void state_changed(struct stages *stages, const struct core *core, mono_us now,
			  const struct action *act)
{
	struct stage_run *run = &stages->runs[act->instance];

	if (acting(act->old_state) && !acting(act->state)) {
		begin_leaving(stages, core, now, act);
		return;
	}
	if (acting(act->state) && !acting(act->old_state) && act->reason != REASON_ADOPTED)
		begin_takeover(stages, core, now, act);
	if (act->state == CORE_MASTER && run->running && !run->confirmed)
		confirm(stages, run, now, act->reason);
}

void stages_event(struct stages *stages, const struct core *core, mono_us now,
		  const struct event *ev)
{
	struct stage_run *run;

	if (ev->type == EV_VERDICT && ev->health == HEALTH_RESULT_GOOD &&
	    ev->track < CORE_TRACKS_MAX)
		stages->good[ev->track] = now;
	if (ev->instance >= core->config.instance_count)
		return;
	run = &stages->runs[ev->instance];
	if (ev->type == EV_PARAM_WRITTEN && ev->outcome == OUTCOME_OK && run->running &&
	    run->took[STAGE_CLAIM] < 0)
		sample(stages, run, STAGE_CLAIM, now - run->decided);
	if ((ev->type == EV_FENCED || ev->type == EV_PROMOTED) && run->asked) {
		sample(stages, run, ev->type == EV_FENCED ? STAGE_FENCE : STAGE_PROMOTE,
		       now - run->asked);
		if (ev->type == EV_PROMOTED)
			run->promoted_from = run->asked;
		run->asked = 0;
	}
	if (ev->type != EV_ROUTE_WRITTEN || run->calls == 0)
		return;
	run->calls--;
	if (run->running && ev->outcome == OUTCOME_OK)
		sample(stages, run, STAGE_ROUTE, now - run->decided);
	end_takeover(stages, run, now);
}

void stages_action(struct stages *stages, const struct core *core, mono_us now,
		   const struct action *act)
{
	struct stage_run *run = &stages->runs[act->instance];

	switch (act->type) {
	case ACT_STATE:
		state_changed(stages, core, now, act);
		break;
	case ACT_FENCE:
	case ACT_PROMOTE:
		run->asked = now;
		break;
	case ACT_ROUTE_SET:
		run->calls += run->running;
		break;
	case ACT_CANCEL:
		run->leaving = now;
		run->took[STAGE_FENCE] = -1;
		break;
	default:
		break;
	}
}

bool stages_ended(struct stages *stages, unsigned int instance)
{
	bool untold = stages->runs[instance].untold;

	stages->runs[instance].untold = false;
	return untold;
}

void stages_notified(struct stages *stages, mono_us took)
{
	count(&stages->histograms[STAGE_NOTIFY], took);
}
