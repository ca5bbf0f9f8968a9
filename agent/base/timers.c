/* SPDX-License-Identifier: MIT */
#include "agent/base/timers.h"

#include <stddef.h>

static const struct timers profiles[TIMERS_PROFILES] = {
	[TIMERS_SAFE] =
		{
			.heartbeat = 100 * MSEC,
			.ack_age = 500 * MSEC,
			.dead_after = 1 * SEC,
			.touch = 1 * SEC,
			.param_call = 1 * SEC,
			.route_call = 2500 * MSEC,
			.stale = 500 * MSEC,
			.poll = 250 * MSEC,
			.slack = 250 * MSEC,
			.lease = 2500 * MSEC,
			.grace = 4 * SEC,
			.stagger = 1500 * MSEC,
			.verify_master = 5 * SEC,
			.verify_backup = 10 * SEC,
			.verify_fast = 1 * SEC,
			.claim = 4 * SEC,
			.route = 20 * SEC,
			.api_age = 30 * SEC,
			.ssm_outage = 30 * SEC,
			.reclaim = 1 * SEC,
			.handover = 5 * SEC,
			.hold = 60 * SEC,
			.hold_max = 1800 * SEC,
		},
	[TIMERS_FAST] =
		{
			.heartbeat = 50 * MSEC,
			.ack_age = 200 * MSEC,
			.dead_after = 500 * MSEC,
			.touch = 500 * MSEC,
			.param_call = 500 * MSEC,
			.route_call = 1500 * MSEC,
			.stale = 250 * MSEC,
			.poll = 100 * MSEC,
			.slack = 100 * MSEC,
			.lease = 1200 * MSEC,
			.grace = 1800 * MSEC,
			.stagger = 750 * MSEC,
			.verify_master = 2 * SEC,
			.verify_backup = 5 * SEC,
			.verify_fast = 1 * SEC,
			.claim = 3 * SEC,
			.route = 10 * SEC,
			.api_age = 20 * SEC,
			.ssm_outage = 20 * SEC,
			.reclaim = 1 * SEC,
			.handover = 5 * SEC,
			.hold = 60 * SEC,
			.hold_max = 1800 * SEC,
		},
	[TIMERS_WAN] =
		{
			.heartbeat = 300 * MSEC,
			.ack_age = 1 * SEC,
			.dead_after = 2 * SEC,
			.touch = 1 * SEC,
			.param_call = 1500 * MSEC,
			.route_call = 4 * SEC,
			.stale = 500 * MSEC,
			.poll = 500 * MSEC,
			.slack = 500 * MSEC,
			.lease = 3500 * MSEC,
			.grace = 5500 * MSEC,
			.stagger = 2500 * MSEC,
			.verify_master = 5 * SEC,
			.verify_backup = 10 * SEC,
			.verify_fast = 1 * SEC,
			.claim = 6 * SEC,
			.route = 20 * SEC,
			.api_age = 30 * SEC,
			.ssm_outage = 30 * SEC,
			.reclaim = 1 * SEC,
			.handover = 5 * SEC,
			.hold = 60 * SEC,
			.hold_max = 1800 * SEC,
		},
};

static const char *const profile_names[TIMERS_PROFILES] = {
	[TIMERS_SAFE] = "safe",
	[TIMERS_FAST] = "fast",
	[TIMERS_WAN] = "wan",
};

const struct timers *timers_profile(enum timers_profile profile)
{
	return &profiles[profile];
}

const char *timers_profile_name(enum timers_profile profile)
{
	return profile_names[profile];
}

/* What must not be less than what, why, and which word mends it. */
struct inequality {
	mono_us small;
	mono_us large;
	const char *text;
	const char *why;
	const char *fix;
};

int timers_check(const struct timers *t, struct err *err)
{
	const struct inequality rules[] = {
		{t->lease + t->param_call + t->slack, t->grace,
		 "lease + param_call + slack <= grace",
		 "a silenced master must be fenced before another host may claim", "raise grace"},
		{t->touch + t->param_call + t->stale + t->poll, t->grace,
		 "touch + param_call + stale + poll <= grace",
		 "a master that touches in time must be seen to", "raise grace or lower touch"},
		{t->ack_age + t->touch + t->param_call + t->stale + t->poll,
		 t->dead_after + t->grace,
		 "ack_age + touch + param_call + stale + poll <= dead_after + grace",
		 "the first touch must arrive before the grace ends", "raise grace or dead_after"},
		{t->touch + t->param_call + 2 * t->slack, t->lease,
		 "touch + param_call + 2 * slack <= lease", "one lost touch must not end the lease",
		 "raise lease or lower touch"},
		{3 * t->heartbeat, t->ack_age, "3 * heartbeat <= ack_age",
		 "two lost heartbeats must not start touching", "raise ack_age or lower heartbeat"},
		{t->ack_age + 1, t->dead_after, "ack_age < dead_after",
		 "touching must start before a peer is suspected", "raise dead_after"},
		{t->param_call + t->poll, t->stagger, "param_call + poll <= stagger",
		 "the better candidate must be able to finish its claim first", "raise stagger"},
		{t->param_call + t->stale + t->slack + t->verify_fast, t->claim,
		 "param_call + stale + slack + verify_fast <= claim",
		 "a claim must have time to be confirmed", "raise claim"},
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].small > rules[i].large)
			return err_set(err, "%s does not hold (%.3f s against %.3f s): %s; %s",
				       rules[i].text, mono_seconds(rules[i].small),
				       mono_seconds(rules[i].large), rules[i].why, rules[i].fix);
	return 0;
}

mono_us timers_silent(const struct timers *timers)
{
	return timers->dead_after + timers->grace;
}
