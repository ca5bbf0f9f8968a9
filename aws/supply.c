/* SPDX-License-Identifier: MIT */
/*
 * The clockwork of renewal. May not print a credential and may not drop one
 * for being old: a set that AWS still takes is worth more than none.
 */
#include "aws/supply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "agent/base/log.h"

#define BACKOFF_MIN (200 * MSEC)
#define BACKOFF_MAX (5 * SEC)
#define RENEW_GAP (5 * SEC)

struct supply {
	struct supply_config config;
	struct ev_timer timer; /* the next round */
	struct creds creds;
	unsigned int generation;
	mono_us until;
	char source[SUPPLY_SOURCE_MAX];
	char problem[512];
	bool started;
	bool asking;
	bool tried;
	mono_us backoff;
	mono_us renewed;
	struct log_gate gate;
	char said[512]; /* the last problem logged */
};

static void arm(struct supply *supply, mono_us after)
{
	ev_timer_stop(supply->config.loop, &supply->timer);
	ev_now_update(supply->config.loop);
	ev_timer_set(&supply->timer, mono_seconds(mono_max(after, 0)), 0.0);
	ev_timer_start(supply->config.loop, &supply->timer);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct supply *supply = timer->data;

	(void)loop;
	(void)events;
	supply->asking = true;
	supply->config.fetch(supply->config.fetch_arg);
}

static unsigned int jitter(void)
{
	unsigned int value;

	if (getrandom(&value, sizeof(value), GRND_NONBLOCK) != sizeof(value))
		return 0;
	return value % 1000;
}

static void end_round(struct supply *supply)
{
	supply->asking = false;
	supply->tried = true;
	supply->config.changed(supply->config.arg);
}

/* A new cause at once, the same one again every ten minutes. */
static void say(struct supply *supply, const char *why)
{
	unsigned int held = 0;

	if (strcmp(why, supply->said) != 0)
		supply->gate = (struct log_gate){0};
	if (!log_gate(&supply->gate, 600, &held))
		return;
	(void)snprintf(supply->said, sizeof(supply->said), "%s", why);
	log_event(LOG_LV_WARNING, "credentials", "problem=\"%s\" held=%u", why, held);
}

void supply_fail(struct supply *supply, const char *why)
{
	mono_us now = mono_now();

	say(supply, why);
	if (supply->until == MONO_NEVER) { /* refused by AWS, or we would not have asked */
		(void)snprintf(supply->problem, sizeof(supply->problem),
			       "the credentials cannot be renewed: %.460s", why);
		arm(supply, BACKOFF_MAX);
	} else if (supply->until > now) {
		(void)snprintf(supply->problem, sizeof(supply->problem),
			       "the credentials cannot be renewed and end in %lld s: %.400s",
			       (long long)((supply->until - now) / SEC), why);
		arm(supply, creds_refresh_at(now, supply->until, 0) - now);
	} else {
		supply->until = 0;
		(void)snprintf(supply->problem, sizeof(supply->problem), "%.500s", why);
		arm(supply, supply->backoff);
		supply->backoff = mono_min(2 * supply->backoff, BACKOFF_MAX);
	}
	end_round(supply);
}

void supply_deliver(struct supply *supply, const struct creds *creds, mono_us until,
		    const char *source)
{
	mono_us now = mono_now();
	long long left = until == MONO_NEVER ? -1 : (long long)((until - now) / SEC);

	supply->problem[0] = '\0';
	(void)snprintf(supply->source, sizeof(supply->source), "%s", source);
	if (!supply->generation || !creds_same(creds, &supply->creds)) {
		supply->creds = *creds;
		supply->generation++;
		supply->said[0] = '\0';
		log_event(LOG_LV_INFO, "credentials", "source=\"%s\" left_s=%lld", source, left);
	}
	supply->backoff = BACKOFF_MIN;
	if (until == MONO_NEVER) {
		supply->until = until;
		ev_timer_stop(supply->config.loop, &supply->timer);
	} else {
		supply->until = until > now ? until : 0;
		if (until <= now)
			(void)snprintf(supply->problem, sizeof(supply->problem),
				       "%s: handed out credentials that expired %lld s ago", source,
				       -left);
		arm(supply, creds_refresh_at(now, until, jitter()) - now);
	}
	end_round(supply);
}

void supply_start(struct supply *supply)
{
	if (supply->started)
		return;
	supply->started = true;
	supply->asking = true;
	arm(supply, 0);
}

bool supply_renew(struct supply *supply)
{
	mono_us now = mono_now();

	if (supply->asking)
		return true;
	if (!supply->started || now - supply->renewed < RENEW_GAP)
		return false;
	supply->renewed = now;
	supply->asking = true;
	arm(supply, 0);
	return true;
}

struct supply *supply_open(const struct supply_config *config)
{
	struct supply *supply = calloc(1, sizeof(*supply));

	if (!supply)
		return NULL;
	supply->config = *config;
	supply->backoff = BACKOFF_MIN;
	supply->renewed = MONO_LONG_AGO;
	ev_timer_init(&supply->timer, on_timer, 0.0, 0.0);
	supply->timer.data = supply;
	return supply;
}

void supply_close(struct supply *supply)
{
	if (!supply)
		return;
	ev_timer_stop(supply->config.loop, &supply->timer);
	explicit_bzero(supply, sizeof(*supply));
	free(supply);
}

const struct creds *supply_creds(const struct supply *supply)
{
	return supply->generation ? &supply->creds : NULL;
}

unsigned int supply_generation(const struct supply *supply)
{
	return supply->generation;
}

mono_us supply_until(const struct supply *supply)
{
	return supply->until > mono_now() ? supply->until : 0;
}

bool supply_asking(const struct supply *supply)
{
	return supply->asking;
}

bool supply_tried(const struct supply *supply)
{
	return supply->tried;
}

const char *supply_problem(const struct supply *supply)
{
	return supply->problem;
}

const char *supply_source(const struct supply *supply)
{
	return supply->source;
}
