/* SPDX-License-Identifier: MIT */
/*
 * A small scripted AWS for the worker's tests, on loopback and on the test's
 * own loop: IMDS on one port, EC2 and SSM on another. It answers as told and
 * remembers what it was asked; whether signatures are right is judged in the
 * lab, by another implementation.
 */
#ifndef TESTS_UNIT_AWS_FAKE_H
#define TESTS_UNIT_AWS_FAKE_H

#include <ev.h>
#include <stdbool.h>

#include "aws/aws.h"

#define FAKE_JOBS_MAX 64
#define FAKE_REQUEST_MAX 8192
#define FAKE_REPLY_MAX (128 * 1024)
/* What a busy machine may take for what needs no time. */
#define PATIENCE (5 * SEC)

struct fake;

struct fake_request {
	char text[FAKE_REQUEST_MAX]; /* head and body, NUL-terminated */
	const char *body;
	char action[64];	 /* "ReplaceRoute", "PutParameter", "PUT /latest/...", ... */
	unsigned int connection; /* counted from 1 */
	unsigned int nth;	 /* request of this action, counted from 1 */
};

struct fake_reply {
	int status;
	char body[FAKE_REPLY_MAX];
	size_t length;	/* 0 = strlen(body) */
	size_t promise; /* Content-Length, 0 = length */
	char headers[256];
	int delay_ms;
	bool silent; /* never answers */
	bool drop;   /* closes with a reset instead of answering */
};

typedef void fake_script_fn(struct fake *fake, const struct fake_request *request,
			    struct fake_reply *reply);

struct fake {
	struct ev_loop *loop;
	int imds_fd, api_fd;
	struct ev_io imds_io, api_io;
	char imds_url[64], api_url[64];
	int api_port;
	struct fake_connection *connections;
	unsigned int accepted;	/* API connections so far */
	unsigned int resets;	/* API connections that the client reset */
	unsigned int requests;	/* API requests so far */
	unsigned int in_flight; /* API requests not yet answered */
	unsigned int in_flight_max;
	struct { /* requests by action */
		char action[64];
		unsigned int count;
	} seen[16];
	fake_script_fn *script;	     /* of EC2 and SSM */
	fake_script_fn *imds_script; /* NULL: the plain IMDS below */

	/* the plain IMDS */
	unsigned int tokens; /* handed out; only the last one is good */
	unsigned int key;    /* in AKID<key>: another credential */
	int lifetime_s;	     /* of credentials */
	bool no_role;
	bool forget_token; /* the next question is met with 401 */
	unsigned int credentials_asked;

	/* the worker under test */
	struct aws_config config;
	struct aws *aws;
	struct aws_identity identity;
	unsigned int identities;	     /* reports so far */
	struct aws_job *jobs[FAKE_JOBS_MAX]; /* in the order in which they came back */
	unsigned int done;
};

/* The worker is not started: set up config and script first. */
struct fake *fake_open(void);
void fake_close(struct fake *fake);

/* Starts the worker and waits until it knows who it is. */
void fake_start(struct fake *fake);
void fake_start_unknown(struct fake *fake); /* the same without the wait */

/* Runs the loop until @jobs have come back, or an identity report is there; fails the
 * test after half a minute. */
void fake_wait(struct fake *fake, unsigned int jobs);
void fake_wait_report(struct fake *fake, unsigned int reports);
/* The same until @counter, of @fake, is at least @wanted. */
void fake_wait_for(struct fake *fake, const unsigned int *counter, unsigned int wanted);
void fake_run(struct fake *fake, int ms);

/* A job of instance 1 with ten seconds to live. */
struct aws_job *fake_job(enum aws_call call);
void fake_submit(struct fake *fake, struct aws_job *job);
/* The only job of the test, to its end. */
const struct aws_job *fake_do(struct fake *fake, struct aws_job *job);

unsigned int fake_count(const struct fake *fake, const char *action);

/* Ready-made answers. */
void fake_plain_imds(struct fake *fake, const struct fake_request *request,
		     struct fake_reply *reply);
void fake_ok(const struct fake_request *request, struct fake_reply *reply);
/* As a proxy that refuses: the script of a test that is about asking one. */
void fake_no_tunnel(struct fake *fake, const struct fake_request *request,
		    struct fake_reply *reply);
void fake_ec2_error(struct fake_reply *reply, int status, const char *code, const char *message);
void fake_ssm_error(struct fake_reply *reply, int status, const char *code);

/* Takes the API away, connections and all: refused from now on. And brings it back. */
void fake_api_down(struct fake *fake);
void fake_api_up(struct fake *fake);

/* How often any name was asked for. */
unsigned int fake_resolver_asked(void);
/* What the wrapped getaddrinfo() does with "flaky.test": true = it fails. */
void fake_resolver_fails(bool fails);
/* Lets go of everybody who asked for "hang.test". */
void fake_resolver_release(void);

#endif
