/* SPDX-License-Identifier: MIT */
/*
 * Form bodies of the Query protocol, which EC2 and STS share. Pure.
 */
#ifndef AWS_FORM_H
#define AWS_FORM_H

#include "agent/base/buf.h"

/* "Action=...&Version=..." */
void form_begin(struct buf *body, const char *action, const char *version);
/* "&name=value", everything percent-encoded but the unreserved letters. */
void form_add(struct buf *body, const char *name, const char *value);

#endif
