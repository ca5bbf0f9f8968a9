/* SPDX-License-Identifier: MIT */
/*
 * What outlives a run. Only promises, orders and counters are taken over:
 * everything that describes the world is asked again, because it may have
 * changed while nobody looked.
 */
#include "agent/core/machine.h"

#define FAILURES_MAX 64U /* more change nothing: the hold has long been at its cap */

void core_save(const struct core *core, unsigned int instance, struct core_saved *saved)
{
	const struct instance *in = &core->instances[instance];

	*saved = (struct core_saved){
		.life = in->record.life,
		.version = in->record.version,
		.owner = in->record.known ? in->record.owner : in->record.recalled,
		.disclaimed = in->disclaimed,
		.standby = in->standby,
		.frozen = in->frozen,
		.frozen_until = in->frozen ? in->frozen_until : MONO_NEVER,
		.hold_until = in->hold_until,
		.last_failure = in->last_failure,
		.failures = in->failures,
	};
}

void core_restore(struct core *core, unsigned int instance, const struct core_saved *saved)
{
	struct instance *in = &core->instances[instance];
	mono_us now = core->started;

	in->record.life = saved->life;
	in->record.version = saved->version; /* not known: only where knowing begins */
	in->record.recalled = saved->owner;
	in->disclaimed = saved->disclaimed;
	in->standby = saved->standby;
	in->frozen = saved->frozen;
	in->frozen_until = saved->frozen ? saved->frozen_until : MONO_NEVER;
	in->hold_until = mono_min(saved->hold_until, now + core->config.timers.hold_max);
	in->last_failure = mono_min(saved->last_failure, now);
	in->failures = saved->failures < FAILURES_MAX ? saved->failures : FAILURES_MAX;
}
