/* SPDX-License-Identifier: MIT */
/*
 * The one call to STS: AssumeRole, Query protocol 2011-06-15. Pure.
 */
#ifndef AWS_STS_H
#define AWS_STS_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "aws/creds.h"

#define STS_BODY_MAX 8192
#define STS_SESSION_MAX 65
#define STS_REPLY_MAX ((size_t)64 * 1024)

struct sts_role { /* borrowed strings */
	const char *arn;
	const char *external_id; /* "" = none */
	const char *session;	 /* as CloudTrail names us */
};

/* One hour is asked for: the most that a role may get for another. */
void sts_assume(struct buf *body, const struct sts_role *role);

/* "zonevip-i-0aa" or what else is left of @text: 2 to 64 letters that STS takes. */
void sts_session(const char *text, char session[static STS_SESSION_MAX]);

/* Status 200. 0, or -EBADMSG with a sentence; @creds is wiped on failure. */
int sts_read_assumed(const char *xml, size_t length, struct creds *creds, struct err *err);

#endif
