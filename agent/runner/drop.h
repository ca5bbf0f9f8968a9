/* SPDX-License-Identifier: MIT */
/*
 * From whoever started us to the user that runs scripts, for good.
 */
#ifndef AGENT_RUNNER_DROP_H
#define AGENT_RUNNER_DROP_H

#include <stdbool.h>
#include <sys/types.h>

#include "agent/base/err.h"

/*
 * Started as root: becomes @user with all his groups. Started as anybody else:
 * stays. In both cases without capabilities and unable to gain any (set-uid
 * programs, sudo). If @user is root the administrator wants root's scripts:
 * then nothing is given up.
 *
 * @reader: a group that may be taken up again by drop_as_reader(), or (gid_t)-1.
 * It is kept as the saved group id, which does not outlive an exec: no script
 * ever has it.
 *
 * Returns 0, or -1 with @err; then the process must not go on.
 */
int drop_privileges(const char *user, gid_t reader, struct err *err);

/* To read the configuration again, which only a group may read: on, read, off. */
void drop_as_reader(bool on);

#endif
