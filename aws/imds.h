/* SPDX-License-Identifier: MIT */
/*
 * The instance metadata service, version 2 only: a session token first, then
 * one question after the other, whoever asks. It knows the protocol, not what
 * the answers mean.
 */
#ifndef AWS_IMDS_H
#define AWS_IMDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/base/err.h"
#include "aws/http.h"

#define IMDS_PATH_MAX 256
#define IMDS_QUEUE_MAX                                                                             \
	4 /* who asks: identity, credentials, notices; one question each at a time                 \
	   */

struct imds;

struct imds_reply {	  /* borrowed for the callback */
	long status;	  /* of the question, 0 when it could not be put */
	const char *text; /* NUL-terminated body, "" when there is none */
	size_t length;
	int64_t date;	   /* IMDS's clock, Unix seconds, or 0 */
	char problem[512]; /* status 0: a sentence with the way to mend it */
};

typedef void imds_fn(void *arg, const struct imds_reply *reply);

/*
 * @url "" = http://169.254.169.254. It must name a literal address: knowing
 * who we are may not hang on a name server. NULL with @err otherwise.
 */
struct imds *imds_open(struct http *http, struct ev_loop *loop, const char *url, struct err *err);
void imds_close(struct imds *imds);
const char *imds_url(const struct imds *imds);

/*
 * GET /latest/meta-data/@path, with a new token where the old one is refused.
 * Questions wait for each other; @fn is called once, from the loop.
 */
void imds_get(struct imds *imds, const char *path, imds_fn *fn, void *arg);

#endif
