/* SPDX-License-Identifier: MIT */
/*
 * Whether a script may be run: only if nobody but root and the script's own
 * user can change it, or make the path lead elsewhere. These checks are
 * always on.
 */
#ifndef AGENT_RUNNER_TRUST_H
#define AGENT_RUNNER_TRUST_H

#include <sys/types.h>

#include "agent/base/err.h"

/*
 * Walks @path from the root, component by component, and opens it. Every
 * directory and the file must belong to root or @user and be writable by its
 * owner only; symbolic links are followed under the same rule. The answer
 * holds for the descriptor returned, whatever is done to the path afterwards.
 *
 * Returns an O_PATH descriptor (close-on-exec, owned by the caller) to be
 * executed as it is, or -1 with @err naming the component, its owner and
 * mode, and the fix.
 */
int trust_open(const char *path, uid_t user, struct err *err);

#endif
