/* SPDX-License-Identifier: MIT */
/*
 * Signing, sending and keeping warm, for one service. May not read an answer:
 * what it means is the business of who asked.
 */
#include "aws/lane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/endpoint.h"
#include "aws/reply.h"
#include "aws/resolve.h"
#include "aws/sigv4.h"

#define SUBJECT_MAX AWS_PARAM_NAME_MAX
#define PING_MAX (2 * SEC)
#define PING_BODY_MAX 2048
#define SETTLE (100 * MSEC) /* after a new subject: its own traffic may warm enough */
#define TARGET_MAX 64

struct lane {
	struct lane_config config;
	struct endpoint endpoint; /* url "" = not known yet */
	struct endpoint proxy;	  /* url "" = none */
	struct resolve *resolve;  /* of the first hop; NULL for a literal address */
	char problem[256];
	struct ev_timer warmer;
	uint64_t seen[LANE_WARM_MAX]; /* hashes of the subjects */
	unsigned int width;	      /* connections wanted */
	unsigned int in_flight;
	mono_us wide_at;	   /* when so many were last in use at once */
	char subject[SUBJECT_MAX]; /* the last one: what a ping asks about */
};

/* --- signing ----------------------------------------------------------------------- */

struct signed_headers {
	char type[96];
	char date[SIGV4_DATE_MAX + 16];
	char target[TARGET_MAX + 16];
	char token[CREDS_TOKEN_MAX + 32];
	char authorization[SIGV4_AUTH_MAX + 16];
};

static const char *add_line(struct http_request *http, char *line, size_t size, const char *name,
			    const char *value)
{
	(void)snprintf(line, size, "%s: %s", name, value); /* sizes are made to fit */
	http->headers[http->header_count++] = line;
	return line + strlen(name) + 2;
}

/* Fills @http's headers; what is signed is read back from the lines that are sent. */
static int sign(const struct lane *lane, const struct lane_request *request,
		struct signed_headers *lines, struct http_request *http)
{
	const struct lane_config *config = &lane->config;
	const struct creds *creds = supply_creds(config->supply);
	struct sigv4_header headers[HTTP_HEADERS_MAX];
	struct sigv4_request sigv4 = {
		.method = "POST",
		.path = "/",
		.query = "",
		.headers = headers,
		.body = request->body->data,
		.body_length = request->body->length,
		.region = identity_self(config->identity)->region,
		.service = config->service,
	};
	struct sigv4_secret secret = {creds->access_key, creds->secret_key};
	char authorization[SIGV4_AUTH_MAX];
	char date[SIGV4_DATE_MAX];
	size_t n = 0;
	int ret = sigv4_date(clock_sign(config->clock), date);

	if (ret < 0)
		return ret;
	headers[n++] = (struct sigv4_header){"host", lane->endpoint.authority};
	headers[n++] = (struct sigv4_header){"content-type",
					     add_line(http, lines->type, sizeof(lines->type),
						      "Content-Type", config->content_type)};
	headers[n++] = (struct sigv4_header){
		"x-amz-date", add_line(http, lines->date, sizeof(lines->date), "X-Amz-Date", date)};
	if (*creds->token) /* keys of a user have none */
		headers[n++] = (struct sigv4_header){
			"x-amz-security-token", add_line(http, lines->token, sizeof(lines->token),
							 "X-Amz-Security-Token", creds->token)};
	if (request->target)
		headers[n++] = (struct sigv4_header){
			"x-amz-target", add_line(http, lines->target, sizeof(lines->target),
						 "X-Amz-Target", request->target)};
	sigv4.header_count = n;
	ret = sigv4_sign(&sigv4, &secret, authorization);
	if (ret == 0)
		(void)add_line(http, lines->authorization, sizeof(lines->authorization),
			       "Authorization", authorization);
	return ret;
}

struct http_call *lane_send(struct lane *lane, const struct lane_request *request, http_fn *fn,
			    void *arg, struct err *err)
{
	struct signed_headers lines;
	struct http_call *call = NULL;
	struct http_request http = {
		.method = HTTP_POST,
		.url = lane->endpoint.url,
		.pin = lane->resolve ? resolve_pin(lane->resolve) : NULL,
		.proxy = lane->proxy.url[0] ? lane->proxy.url : NULL,
		.body = request->body->data,
		.body_length = request->body->length,
		.reply_max = request->reply_max,
		.not_after = request->not_after,
		.deadline = request->deadline,
		.again = request->again,
	};

	if (request->body->overflow || sign(lane, request, &lines, &http) < 0)
		(void)err_set(err, "the request cannot be built or signed");
	else
		call = http_start(lane->config.http, &http, fn, arg);
	explicit_bzero(&lines, sizeof(lines));
	if (!call) {
		(void)err_set(err, "no memory for the request");
		return NULL;
	}
	budget_spend(lane->config.budget, mono_now());
	if (++lane->in_flight >= lane->width)
		lane->wide_at = mono_now();
	return call;
}

void lane_over(struct lane *lane, const struct http_reply *reply)
{
	lane->in_flight--;
	if (!reply)
		return;
	*lane->config.connects += reply->connects;
	/* It never got as far as sending: the addresses may be old. */
	if (!reply->sent && reply->end != HTTP_LATE && lane->resolve)
		resolve_soon(lane->resolve);
}

/* --- warmth ------------------------------------------------------------------------- */

static void arm_warmer(struct lane *lane, mono_us soonest)
{
	mono_us due = lane->wide_at + lane->config.warm - mono_now();

	ev_timer_stop(lane->config.loop, &lane->warmer);
	if (lane->config.warm <= 0 || lane->width == 0)
		return;
	ev_now_update(lane->config.loop);
	ev_timer_set(&lane->warmer, mono_seconds(mono_max(due, soonest)), 0.0);
	ev_timer_start(lane->config.loop, &lane->warmer);
}

static void on_ping_done(void *arg, struct http_reply *reply)
{
	lane_over(arg, reply);
}

static void ping(struct lane *lane)
{
	struct lane_request request = {
		.target = lane->config.ping_target,
		.reply_max = REPLY_SSM_MAX,
		.not_after = MONO_NEVER,
		.deadline = mono_now() + PING_MAX,
		.again = true,
	};
	struct buf body;

	buf_init(&body, PING_BODY_MAX);
	lane->config.ping(&body, lane->subject);
	request.body = &body;
	while (lane->in_flight < lane->width &&
	       budget_allows(lane->config.budget, BUDGET_QUIET, mono_now()))
		if (!lane_send(lane, &request, on_ping_done, lane, NULL))
			break;
	buf_free(&body);
}

static bool cold(const struct lane *lane)
{
	return mono_now() - lane->wide_at >= lane->config.warm;
}

static void on_warmer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct lane *lane = timer->data;

	(void)loop;
	(void)events;
	if (cold(lane) && lane_ready(lane, NULL) == 0)
		ping(lane);
	arm_warmer(lane, cold(lane) ? SEC : 0); /* could not: look again in a while */
}

static uint64_t hash(const char *text)
{
	uint64_t value = 0xcbf29ce484222325; /* FNV-1a: a collision costs one handshake */

	for (; *text; text++)
		value = (value ^ (unsigned char)*text) * 0x100000001b3;
	return value;
}

void lane_expect(struct lane *lane, const char *subject)
{
	uint64_t value = hash(subject);

	(void)snprintf(lane->subject, sizeof(lane->subject), "%s", subject);
	for (unsigned int i = 0; i < lane->width; i++)
		if (lane->seen[i] == value)
			return;
	if (lane->width == lane->config.warm_max)
		return;
	lane->seen[lane->width++] = value;
	lane->wide_at = MONO_LONG_AGO;
	arm_warmer(lane, SETTLE);
}

/* --- the endpoint --------------------------------------------------------------------- */

static void on_resolved(void *arg)
{
	struct lane *lane = arg;

	lane->config.changed(lane->config.arg);
}

static int choose_endpoint(struct lane *lane, struct err *err)
{
	const struct lane_config *config = &lane->config;
	const struct settings *settings = config->settings;
	struct endpoint_wish wish = {
		.service = config->service,
		.region = identity_self(config->identity)->region,
		.domain = identity_domain(config->identity),
		.fips = settings->fips,
		.dualstack = settings->dualstack,
	};

	if (*config->url)
		return endpoint_parse(config->url, settings->allow_http, &lane->endpoint, err);
	return endpoint_build(&wish, &lane->endpoint, err);
}

/* TLS runs inside the tunnel, so the proxy itself is spoken to in plain. */
static int choose_proxy(struct lane *lane, struct err *err)
{
	const char *url = lane->config.settings->proxy;

	if (!*url)
		return 0;
	if (strncmp(url, "http://", 7) != 0)
		return err_set(err, "proxy '%s': must begin with http://", url);
	return endpoint_parse(url, true, &lane->proxy, err);
}

static const struct endpoint *first_hop(const struct lane *lane)
{
	return lane->proxy.url[0] ? &lane->proxy : &lane->endpoint;
}

void lane_identify(struct lane *lane)
{
	const struct lane_config *config = &lane->config;
	struct err err = {""};
	int ret;

	if (lane->endpoint.url[0] || !identity_complete(config->identity))
		return;
	ret = choose_endpoint(lane, &err);
	if (ret == 0)
		ret = choose_proxy(lane, &err);
	if (ret == 0 && !first_hop(lane)->literal) {
		lane->resolve = resolve_open(config->loop, first_hop(lane), on_resolved, lane);
		if (!lane->resolve)
			ret = err_set(&err, "no memory to look %s up", first_hop(lane)->host);
	}
	if (ret < 0) {
		lane->endpoint.url[0] = '\0';
		(void)snprintf(lane->problem, sizeof(lane->problem), "%.250s", err.text);
	}
}

int lane_ready(const struct lane *lane, struct err *err)
{
	const struct lane_config *config = &lane->config;
	const char *why = supply_problem(config->supply);

	if (!*why)
		why = supply_problem(config->origin);

	if (!identity_complete(config->identity)) {
		(void)err_set(err, "%s", identity_self(config->identity)->problem);
		return -ENOTCONN;
	}
	if (!supply_creds(config->supply)) {
		(void)err_set(err, "%s", *why ? why : "no credentials yet: still asking for them");
		return -ENOTCONN;
	}
	if (!lane->endpoint.url[0]) {
		(void)err_set(err, "%s", lane->problem);
		return -ENOTCONN;
	}
	if (!lane->resolve || resolve_pin(lane->resolve))
		return 0;
	why = resolve_problem(lane->resolve);
	(void)err_set(err, "cannot look up %s: %s", first_hop(lane)->host,
		      *why ? why : "no answer from the name server");
	return *why ? -EHOSTUNREACH : -EAGAIN;
}

unsigned int lane_width(const struct lane *lane)
{
	return lane->width;
}

bool lane_full(const struct lane *lane)
{
	return lane->in_flight >= lane->config.width_max;
}

struct supply *lane_supply(const struct lane *lane)
{
	return lane->config.supply;
}

const char *lane_host(const struct lane *lane)
{
	return lane->endpoint.authority;
}

struct lane *lane_open(const struct lane_config *config)
{
	struct lane *lane = calloc(1, sizeof(*lane));

	if (!lane)
		return NULL;
	lane->config = *config;
	lane->wide_at = MONO_LONG_AGO;
	ev_timer_init(&lane->warmer, on_warmer, 0.0, 0.0);
	lane->warmer.data = lane;
	return lane;
}

void lane_close(struct lane *lane)
{
	if (!lane)
		return;
	resolve_close(lane->resolve);
	ev_timer_stop(lane->config.loop, &lane->warmer);
	free(lane);
}
