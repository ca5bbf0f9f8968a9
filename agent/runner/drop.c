/* SPDX-License-Identifier: MIT */
/*
 * Gives up what the scripts must not have (zonevip-notify(8)). Order matters:
 * groups while we may, the bounding set while we may, the user last; then it
 * is tried whether the way back is shut.
 */
#define _GNU_SOURCE /* setresuid */
#include "agent/runner/drop.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static gid_t own = (gid_t)-1, kept = (gid_t)-1;

static int become(const struct passwd *user, gid_t reader, struct err *err)
{
	gid_t saved = reader == (gid_t)-1 ? user->pw_gid : reader;

	if (initgroups(user->pw_name, user->pw_gid) < 0)
		return err_set(err, "groups of %s: %s", user->pw_name, strerror(errno));
	capng_clear(CAPNG_SELECT_BOUNDS);
	if (capng_apply(CAPNG_SELECT_BOUNDS) < 0)
		return err_set(err, "cannot empty the bounding set of capabilities");
	if (setresgid(user->pw_gid, user->pw_gid, saved) < 0 ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0)
		return err_set(err, "cannot become %s: %s", user->pw_name, strerror(errno));
	if (setresuid(0, 0, 0) == 0)
		return err_set(err, "could become root again after becoming %s", user->pw_name);
	own = user->pw_gid;
	kept = reader;
	/* Its scripts are of the same user: none of them may look into us. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(err, "dumpable: %s", strerror(errno));
	return 0;
}

void drop_as_reader(bool on)
{
	if (kept == (gid_t)-1)
		return;
	/* Both are ids of ours: neither can fail, and to go on with the other one would be worse.
	 */
	if (setresgid((gid_t)-1, on ? kept : own, (gid_t)-1) < 0)
		abort();
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* a change of ids may have reset it */
}

static int stay_small(struct err *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(err, "no_new_privs: %s", strerror(errno));
	capng_clear(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT);
	if (capng_apply(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT) < 0)
		return err_set(err, "cannot give up capabilities");
	return 0;
}

int drop_privileges(const char *user, gid_t reader, struct err *err)
{
	const struct passwd *entry;

	if (geteuid() != 0)
		return stay_small(err);
	entry = getpwnam(user);
	if (!entry)
		return err_set(err,
			       "script_user '%s' is not known: create it (useradd --system "
			       "--no-create-home --shell /usr/sbin/nologin %s) or name another; "
			       "there is no falling back to root",
			       user, user);
	if (entry->pw_uid == 0)
		return 0;
	if (become(entry, reader, err) < 0)
		return -1;
	return stay_small(err);
}
