/* SPDX-License-Identifier: MIT */
/*
 * IMDSv2 over plain http to a link-local address. May not fall back to
 * version 1 and may not keep an answer: what was asked for is handed on and
 * wiped. A question without memory to put it is answered by a timer.
 */
#include "aws/imds.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/endpoint.h"
#include "aws/reply.h"

#define DEFAULT_URL "http://169.254.169.254"
#define TOKEN_PATH "latest/api/token"
#define TOKEN_TTL "21600"
#define TOKEN_LIFE ((21600 - 300) * SEC)
#define TOKEN_MAX 512
#define CALL_MAX (1 * SEC)

struct question {
	char path[IMDS_PATH_MAX];
	imds_fn *fn;
	void *arg;
};

struct imds {
	struct http *http;
	struct http_call *call; /* under way, or NULL */
	struct ev_loop *loop;
	struct ev_timer failed;	    /* reports what failed inside imds_get() */
	char url[ENDPOINT_URL_MAX]; /* as the operator knows it, without the last '/' */
	char token[TOKEN_MAX];	    /* "" = none */
	mono_us token_until;
	bool renewed;			       /* for this question already */
	struct question queue[IMDS_QUEUE_MAX]; /* [0] is being asked */
	unsigned int queued;
};

static void ask(struct imds *imds);
static void begin(struct imds *imds);

static void answer(struct imds *imds, const struct imds_reply *reply)
{
	struct question done = imds->queue[0];

	imds->call = NULL;
	imds->queued--;
	memmove(imds->queue, imds->queue + 1, imds->queued * sizeof(imds->queue[0]));
	done.fn(done.arg, reply); /* may put another, which then waits its turn */
	if (imds->queued > 0 && !imds->call && !ev_is_active(&imds->failed))
		begin(imds);
}

/* No answer at all, from a service that is a hop away at most. */
static void answer_silence(struct imds *imds, const struct http_reply *http)
{
	struct imds_reply reply = {.text = ""};

	(void)snprintf(reply.problem, sizeof(reply.problem),
		       "no IMDS at %.200s (%.150s): is this an EC2 instance, is IMDSv2 enabled, is "
		       "HttpPutResponseHopLimit high enough?",
		       imds->url, http->end == HTTP_FAILED ? http->error : "timeout");
	answer(imds, &reply);
}

static void answer_refusal(struct imds *imds, long status)
{
	struct imds_reply reply = {.text = ""};

	if (status == 403)
		(void)snprintf(reply.problem, sizeof(reply.problem),
			       "IMDS at %s is switched off (HTTP 403): enable the instance's "
			       "metadata options (HttpEndpoint)",
			       imds->url);
	else
		(void)snprintf(reply.problem, sizeof(reply.problem),
			       "IMDS at %s gives no session token (HTTP %ld)", imds->url, status);
	answer(imds, &reply);
}

static void on_failed(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct imds *imds = timer->data;
	struct imds_reply reply = {.text = "", .problem = "no memory to ask IMDS"};

	(void)loop;
	(void)events;
	answer(imds, &reply);
}

static void start(struct imds *imds, struct http_request *request, http_fn *fn)
{
	request->reply_max = REPLY_IMDS_MAX;
	request->not_after = MONO_NEVER;
	request->deadline = mono_now() + CALL_MAX;
	request->again = true;
	imds->call = http_start(imds->http, request, fn, imds);
	if (!imds->call)
		ev_timer_start(imds->loop, &imds->failed);
}

static bool token_ok(const char *token, size_t length)
{
	if (length == 0 || length >= TOKEN_MAX)
		return false;
	for (size_t i = 0; i < length; i++)
		if (token[i] <= 0x20 || token[i] >= 0x7f)
			return false;
	return true;
}

static void on_token(void *arg, struct http_reply *reply)
{
	struct imds *imds = arg;

	imds->call = NULL;
	if (reply->end != HTTP_DONE) {
		answer_silence(imds, reply);
		return;
	}
	if (reply->status != 200 || !token_ok(reply->body.data, reply->body.length)) {
		answer_refusal(imds, reply->status);
		return;
	}
	memcpy(imds->token, reply->body.data, reply->body.length + 1);
	imds->token_until = mono_now() + TOKEN_LIFE;
	ask(imds);
}

static void ask_token(struct imds *imds)
{
	char url[ENDPOINT_URL_MAX + sizeof(TOKEN_PATH) + 1];
	struct http_request request = {
		.method = HTTP_PUT,
		.url = url,
		.headers = {"X-aws-ec2-metadata-token-ttl-seconds: " TOKEN_TTL, "Content-Type:"},
		.header_count = 2,
	};

	imds->renewed = true;
	explicit_bzero(imds->token, sizeof(imds->token));
	(void)snprintf(url, sizeof(url), "%s/" TOKEN_PATH, imds->url);
	start(imds, &request, on_token);
}

static void on_answer(void *arg, struct http_reply *http)
{
	struct imds *imds = arg;
	struct imds_reply reply = {.status = http->status, .date = http->date};

	imds->call = NULL;
	if (http->end != HTTP_DONE) {
		answer_silence(imds, http);
		return;
	}
	if (http->status == 401 && !imds->renewed) { /* expired, or from before a stop and start */
		ask_token(imds);
		return;
	}
	reply.text = http->body.data ? http->body.data : "";
	reply.length = http->body.length;
	answer(imds, &reply);
}

static void ask(struct imds *imds)
{
	char url[ENDPOINT_URL_MAX + IMDS_PATH_MAX + 32];
	char token[TOKEN_MAX + 32];
	struct http_request request = {
		.method = HTTP_GET,
		.url = url,
		.headers = {token},
		.header_count = 1,
	};

	(void)snprintf(url, sizeof(url), "%s/latest/meta-data/%s", imds->url, imds->queue[0].path);
	(void)snprintf(token, sizeof(token), "X-aws-ec2-metadata-token: %s", imds->token);
	start(imds, &request, on_answer);
	explicit_bzero(token, sizeof(token));
}

static void begin(struct imds *imds)
{
	imds->renewed = false;
	if (imds->token[0] && mono_now() < imds->token_until)
		ask(imds);
	else
		ask_token(imds);
}

void imds_get(struct imds *imds, const char *path, imds_fn *fn, void *arg)
{
	struct question *question = &imds->queue[imds->queued];

	assert(imds->queued < IMDS_QUEUE_MAX); /* everybody asks one question at a time */
	(void)snprintf(question->path, sizeof(question->path), "%s", path);
	question->fn = fn;
	question->arg = arg;
	if (++imds->queued == 1)
		begin(imds);
}

const char *imds_url(const struct imds *imds)
{
	return imds->url;
}

struct imds *imds_open(struct http *http, struct ev_loop *loop, const char *url, struct err *err)
{
	struct endpoint endpoint;
	struct imds *imds;

	if (endpoint_parse(*url ? url : DEFAULT_URL, true, &endpoint, err) < 0)
		return NULL;
	if (!endpoint.literal) {
		(void)err_set(err, "imds_endpoint '%s' must be an address, not a name", url);
		return NULL;
	}
	imds = calloc(1, sizeof(*imds));
	if (!imds) {
		(void)err_set(err, "no memory for IMDS");
		return NULL;
	}
	imds->http = http;
	imds->loop = loop;
	memcpy(imds->url, endpoint.url, strlen(endpoint.url) - 1); /* without the last '/' */
	ev_timer_init(&imds->failed, on_failed, 0.1, 0.0);
	imds->failed.data = imds;
	return imds;
}

void imds_close(struct imds *imds)
{
	if (!imds)
		return;
	if (imds->call)
		(void)http_abort(imds->call);
	ev_timer_stop(imds->loop, &imds->failed);
	explicit_bzero(imds, sizeof(*imds));
	free(imds);
}
