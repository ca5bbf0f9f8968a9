/* SPDX-License-Identifier: MIT */
/*
 * Items to struct conf: each value goes where the table says, then what is
 * not written is filled in, then everything is checked against everything.
 * Defaults come from the table and the profile alone.
 */
#include "conf/load.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "conf/print.h"
#include "conf/value.h"

#define FNV_START 2166136261U
#define FNV_PRIME 16777619U

static uint32_t fnv(const char *data, size_t length)
{
	uint32_t hash = FNV_START;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)data[i]) * FNV_PRIME;
	return hash;
}

uint16_t conf_id(const char *name)
{
	uint32_t hash = fnv(name, strlen(name));
	uint16_t folded = (uint16_t)((hash >> 16) ^ (hash & 0xffff));

	/* 0 and 0xffff mean "nobody" and "a stranger" in heartbeats */
	return folded == 0 || folded == UINT16_MAX ? 1 : folded;
}

int conf_node_by_name(const struct conf *conf, const char *name)
{
	for (unsigned int i = 0; i < conf->node_count; i++)
		if (strcmp(conf->nodes[i].name, name) == 0)
			return (int)i;
	return -1;
}

int conf_instance_by_name(const struct conf *conf, const char *name)
{
	for (unsigned int i = 0; i < conf->instance_count; i++)
		if (strcmp(conf->instances[i].name, name) == 0)
			return (int)i;
	return -1;
}

void conf_free(struct conf *conf)
{
	if (!conf)
		return;
	free(conf->instances);
	free(conf->groups);
	free(conf);
}

const struct conf_item *conf_where(const struct conf_tree *tree, const void *field)
{
	for (unsigned int i = 0; i < tree->item_count; i++)
		if (tree->items[i].element == field)
			return &tree->items[i];
	return &tree->items[0];
}

/* The defaults of the words of @block that have one of their own. */
static int set_defaults(struct conf_tree *tree, enum conf_block block, char *base)
{
	for (size_t i = 0; i < conf_word_count; i++) {
		const struct conf_word *word = &conf_words[i];
		struct err why = {0};

		if (word->block != block || word->derived || !word->standard)
			continue;
		if (conf_value_store(word, word->standard, base + word->offset, &why) < 0)
			return err_set(tree->err, "default of '%s' %s", word->word, why.text);
	}
	return 0;
}

/* The timers of the profile go first, whatever the order in the file. */
static int set_profile(struct conf_tree *tree, struct conf_heartbeat *heartbeat)
{
	const struct conf_word *profile = conf_word_find(CONF_BLOCK_HEARTBEAT, "profile");
	struct err why = {0};

	for (unsigned int i = 0; i < tree->item_count; i++) {
		struct conf_item *item = &tree->items[i];

		if (item->word == profile &&
		    conf_value_store(profile, item->value.text, &heartbeat->profile, &why) < 0)
			return conf_fail(tree, &item->value, "%s", why.text);
	}
	heartbeat->timers = *timers_profile(heartbeat->profile);
	return 0;
}

/* The place of the next element of @word in the structure at @base. */
static char *place(const struct conf_word *word, char *base)
{
	unsigned int *count = (unsigned int *)(void *)(base + word->count);
	char *first = base + word->offset;

	if (word->pointer)
		memcpy(&first, base + word->offset, sizeof(first));
	return word->most > 1 ? first + (*count)++ * word->size : first;
}

static int store_item(struct conf *conf, struct conf_tree *tree, struct conf_item *item)
{
	const struct conf_word *word = item->word;
	char *base = item->parent < 0 ? (char *)conf : tree->items[item->parent].element;
	struct err why = {0};

	item->element = place(word, base);
	if (item->value.text && conf_value_store(word, item->value.text, item->element, &why) < 0)
		return conf_fail(tree, &item->value, "%s", why.text);
	return word->named ? set_defaults(tree, word->opens, item->element) : 0;
}

/* A named block's defaults are set when it is met; those of the others before. */
static int store_all(struct conf *conf, struct conf_tree *tree)
{
	int ret = set_defaults(tree, CONF_BLOCK_GLOBAL, (char *)conf);

	if (ret == 0)
		ret = set_defaults(tree, CONF_BLOCK_HEARTBEAT, (char *)&conf->heartbeat);
	if (ret == 0)
		ret = set_defaults(tree, CONF_BLOCK_AWS, (char *)&conf->aws);
	if (ret == 0)
		ret = set_profile(tree, &conf->heartbeat);
	for (unsigned int i = 0; i < tree->item_count && ret == 0; i++)
		ret = store_item(conf, tree, &tree->items[i]);
	return ret;
}

/* Track names can be resolved only now: their blocks may stand below the instances. */
static int resolve_tracks(struct conf *conf, struct conf_tree *tree)
{
	for (unsigned int i = 0; i < tree->item_count; i++) {
		const struct conf_item *item = &tree->items[i];
		const char *near = NULL;
		unsigned int track = 0;

		if (item->word->type != CONF_TYPE_TRACK)
			continue;
		for (; track < conf->track_count; track++) {
			if (strcmp(conf->tracks[track].name, item->value.text) == 0)
				break;
			if (conf_similar(item->value.text, conf->tracks[track].name))
				near = conf->tracks[track].name;
		}
		if (track == conf->track_count && near)
			return conf_fail(tree, &item->value,
					 "no 'track_mysql' block has this name; did you mean '%s'?",
					 near);
		if (track == conf->track_count)
			return conf_fail(tree, &item->value,
					 "no 'track_mysql' block has this name");
		*(unsigned int *)item->element = track;
	}
	return 0;
}

/* The same for the instances of a sync group. */
static int resolve_groups(struct conf *conf, struct conf_tree *tree)
{
	for (unsigned int i = 0; i < tree->item_count; i++) {
		const struct conf_item *item = &tree->items[i];
		const struct conf_group *group;
		int instance;

		if (item->word->block != CONF_BLOCK_MEMBERS)
			continue;
		group = (const struct conf_group *)(void *)tree->items[item->parent].element;
		instance = conf_instance_by_name(conf, item->value.text);
		if (instance < 0)
			return conf_fail(tree, &item->value,
					 "no 'vip_instance' block has this name");
		if (conf->instances[instance].group)
			return conf_fail(tree, &item->value,
					 "this instance is in a sync group already");
		conf->instances[instance].group = 1 + (unsigned int)(group - conf->groups);
	}
	return 0;
}

static bool label_taken(const struct conf_instance *instance, const char *label)
{
	for (unsigned int i = 0; i < instance->vip_count; i++)
		if (strcmp(instance->vips[i].label, label) == 0)
			return true;
	return false;
}

/*
 * IPv4 addresses without a label get <interface>:1, :2 ... of those free in
 * their instance. Not of those free on the host: a new instance in the middle
 * of the file must not rename the aliases of the others.
 */
static int fill_labels(struct conf_instance *instance, struct conf_tree *tree)
{
	unsigned int number = 1;

	for (unsigned int i = 0; i < instance->vip_count; i++) {
		struct conf_vip *vip = &instance->vips[i];
		char label[IFNAMSIZ + 12];

		if (vip->address.family != AF_INET || vip->label[0])
			continue;
		do
			(void)snprintf(label, sizeof(label), "%s:%u", instance->interface,
				       number++);
		while (label_taken(instance, label));
		if (strlen(label) >= sizeof(vip->label))
			return conf_fail(
				tree, &conf_where(tree, vip)->value,
				"its label '%s' would be longer than %zu bytes; give it one", label,
				sizeof(vip->label) - 1);
		memcpy(vip->label, label, strlen(label) + 1);
	}
	return 0;
}

/* A server that cannot serve clients is unfit; one that is slow, full or read-only serves. */
static void fill_unfit(struct conf_track_mysql *track)
{
	static const enum conf_unfit usual[] = {CONF_UNFIT_STALLED, CONF_UNFIT_HUNG,
						CONF_UNFIT_FAILED, CONF_UNFIT_DEAD};

	if (track->unfit_count)
		return;
	memcpy(track->unfit, usual, sizeof(usual));
	track->unfit_count = sizeof(usual) / sizeof(usual[0]);
}

/*
 * Calls in an hour in which nothing goes wrong but the peer's silence: every
 * verify round, a touch and the look at it in every period, the interfaces
 * each minute.
 */
unsigned int conf_calls_an_hour(const struct conf *conf)
{
	const struct timers *timers = &conf->heartbeat.timers;
	double reads = 0.0;
	double hour;

	for (unsigned int i = 0; i < conf->instance_count; i++) {
		const struct conf_instance *in = &conf->instances[i];
		unsigned int tables = in->table_count ? in->table_count : 16; /* found in the VPC */

		reads += 1.0 + in->vip_count * tables;
	}
	hour = reads * 3600.0 / mono_seconds(timers->verify_master) +
	       2 * 3600.0 / mono_seconds(timers->touch) + 60.0 * (conf->node_count + 4);
	return hour < 1e9 ? (unsigned int)hour : 1000000000U;
}

/* What follows from other values, and the numbers by which names travel. */
static int complete(struct conf *conf, struct conf_tree *tree)
{
	const struct conf_word *port = conf_word_find(CONF_BLOCK_TRACK, "port");
	int ret = resolve_tracks(conf, tree);

	if (ret == 0)
		ret = conf_resolve_watches(conf, tree);
	if (ret == 0)
		ret = resolve_groups(conf, tree);
	if (!conf->touch_prefix[0])
		(void)snprintf(conf->touch_prefix, sizeof(conf->touch_prefix), "%s.touch",
			       conf->cluster);
	for (unsigned int i = 0; i < conf->node_count; i++)
		conf->nodes[i].id = conf_id(conf->nodes[i].name);
	for (unsigned int i = 0; i < conf->track_count && ret == 0; i++) {
		fill_unfit(&conf->tracks[i]);
		if (conf->tracks[i].host.family && !conf->tracks[i].port)
			ret = conf_value_store(port, port->standard, &conf->tracks[i].port,
					       tree->err);
	}
	for (unsigned int i = 0; i < conf->instance_count && ret == 0; i++) {
		conf->instances[i].id = conf_id(conf->instances[i].name);
		ret = fill_labels(&conf->instances[i], tree);
	}
	return ret;
}

static int make_digest(struct conf *conf, struct err *err)
{
	struct buf text;
	int ret;

	buf_init(&text, CONF_PRINT_MAX);
	ret = conf_print(conf, CONF_PRINT_CHANGED, &text);
	if (ret == 0)
		conf->digest = fnv(text.data, text.length);
	else
		ret = err_set(err, "out of memory while reading the configuration");
	buf_free(&text);
	return ret;
}

struct conf *conf_make(struct conf_tree *tree)
{
	struct conf *conf = calloc(1, sizeof(*conf));
	unsigned int instances = 0, groups = 0;

	for (unsigned int i = 0; i < tree->item_count; i++) {
		instances += tree->items[i].word->opens == CONF_BLOCK_INSTANCE;
		groups += tree->items[i].word->opens == CONF_BLOCK_GROUP;
	}
	assert(instances > 0); /* the table asks for one, the reader saw to it */
	if (conf) {
		conf->instances = calloc(instances, sizeof(*conf->instances));
		conf->groups = calloc(groups + 1, sizeof(*conf->groups));
	}
	if (!conf || !conf->instances || !conf->groups)
		(void)err_set(tree->err, "out of memory while reading the configuration");
	else if (store_all(conf, tree) == 0 && complete(conf, tree) == 0 &&
		 conf_check(conf, tree) == 0 && make_digest(conf, tree->err) == 0)
		return conf;
	conf_free(conf);
	return NULL;
}

struct conf *conf_load(const char *path, const char *self_name, struct err *err)
{
	struct conf *conf = NULL;
	struct conf_tree tree;
	struct err unused = {0};

	if (strlen(path) >= sizeof(conf->path)) {
		(void)err_set(err, "%.100s...: the name of the file is too long", path);
		return NULL;
	}
	if (conf_parse_file(&tree, path, err ? err : &unused) == 0)
		conf = conf_make(&tree);
	if (conf) {
		memcpy(conf->path, path, strlen(path) + 1);
		if (conf_find_self(conf, &tree, self_name) < 0) {
			conf_free(conf);
			conf = NULL;
		}
	}
	conf_tree_free(&tree);
	return conf;
}
