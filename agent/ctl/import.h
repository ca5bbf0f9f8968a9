/* SPDX-License-Identifier: MIT */
/*
 * The vrrp_instance and vrrp_script subset of a keepalived.conf as ours.
 */
#ifndef AGENT_CTL_IMPORT_H
#define AGENT_CTL_IMPORT_H

#include <stdio.h>

#include "agent/base/err.h"

#define IMPORT_FILE_MAX ((size_t)1024 * 1024)

/*
 * Reads @in to its end and prints to @out. 0, or -1 with @err: too large, or no
 * vrrp_instance in it. What is not understood becomes a comment.
 */
int import_keepalived(FILE *in, FILE *out, struct err *err);

#endif
