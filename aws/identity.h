/* SPDX-License-Identifier: MIT */
/*
 * Who we are and with which credentials we may speak, asked of IMDS at start,
 * before the credentials expire, and whenever AWS says that they or our
 * interface are not what we think. Asked for ever, with back-off; what was
 * known stays in use until something better is there.
 */
#ifndef AWS_IDENTITY_H
#define AWS_IDENTITY_H

#include <ev.h>
#include <stdbool.h>

#include "aws/aws.h"
#include "aws/creds.h"
#include "aws/http.h"

struct identity;

/* A round of questions has ended, well or badly. Called on the loop. */
typedef void identity_fn(void *arg);

/* Begins to ask. The strings of @config are copied. NULL without memory. */
struct identity *identity_open(struct ev_loop *loop, struct http *http,
			       const struct aws_config *config, identity_fn *fn, void *arg);
void identity_close(struct identity *identity);

/* Borrowed, valid until the next round ends. */
const struct aws_identity *identity_self(const struct identity *identity);
/* NULL while there are none; expired ones are given out as long as they are the best. */
const struct creds *identity_creds(const struct identity *identity);
/* Goes up with every change of the credentials; 0 = none yet. */
unsigned int identity_generation(const struct identity *identity);
/* The domain of AWS's names here, as IMDS gives it; "" = not said. */
const char *identity_domain(const struct identity *identity);
/* Our VPC, "" = not said. */
const char *identity_vpc(const struct identity *identity);

/*
 * AWS refused what we have: ask IMDS now. False when that was done less than
 * five seconds ago, so that a lasting refusal does not become a storm.
 */
bool identity_renew(struct identity *identity);

#endif
