/* SPDX-License-Identifier: MIT */
/*
 * The line for notify_fifo, in keepalived's form.
 */
#ifndef AGENT_RUNNER_FIFO_H
#define AGENT_RUNNER_FIFO_H

#include "agent/notify.h"

/*
 * Writes the line of @event to the FIFO at @path, which is made when it is
 * missing. Never waits. Returns 0 or -errno: -ENXIO nobody reads, -EAGAIN the
 * reader is behind, -ENOTSUP it is something else than a FIFO.
 */
int fifo_tell(const char *path, const struct notify_event *event);

#endif
