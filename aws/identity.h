/* SPDX-License-Identifier: MIT */
/*
 * Who we are: instance, zone, region and the ENI of each interface, asked of
 * IMDS at start, every hour, and whenever AWS says that we are not what we
 * think. Asked for ever, with back-off; what was known stays in use until
 * something better is there. Credentials are another matter (aws/supply.h).
 */
#ifndef AWS_IDENTITY_H
#define AWS_IDENTITY_H

#include <ev.h>
#include <stdbool.h>

#include "aws/aws.h"
#include "aws/imds.h"
#include "aws/settings.h"

struct identity;

/* A round of questions has ended, well or badly. Called on the loop. */
typedef void identity_fn(void *arg);

/* Begins to ask. @imds (NULL: settings say why) and @settings are borrowed. NULL without memory. */
struct identity *identity_open(struct ev_loop *loop, struct imds *imds,
			       const struct settings *settings, identity_fn *fn, void *arg);
void identity_close(struct identity *identity);

/* Borrowed, valid until the next round ends. known, source and credentials_until are not
 * filled here. */
const struct aws_identity *identity_self(const struct identity *identity);
/* A round was complete once. */
bool identity_complete(const struct identity *identity);
/* Our ENI of that interface ("" = the first), "" when there is none. */
const char *identity_eni(const struct identity *identity, const char *interface);
/* The domain of AWS's names here, as IMDS gives it; "" = not said. */
const char *identity_domain(const struct identity *identity);
/* Our VPC, "" = not said. */
const char *identity_vpc(const struct identity *identity);

/*
 * EC2 does not know our interface or instance: ask IMDS now, unless that was
 * done less than five seconds ago.
 */
void identity_renew(struct identity *identity);

#endif
