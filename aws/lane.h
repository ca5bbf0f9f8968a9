/* SPDX-License-Identifier: MIT */
/*
 * The way to one service: its endpoint, the addresses of its name, signed
 * requests, and connections kept open for the moment that counts.
 *
 * Kept warm: a claim writes all its tables in the same moment, one connection
 * each, and none of them should wait for a TLS handshake (8 to 10 ms in the
 * lab, two or three round trips and certificate checks in real life). So as
 * many connections as there are tables (parameters, for SSM) are used at once
 * at least every config.warm. The agent's own verify reads do that already;
 * only where they did not, a cheap signed call goes out on each: for EC2
 * DescribeRouteTables with DryRun, which draws on the large bucket of reads
 * and never on that of ReplaceRoute, for SSM GetParameter. While such calls
 * are out (one round trip per config.warm) a claim opens its own connections.
 *
 * Reads take turns on those connections: hundreds of first looks at once would
 * otherwise open dozens of them, and none would be answered in time.
 */
#ifndef AWS_LANE_H
#define AWS_LANE_H

#include <ev.h>
#include <stdbool.h>

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "aws/budget.h"
#include "aws/clock.h"
#include "aws/http.h"
#include "aws/identity.h"
#include "aws/settings.h"
#include "aws/supply.h"

#define LANE_WARM_MAX 64 /* connections: as many as one instance may have tables */

struct lane;

/* Writes a call that asks about @subject and changes nothing. */
typedef void lane_ping_fn(struct buf *body, const char *subject);
/* The endpoint or its addresses became known, or a look-up failed. On the loop. */
typedef void lane_fn(void *arg);

struct lane_config {	     /* strings and pointers outlive the lane */
	const char *service; /* "ec2": host label and signing name */
	const char *content_type;
	const char *url;	/* override, or "" */
	mono_us warm;		/* 0 = not */
	unsigned int warm_max;	/* connections kept warm, up to LANE_WARM_MAX, */
	unsigned int width_max; /* and those that reads take turns on */
	lane_ping_fn *ping;
	const char *ping_target; /* its X-Amz-Target, or NULL */
	struct ev_loop *loop;
	struct http *http;
	const struct settings *settings;
	const struct identity *identity;
	struct supply *supply;	     /* what calls are signed with */
	const struct supply *origin; /* what that is made of: the same, or the first of a chain */
	const struct clock *clock;
	struct budget *budget;
	_Atomic uint64_t *connects; /* counted here, read by others */
	lane_fn *changed;
	void *arg;
};

struct lane_request {
	const char *target; /* X-Amz-Target, or NULL */
	const struct buf *body;
	size_t reply_max;
	mono_us not_after;
	mono_us deadline;
	bool again; /* a read: may go out twice when the connection was dead */
};

struct lane *lane_open(const struct lane_config *config);
/* Calls under way must have been given up by then. */
void lane_close(struct lane *lane);

/* A round of questions to IMDS ended: the endpoint may be known now. */
void lane_identify(struct lane *lane);

/*
 * 0: can send. Otherwise @err says why not: -EAGAIN, the first look-up of the
 * name is under way; -EHOSTUNREACH, the name server knows no address;
 * -ENOTCONN, we do not know who we are or have no credentials, or the endpoint
 * is misconfigured.
 */
int lane_ready(const struct lane *lane, struct err *err);

/* @subject (a table, a parameter) is one that we write: counts for the warmth. */
void lane_expect(struct lane *lane, const char *subject);

/* Connections that it keeps warm. */
unsigned int lane_width(const struct lane *lane);

/* So many calls are under way that another read had better wait for one to end. */
bool lane_full(const struct lane *lane);

/* Signs and starts a call; NULL with @err when it cannot be signed. For each
 * call started lane_over() must be called once, @reply NULL after an abort. */
struct http_call *lane_send(struct lane *lane, const struct lane_request *request, http_fn *fn,
			    void *arg, struct err *err);
void lane_over(struct lane *lane, const struct http_reply *reply);

/* What its calls are signed with. */
struct supply *lane_supply(const struct lane *lane);

/* For sentences: "ssm.eu-west-1.amazonaws.com". */
const char *lane_host(const struct lane *lane);

#endif
