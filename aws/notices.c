/* SPDX-License-Identifier: MIT */
/*
 * A round every five seconds, as AWS advises for spot instances; what is
 * known long before, or does not apply here, is looked at once a minute. May
 * not decide what a notice means for the VIP.
 */
#define _GNU_SOURCE /* strptime */

#include "aws/notices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aws/creds.h"
#include "aws/json.h"
#include "aws/reply.h"

#define ROUND 5.0
#define SELDOM 12 /* every so many rounds: once a minute */

static const char *const paths[AWS_NOTICES] = {
	[AWS_NOTICE_SPOT] = "spot/instance-action",
	[AWS_NOTICE_REBALANCE] = "events/recommendations/rebalance",
	[AWS_NOTICE_MAINTENANCE] = "events/maintenance/scheduled",
	[AWS_NOTICE_LIFECYCLE] = "autoscaling/target-lifecycle-state",
};

struct notices {
	struct ev_loop *loop;
	struct ev_timer timer;
	struct imds *imds;
	unsigned int watch;
	unsigned int round;
	int kind;	      /* asked about; -1 = what kind of instance this is */
	bool life_cycle_told; /* IMDS said whether this is a spot instance */
	bool spot;
	bool absent[AWS_NOTICES]; /* 404 the last time */
	bool changed;		  /* in this round */
	struct aws_notice all[AWS_NOTICES];
	notices_fn *fn;
	void *arg;
};

/* --- reading -------------------------------------------------------------------------- */

/* Boottime of a moment by IMDS's clock; 0 when either is not known. */
static mono_us moment(int64_t when, int64_t date, mono_us now)
{
	int64_t off = when - date;

	if (when <= 0 || date <= 0 || off > 366L * 86400 || off < -366L * 86400)
		return 0;
	return mono_max(now + off * SEC, 1);
}

/* "21 Jan 2019 09:00:43 GMT" */
static int64_t read_http_date(const char *text)
{
	struct tm utc = {0};
	const char *end = text ? strptime(text, "%d %b %Y %H:%M:%S GMT", &utc) : NULL;

	return end && !*end ? (int64_t)timegm(&utc) : 0;
}

static bool read_spot(const json_t *root, int64_t date, mono_us now, struct aws_notice *notice)
{
	const char *action = json_text(root, "action");
	const char *time = json_text(root, "time");
	int64_t when = 0;

	if (!action || !*action)
		return false;
	notice->stands = true;
	reply_copy(notice->what, sizeof(notice->what), action);
	if (time && creds_date(time, &when))
		notice->at = moment(when, date, now);
	return true;
}

/* The earliest event that is still to come. */
static void read_event(const json_t *event, int64_t date, mono_us now, struct aws_notice *notice)
{
	const char *state = json_text(event, "State");
	const char *code = json_text(event, "Code");
	const char *description = json_text(event, "Description");
	mono_us at = moment(read_http_date(json_text(event, "NotBefore")), date, now);

	if (!code || (state && strcmp(state, "active") != 0) ||
	    (description && strncmp(description, "[Completed]", 11) == 0) ||
	    (description && strncmp(description, "[Canceled]", 10) == 0))
		return;
	if (notice->stands && (at == 0 || (notice->at != 0 && notice->at <= at)))
		return;
	notice->stands = true;
	notice->at = at;
	reply_copy(notice->what, sizeof(notice->what), code);
}

static bool read_maintenance(const json_t *list, int64_t date, mono_us now,
			     struct aws_notice *notice)
{
	if (!json_is_array(list))
		return false;
	for (size_t i = 0; i < json_array_size(list); i++)
		read_event(json_array_get(list, i), date, now, notice);
	return true;
}

static bool read_lifecycle(const char *text, struct aws_notice *notice)
{
	char state[sizeof(notice->what)];

	reply_copy(state, sizeof(state), text);
	state[strcspn(state, "? \r\n")] = '\0';
	if (!*state)
		return false;
	notice->stands = strcmp(state, "InService") != 0;
	if (notice->stands)
		memcpy(notice->what, state, sizeof(state));
	return true;
}

bool notice_read(enum aws_notice_kind kind, const char *text, size_t length, int64_t date,
		 mono_us now, struct aws_notice *notice)
{
	json_t *root;
	bool ok = false;

	memset(notice, 0, sizeof(*notice));
	if (kind == AWS_NOTICE_LIFECYCLE)
		return read_lifecycle(text, notice);
	root = json_read_any(text, length, NULL);
	if (!root)
		return false;
	if (kind == AWS_NOTICE_SPOT) {
		ok = read_spot(root, date, now, notice);
	} else if (kind == AWS_NOTICE_MAINTENANCE) {
		ok = read_maintenance(root, date, now, notice);
	} else if (json_is_object(root)) {
		notice->stands = ok = true;
		(void)snprintf(notice->what, sizeof(notice->what), "recommended");
	}
	json_decref(root);
	return ok;
}

/* --- rounds ------------------------------------------------------------------------------ */

/* The same moment, told twice by a clock of whole seconds. */
static bool same(const struct aws_notice *a, const struct aws_notice *b)
{
	return a->stands == b->stands && strcmp(a->what, b->what) == 0 &&
	       (a->at == 0) == (b->at == 0) && llabs(a->at - b->at) < 5 * SEC;
}

static void take(struct notices *notices, enum aws_notice_kind kind,
		 const struct aws_notice *notice)
{
	if (same(notice, &notices->all[kind]))
		return;
	notices->all[kind] = *notice;
	notices->changed = true;
}

static bool due(const struct notices *notices, int kind)
{
	bool seldom = kind == AWS_NOTICE_MAINTENANCE ||
		      (kind == AWS_NOTICE_LIFECYCLE && notices->absent[kind]);

	if (!(notices->watch & (1U << kind)))
		return false;
	if ((kind == AWS_NOTICE_SPOT || kind == AWS_NOTICE_REBALANCE) && !notices->spot)
		return false;
	return !seldom || notices->round % SELDOM == 0;
}

static void on_answer(void *arg, const struct imds_reply *reply);

/* The next question of this round, or its end. */
static void next(struct notices *notices)
{
	while (++notices->kind < AWS_NOTICES)
		if (due(notices, notices->kind)) {
			imds_get(notices->imds, paths[notices->kind], on_answer, notices);
			return;
		}
	notices->round++;
	ev_now_update(notices->loop);
	ev_timer_set(&notices->timer, ROUND, 0.0);
	ev_timer_start(notices->loop, &notices->timer);
	if (notices->changed) {
		notices->changed = false;
		notices->fn(notices->arg);
	}
}

static void on_answer(void *arg, const struct imds_reply *reply)
{
	struct notices *notices = arg;
	enum aws_notice_kind kind = (enum aws_notice_kind)notices->kind;
	struct aws_notice notice = {.stands = false};

	notices->absent[kind] = reply->status == 404;
	if (reply->status == 404 ||
	    (reply->status == 200 &&
	     notice_read(kind, reply->text, reply->length, reply->date, mono_now(), &notice)))
		take(notices, kind, &notice);
	next(notices);
}

static void on_life_cycle(void *arg, const struct imds_reply *reply)
{
	struct notices *notices = arg;

	notices->life_cycle_told = reply->status == 200 || reply->status == 404;
	notices->spot = reply->status == 200 && strncmp(reply->text, "spot", 4) == 0;
	next(notices);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct notices *notices = timer->data;

	(void)loop;
	(void)events;
	notices->kind = -1;
	if (notices->life_cycle_told)
		next(notices);
	else
		imds_get(notices->imds, "instance-life-cycle", on_life_cycle, notices);
}

struct notices *notices_open(struct ev_loop *loop, struct imds *imds, unsigned int watch,
			     notices_fn *fn, void *arg)
{
	struct notices *notices = calloc(1, sizeof(*notices));

	if (!notices)
		return NULL;
	notices->loop = loop;
	notices->imds = imds;
	notices->watch = watch;
	notices->fn = fn;
	notices->arg = arg;
	ev_timer_init(&notices->timer, on_timer, 1.0, 0.0); /* who we are goes first */
	notices->timer.data = notices;
	if (imds && watch)
		ev_timer_start(loop, &notices->timer);
	return notices;
}

void notices_close(struct notices *notices)
{
	if (!notices)
		return;
	ev_timer_stop(notices->loop, &notices->timer);
	free(notices);
}

bool aws_notice_same(const struct aws_notice *a, const struct aws_notice *b)
{
	return a->stands == b->stands && a->at == b->at && strcmp(a->what, b->what) == 0;
}

const struct aws_notice *notices_all(const struct notices *notices)
{
	return notices->all;
}
