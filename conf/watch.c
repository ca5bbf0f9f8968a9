/* SPDX-License-Identifier: MIT */
/*
 * What is watched beside mysqld: scripts, files, processes and interfaces.
 * Four kinds of lines in an instance become one list of (watch, weight); the
 * interfaces that instances name become watches of their own, each once.
 * Follows zonevip.conf(5), "TRACKS".
 */
#include "conf/load.h"

#include <string.h>

#define KINDS CONF_WATCH_KINDS

static const struct conf_watch *list_of(const struct conf *conf, enum conf_watch_kind kind,
					unsigned int *count)
{
	const struct conf_watch *const lists[KINDS] = {conf->scripts, conf->files, conf->processes,
						       conf->interfaces};
	const unsigned int counts[KINDS] = {conf->script_count, conf->file_count,
					    conf->process_count, conf->interface_count};

	*count = counts[kind];
	return lists[kind];
}

static struct conf_tracked *lines_of(struct conf_instance *in, enum conf_watch_kind kind,
				     unsigned int *count)
{
	struct conf_tracked *const lists[KINDS] = {in->scripts, in->files, in->processes,
						   in->interfaces};
	const unsigned int counts[KINDS] = {in->script_count, in->file_count, in->process_count,
					    in->interface_count};

	*count = counts[kind];
	return lists[kind];
}

unsigned int conf_watch_count(const struct conf *conf)
{
	return conf->script_count + conf->file_count + conf->process_count + conf->interface_count;
}

enum conf_watch_kind conf_watch_kind(const struct conf *conf, unsigned int watch)
{
	unsigned int kind = 0, count;

	for (;; kind++, watch -= count) {
		(void)list_of(conf, (enum conf_watch_kind)kind, &count);
		if (watch < count || kind == CONF_WATCH_INTERFACE)
			return (enum conf_watch_kind)kind;
	}
}

const struct conf_watch *conf_watch(const struct conf *conf, unsigned int watch)
{
	const struct conf_watch *list;
	unsigned int kind = 0, count;

	for (;; kind++, watch -= count) {
		list = list_of(conf, (enum conf_watch_kind)kind, &count);
		if (watch < count || kind == CONF_WATCH_INTERFACE)
			return &list[watch];
	}
}

const char *conf_watch_kind_name(enum conf_watch_kind kind)
{
	static const char *const names[KINDS] = {"script", "file", "process", "interface"};

	return names[kind];
}

/* --- resolving ------------------------------------------------------------------------ */

/* The place of @name among its kind, or -1; @near: what was probably meant. */
static int find(const struct conf *conf, enum conf_watch_kind kind, const char *name,
		const char **near)
{
	unsigned int count;
	const struct conf_watch *list = list_of(conf, kind, &count);

	for (unsigned int i = 0; i < count; i++) {
		if (strcmp(list[i].name, name) == 0)
			return (int)i;
		if (conf_similar(name, list[i].name))
			*near = list[i].name;
	}
	return -1;
}

/* An interface that nobody named before. */
static int add_interface(struct conf *conf, struct conf_tree *tree,
			 const struct conf_tracked *tracked)
{
	const struct conf_token *at = &conf_where(tree, tracked)->value;
	struct conf_watch *watch = &conf->interfaces[conf->interface_count];

	if (strlen(tracked->name) >= IFNAMSIZ)
		return conf_fail(tree, at, "is longer than a device name of %d bytes",
				 IFNAMSIZ - 1);
	if (conf->interface_count == CONF_WATCH_INTERFACES_MAX)
		return conf_fail(tree, at, "is one too many: at most %d interfaces are tracked",
				 CONF_WATCH_INTERFACES_MAX);
	*watch = (struct conf_watch){.rise = 1, .fall = 1};
	memcpy(watch->name, tracked->name, sizeof(watch->name));
	memcpy(watch->what, tracked->name, sizeof(tracked->name));
	return (int)conf->interface_count++;
}

static int resolve_line(struct conf *conf, struct conf_tree *tree, enum conf_watch_kind kind,
			const struct conf_tracked *tracked)
{
	static const char *const blocks[KINDS] = {"vrrp_script", "track_file", "track_process", ""};
	const struct conf_token *at = &conf_where(tree, tracked)->value;
	const char *near = NULL;
	int place = find(conf, kind, tracked->name, &near);

	if (place >= 0)
		return place;
	if (kind == CONF_WATCH_INTERFACE)
		return add_interface(conf, tree, tracked);
	if (near)
		return conf_fail(tree, at, "no '%s' block has this name; did you mean '%s'?",
				 blocks[kind], near);
	return conf_fail(tree, at, "no '%s' block has this name", blocks[kind]);
}

/* The number of the first watch of @kind. */
static unsigned int first_of(const struct conf *conf, enum conf_watch_kind kind)
{
	unsigned int first = 0, count;

	for (unsigned int k = 0; k < (unsigned int)kind; k++, first += count)
		(void)list_of(conf, (enum conf_watch_kind)k, &count);
	return first;
}

static int resolve_instance(struct conf *conf, struct conf_tree *tree, struct conf_instance *in,
			    enum conf_watch_kind kind)
{
	unsigned int count;
	struct conf_tracked *lines = lines_of(in, kind, &count);

	for (unsigned int i = 0; i < count; i++) {
		int place = resolve_line(conf, tree, kind, &lines[i]);
		unsigned int watch;

		if (place < 0)
			return -1;
		watch = first_of(conf, kind) + (unsigned int)place;
		for (unsigned int w = 0; w < in->watch_count; w++)
			if (in->watches[w].watch == watch)
				return conf_fail(tree, &conf_where(tree, &lines[i])->value,
						 "is already tracked");
		if (lines[i].weight == CONF_WEIGHT_UNSET)
			lines[i].weight = conf_watch(conf, watch)->weight;
		in->watches[in->watch_count++] =
			(struct conf_weighed){.watch = watch, .weight = lines[i].weight};
	}
	return 0;
}

/* One name, one track: status and metrics call them by it. */
static int check_names(const struct conf *conf, struct conf_tree *tree)
{
	for (unsigned int a = 0; a < conf_watch_count(conf); a++)
		for (unsigned int b = 0; b < a; b++) {
			const struct conf_watch *one = conf_watch(conf, a);
			const struct conf_watch *other = conf_watch(conf, b);

			if (strcmp(one->name, other->name) == 0)
				return conf_fail(tree, &conf_where(tree, one)->value,
						 "is the name of a %s too; rename one",
						 conf_watch_kind_name(conf_watch_kind(conf, b)));
		}
	return 0;
}

static int complete(struct conf *conf, struct conf_tree *tree)
{
	for (unsigned int i = 0; i < conf->script_count; i++) {
		struct conf_watch *script = &conf->scripts[i];

		if (script->timeout == 0)
			script->timeout = script->interval;
		if (script->user[0] && strcmp(script->user, conf->script_user) != 0)
			return conf_fail(tree, &conf_where(tree, script->user)->value,
					 "is not script_user ('%s'): one runner runs all scripts "
					 "and has given up every other right",
					 conf->script_user);
	}
	for (unsigned int i = 0; i < conf->file_count; i++)
		conf->files[i].rise = conf->files[i].fall = 1;
	for (unsigned int i = 0; i < conf->process_count; i++) {
		struct conf_watch *process = &conf->processes[i];

		process->rise = process->fall = 1;
		if (process->quorum_max < process->quorum)
			return conf_fail(tree, &conf_where(tree, &process->quorum_max)->value,
					 "is less than quorum (%u): it could never be up",
					 process->quorum);
	}
	return 0;
}

int conf_resolve_watches(struct conf *conf, struct conf_tree *tree)
{
	int ret = complete(conf, tree);

	/* Kind by kind: interfaces, which are found on the way, come last. */
	for (unsigned int k = 0; k < KINDS && ret == 0; k++)
		for (unsigned int i = 0; i < conf->instance_count && ret == 0; i++)
			ret = resolve_instance(conf, tree, &conf->instances[i],
					       (enum conf_watch_kind)k);
	return ret == 0 ? check_names(conf, tree) : ret;
}
