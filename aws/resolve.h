/* SPDX-License-Identifier: MIT */
/*
 * The addresses of one host name, looked up in the background by a thread of
 * its own for each question, so that a name server that never answers holds
 * up nobody. The last addresses that worked out are kept for as long as no
 * better answer comes.
 */
#ifndef AWS_RESOLVE_H
#define AWS_RESOLVE_H

#include <ev.h>

#include "aws/endpoint.h"

struct resolve;

/* Addresses became known, or a first question failed; called on the loop. */
typedef void resolve_fn(void *arg);

/* Asks at once, then every minute. NULL without memory. @endpoint is copied. */
struct resolve *resolve_open(struct ev_loop *loop, const struct endpoint *endpoint, resolve_fn *fn,
			     void *arg);
/* Never waits: a thread still asking is left to end by itself. */
void resolve_close(struct resolve *resolve);

/* "host:port:address,address" for CURLOPT_RESOLVE, or NULL while none is known. */
const char *resolve_pin(const struct resolve *resolve);
/* Why none is known: "" while the first question is out, else the resolver's words. */
const char *resolve_problem(const struct resolve *resolve);
/* The addresses did not answer: ask again soon, at most once a second. */
void resolve_soon(struct resolve *resolve);

#endif
