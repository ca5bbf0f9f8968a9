/* SPDX-License-Identifier: MIT */
/*
 * Checks the way to a script and the script itself (zonevip-notify(8), What is refused).
 * Every component is opened once without following links and judged by its
 * descriptor, and the next is opened relative to it: what was checked is what
 * is used. Group write permission counts as foreign; where an ACL grants a
 * write, the group bits show it, so ACLs are covered.
 */
#define _GNU_SOURCE /* O_PATH */
#include "agent/runner/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 16

struct walk {
	uid_t user;
	int at;		      /* the directory reached */
	char shown[PATH_MAX]; /* its path, for messages */
	char rest[PATH_MAX];  /* what is still to walk */
	unsigned int links;
	struct err *err;
};

static int judge(const struct walk *walk, const char *path, const struct stat *st)
{
	if (st->st_uid != 0 && st->st_uid != walk->user)
		return err_set(walk->err,
			       "%s is owned by uid %u, mode %04o: it must belong to root or to the "
			       "script user; chown root %s",
			       path, st->st_uid, st->st_mode & 07777, path);
	if (!S_ISLNK(st->st_mode) && (st->st_mode & (S_IWGRP | S_IWOTH)))
		return err_set(walk->err,
			       "%s is owned by uid %u, mode %04o: others than its owner can write "
			       "it; chmod go-w %s",
			       path, st->st_uid, st->st_mode & 07777, path);
	return 0;
}

static int too_long(const struct walk *walk)
{
	return err_set(walk->err, "%s...: the path is too long", walk->shown);
}

/* (Re)starts at the root. */
static int enter_root(struct walk *walk)
{
	struct stat st;

	if (walk->at >= 0)
		close(walk->at);
	walk->shown[0] = '\0';
	walk->at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (walk->at < 0 || fstat(walk->at, &st) < 0)
		return err_set(walk->err, "/: %s", strerror(errno));
	return judge(walk, "/", &st);
}

/* Cuts the first component off rest. False: nothing is left. */
static bool next_component(struct walk *walk, char name[static PATH_MAX], bool *last)
{
	char *start = walk->rest + strspn(walk->rest, "/");
	size_t length = strcspn(start, "/");
	char *more = start + length + strspn(start + length, "/");

	if (length == 0)
		return false;
	memcpy(name, start, length);
	name[length] = '\0';
	*last = *more == '\0';
	memmove(walk->rest, more, strlen(more) + 1);
	return true;
}

/* Puts where the link leads in front of the rest. */
static int follow(struct walk *walk, int link, const char *path)
{
	char target[PATH_MAX];
	char joined[PATH_MAX];
	ssize_t length = readlinkat(link, "", target, sizeof(target) - 1);

	if (length < 0)
		return err_set(walk->err, "%s: %s", path, strerror(errno));
	if (++walk->links > LINKS_MAX)
		return err_set(walk->err, "%s: too many symbolic links", path);
	target[length] = '\0';
	if (snprintf(joined, sizeof(joined), "%s/%s", target, walk->rest) >= (int)sizeof(joined))
		return too_long(walk);
	memcpy(walk->rest, joined, strlen(joined) + 1);
	return target[0] == '/' ? enter_root(walk) : 0;
}

static void descend(struct walk *walk, int fd, const char *path)
{
	close(walk->at);
	walk->at = fd;
	memcpy(walk->shown, path, strlen(path) + 1);
}

static int check_script(const struct walk *walk, const char *path, const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return err_set(walk->err, "%s is not a regular file", path);
	if (!(st->st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
		return err_set(walk->err, "%s is mode %04o: not executable; chmod +x %s", path,
			       st->st_mode & 07777, path);
	return 0;
}

/*
 * One component. 1: walk on. 0: @*script is the open, checked script.
 * -1: refused.
 */
static int step(struct walk *walk, int *script)
{
	char path[PATH_MAX];
	char name[PATH_MAX];
	struct stat st;
	bool last;
	int fd;

	if (!next_component(walk, name, &last))
		return err_set(walk->err, "%s is a directory, not a script",
			       walk->shown[0] ? walk->shown : "/");
	if (snprintf(path, sizeof(path), "%s/%s", walk->shown, name) >= (int)sizeof(path))
		return too_long(walk);
	fd = openat(walk->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		err_set(walk->err, "%s: %s", path, strerror(errno));
		goto refused;
	}
	if (judge(walk, path, &st) < 0)
		goto refused;
	if (S_ISLNK(st.st_mode)) {
		if (follow(walk, fd, path) < 0)
			goto refused;
		close(fd);
		return 1;
	}
	if (S_ISDIR(st.st_mode)) {
		descend(walk, fd, path);
		return 1;
	}
	if (!last) {
		err_set(walk->err, "%s is not a directory", path);
		goto refused;
	}
	if (check_script(walk, path, &st) < 0)
		goto refused;
	*script = fd;
	return 0;
refused:
	if (fd >= 0)
		close(fd);
	return -1;
}

int trust_open(const char *path, uid_t user, struct err *err)
{
	struct walk walk = {.user = user, .at = -1, .err = err};
	int script = -1;
	int ret;

	if (path[0] != '/')
		return err_set(err, "%s: the path of a script must be absolute", path);
	if (strlen(path) >= sizeof(walk.rest))
		return err_set(err, "%.60s...: the path is too long", path);
	memcpy(walk.rest, path, strlen(path) + 1);
	ret = enter_root(&walk);
	if (ret == 0)
		do
			ret = step(&walk, &script);
		while (ret > 0);
	if (walk.at >= 0)
		close(walk.at);
	return script;
}
