/* SPDX-License-Identifier: MIT */
/*
 * The call for a role. May not loop: what follows a first refusal is one new
 * signature, with the right time or with new credentials of the parent.
 */
#include "aws/assume.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aws/reply.h"

#define CALL_MAX (3 * SEC)

struct assume {
	struct assume_config config;
	struct lane *lane;
	struct supply *supply;
	struct http_call *call; /* in flight, or NULL */
	bool waits_for_name;	/* a fetch that could not be sent yet */
	bool waits_for_parent;
	bool resigned;
	unsigned int generation; /* of the parent's credentials last signed with */
	int64_t offset_s;	 /* of the clock last signed with */
	char session[STS_SESSION_MAX];
};

static void go(struct assume *assume);

__attribute__((format(printf, 2, 3))) static void fail(struct assume *assume, const char *fmt, ...)
{
	char what[480];
	char why[512];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, args); /* a cut sentence still helps */
	va_end(args);
	(void)snprintf(what, sizeof(what), "AssumeRole %.150s: %.300s", assume->config.role.arn,
		       why);
	reply_copy(what, sizeof(what), what);
	supply_fail(assume->supply, what);
}

static void deliver(struct assume *assume, const struct http_reply *reply)
{
	int64_t now = reply->date > 0 ? reply->date : (int64_t)time(NULL);
	char source[SUPPLY_SOURCE_MAX];
	struct err err = {""};
	struct creds creds;

	(void)snprintf(source, sizeof(source), "assumed role %.160s", assume->config.role.arn);
	if (sts_read_assumed(reply->body.data, reply->body.length, &creds, &err) == 0)
		supply_deliver(assume->supply, &creds, mono_now() + (creds.expires - now) * SEC,
			       source);
	else
		fail(assume, "%s", err.text);
	creds_wipe(&creds);
}

/* True when it goes on, with the right time or with other credentials of the parent. */
static bool sign_again(struct assume *assume, bool clock, int64_t date)
{
	struct assume_config *config = &assume->config;

	if (assume->resigned)
		return false;
	assume->resigned = true;
	if ((clock && clock_correct(config->clock, date)) ||
	    assume->offset_s != config->clock->offset_s ||
	    assume->generation != supply_generation(config->parent)) {
		go(assume);
		return true;
	}
	assume->waits_for_parent = supply_renew(config->parent);
	return assume->waits_for_parent;
}

static void judge(struct assume *assume, const struct http_reply *reply)
{
	struct reply_fault fault = {.code = ""};
	char sentence[400];

	reply_fault_sts(reply->status, reply->body.data, reply->body.length, &fault);
	if ((fault.remedy == REPLY_RENEW || fault.remedy == REPLY_CORRECT_CLOCK) &&
	    sign_again(assume, fault.remedy == REPLY_CORRECT_CLOCK, reply->date))
		return;
	reply_sentence(&fault, reply->status, "STS",
		       "sts:AssumeRole on this role, and name our role in its trust policy",
		       sentence, sizeof(sentence));
	fail(assume, "%s", sentence);
}

static void on_reply(void *arg, struct http_reply *reply)
{
	struct assume *assume = arg;

	assume->call = NULL;
	lane_over(assume->lane, reply);
	if (reply->end != HTTP_DONE) {
		fail(assume, "%s: %s", lane_host(assume->lane),
		     reply->end == HTTP_FAILED ? reply->error : "no answer in time");
		return;
	}
	clock_hear(assume->config.clock, reply->date);
	if (reply->status == 200)
		deliver(assume, reply);
	else
		judge(assume, reply);
}

static void name_session(struct assume *assume)
{
	char text[AWS_ID_MAX + 16];

	(void)snprintf(text, sizeof(text), "zonevip-%s",
		       identity_self(assume->config.lane.identity)->instance_id);
	sts_session(*assume->config.role.session ? assume->config.role.session : text,
		    assume->session);
}

static void go(struct assume *assume)
{
	struct sts_role role = assume->config.role;
	struct lane_request request = {
		.reply_max = STS_REPLY_MAX,
		.not_after = MONO_NEVER,
		.deadline = mono_now() + CALL_MAX,
		.again = true, /* asking twice gives two sets, of which one is used */
	};
	struct err err = {""};
	struct buf body;
	int ret = lane_ready(assume->lane, &err);

	assume->waits_for_name = ret == -EAGAIN;
	if (assume->waits_for_name)
		return;
	if (ret == 0) {
		name_session(assume);
		role.session = assume->session;
		buf_init(&body, STS_BODY_MAX);
		sts_assume(&body, &role);
		request.body = &body;
		assume->generation = supply_generation(assume->config.parent);
		assume->offset_s = assume->config.clock->offset_s;
		assume->call = lane_send(assume->lane, &request, on_reply, assume, &err);
		buf_free(&body);
	}
	if (!assume->call)
		fail(assume, "%s", err.text);
}

static void fetch(void *arg)
{
	struct assume *assume = arg;

	assume->resigned = false;
	go(assume);
}

static void on_lane_changed(void *arg)
{
	struct assume *assume = arg;

	if (assume->waits_for_name)
		go(assume);
}

void assume_parent_changed(struct assume *assume)
{
	if (assume->waits_for_parent) {
		assume->waits_for_parent = false;
		if (assume->generation != supply_generation(assume->config.parent))
			go(assume);
		else
			fail(assume, "the credentials to ask with are refused: %s",
			     supply_problem(assume->config.parent));
	} else if (supply_creds(assume->config.parent)) {
		supply_start(assume->supply);
	}
}

void assume_identify(struct assume *assume)
{
	lane_identify(assume->lane);
	if (assume->waits_for_name)
		go(assume);
}

struct assume *assume_open(const struct assume_config *config)
{
	struct assume *assume = calloc(1, sizeof(*assume));
	struct supply_config supply = {.loop = config->lane.loop,
				       .fetch = fetch,
				       .fetch_arg = assume,
				       .changed = config->changed,
				       .arg = config->arg};

	if (!assume)
		return NULL;
	assume->config = *config;
	assume->config.lane.changed = on_lane_changed;
	assume->config.lane.arg = assume;
	assume->lane = lane_open(&assume->config.lane);
	assume->supply = supply_open(&supply);
	if (!assume->lane || !assume->supply) {
		assume_close(assume);
		return NULL;
	}
	return assume;
}

void assume_close(struct assume *assume)
{
	if (!assume)
		return;
	if (assume->call) {
		(void)http_abort(assume->call);
		lane_over(assume->lane, NULL);
	}
	lane_close(assume->lane);
	supply_close(assume->supply);
	free(assume);
}

struct supply *assume_supply(struct assume *assume)
{
	return assume->supply;
}
