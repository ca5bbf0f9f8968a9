/* SPDX-License-Identifier: MIT */
/*
 * What IMDS announces about this instance: a spot interruption, a rebalance
 * recommendation, scheduled maintenance, the end of its life in an
 * auto-scaling group. Asked for gently, reported on change; a metadata
 * service that does not answer announces nothing and takes nothing back.
 */
#ifndef AWS_NOTICES_H
#define AWS_NOTICES_H

#include <ev.h>
#include <stddef.h>

#include "aws/aws.h"
#include "aws/imds.h"

struct notices;

/* Something is announced, different or taken back. Called on the loop. */
typedef void notices_fn(void *arg);

/* @watch: bits 1 << enum aws_notice_kind; 0 = asks nothing. @imds may be NULL, then likewise. */
struct notices *notices_open(struct ev_loop *loop, struct imds *imds, unsigned int watch,
			     notices_fn *fn, void *arg);
void notices_close(struct notices *notices);
/* AWS_NOTICES of them, borrowed. */
const struct aws_notice *notices_all(const struct notices *notices);

/*
 * One answer of IMDS with status 200, @date its clock (0 = not said), @now
 * ours. Pure. False: not to be understood, so nothing is known.
 */
bool notice_read(enum aws_notice_kind kind, const char *text, size_t length, int64_t date,
		 mono_us now, struct aws_notice *notice);

#endif
