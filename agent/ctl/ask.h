/* SPDX-License-Identifier: MIT */
/*
 * One question to the daemon over its status socket.
 */
#ifndef AGENT_CTL_ASK_H
#define AGENT_CTL_ASK_H

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/mono.h"
#include "agent/ctl/ctl.h"

/* For the whole conversation; the daemon itself gives up after 2 s. */
#define ASK_DEADLINE (5 * SEC)

/*
 * Sends @line and fills @reply (buf_init'ed by the caller) with the answer,
 * without its last newline. Returns CTL_OK, or the exit code with @err saying
 * what is wrong and what to do. An answer that begins with ERROR is a refusal.
 */
enum ctl_exit ask(const char *socket_path, const char *line, struct buf *reply, struct err *err);

#endif
