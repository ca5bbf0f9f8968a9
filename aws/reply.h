/* SPDX-License-Identifier: MIT */
/*
 * What an answer that is not a plain success means. Pure. One table maps the
 * error codes of EC2, SSM and STS to an outcome, to what the worker may do about
 * it within the same job, and to the advice an operator gets.
 */
#ifndef AWS_REPLY_H
#define AWS_REPLY_H

#include <stddef.h>

#include "agent/base/outcome.h"

#define REPLY_EC2_MAX                                                                              \
	((size_t)4 * 1024 * 1024) /* bodies: longer ones are cut off, and are failures */
#define REPLY_SSM_MAX ((size_t)64 * 1024)
#define REPLY_IMDS_MAX ((size_t)16 * 1024)

#define REPLY_CODE_MAX 96
#define REPLY_MESSAGE_MAX ((size_t)12 * 1024)

enum reply_remedy {
	REPLY_GIVE_UP,	     /* report it */
	REPLY_NAME_RIGHT,    /* report it with the IAM right that is missing */
	REPLY_CREATE_ROUTE,  /* there is no route to replace */
	REPLY_REPLACE_ROUTE, /* there is one already */
	REPLY_RENEW,	     /* new credentials, once */
	REPLY_CORRECT_CLOCK, /* our clock, else new credentials, once */
	REPLY_ASK_IMDS,	     /* who we are may have changed; report it */
};

struct reply_fault {
	enum outcome outcome;
	enum reply_remedy remedy;
	const char *hint;		 /* static; "" when there is none */
	char code[REPLY_CODE_MAX];	 /* "" when the body named none */
	char message[REPLY_MESSAGE_MAX]; /* foreign text, control bytes made '?' */
};

/* Any status, any body: a page of HTML or nothing at all is judged by @status. */
void reply_fault_ec2(long status, const char *body, size_t length, struct reply_fault *fault);

void reply_fault_sts(long status, const char *body, size_t length, struct reply_fault *fault);

/* @type is the header x-amzn-ErrorType, or "". */
void reply_fault_ssm(long status, const char *type, const char *body, size_t length,
		     struct reply_fault *fault);

/*
 * "ReplaceRoute rtb-1: UnauthorizedOperation (HTTP 403): ...; allow
 * ec2:ReplaceRoute on this route table". @right is what REPLY_NAME_RIGHT adds.
 */
void reply_sentence(const struct reply_fault *fault, long status, const char *what,
		    const char *right, char *out, size_t size);

/* Foreign text: copies what fits and makes control bytes '?'. */
void reply_copy(char *out, size_t size, const char *text);

#endif
