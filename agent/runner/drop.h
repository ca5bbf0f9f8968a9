/* SPDX-License-Identifier: MIT */
/*
 * From whoever started us to the user that runs scripts, for good.
 */
#ifndef AGENT_RUNNER_DROP_H
#define AGENT_RUNNER_DROP_H

#include "agent/base/err.h"

/*
 * Started as root: becomes @user with all his groups. Started as anybody else:
 * stays. In both cases without capabilities and unable to gain any (set-uid
 * programs, sudo). If @user is root the administrator wants root's scripts:
 * then nothing is given up.
 *
 * Returns 0, or -1 with @err; then the process must not go on.
 */
int drop_privileges(const char *user, struct err *err);

#endif
