/* SPDX-License-Identifier: MIT */
/*
 * Where our own credentials come from: the first of these that has any.
 *
 *   a profile that was chosen by name    then nothing else counts
 *   the environment                      AWS_ACCESS_KEY_ID and its like
 *   the profile "default" of the files
 *   a container's endpoint               AWS_CONTAINER_CREDENTIALS_*
 *   the role of the instance             IMDS, the usual case
 *
 * Every fetch begins at the top, so a file that has changed is read again.
 */
#ifndef AWS_CHAIN_H
#define AWS_CHAIN_H

#include <ev.h>

#include "aws/http.h"
#include "aws/imds.h"
#include "aws/settings.h"
#include "aws/supply.h"

struct chain;

/* Idle until supply_start(). @settings and @imds (may be NULL) are borrowed. NULL without memory.
 */
struct chain *chain_open(struct ev_loop *loop, struct http *http, struct imds *imds,
			 const struct settings *settings);
/* Calls @fn on the loop when a round has ended. */
void chain_watch(struct chain *chain, supply_fn *fn, void *arg);
void chain_close(struct chain *chain);
struct supply *chain_supply(struct chain *chain);

/*
 * Where the environment says that a container's credentials are asked for, in @url. -1 with a
 * sentence when it says nothing usable. Exported for the tests.
 */
int chain_container_url(char *url, size_t size, struct err *err);

#endif
