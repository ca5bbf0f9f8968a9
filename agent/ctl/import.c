/* SPDX-License-Identifier: MIT */
/*
 * "zonevipctl import-keepalived FILE". A tolerant reader: lines of words,
 * blocks counted and not recursed into, every table bounded; what has no place
 * or no counterpart is named in a comment at the end of the output, with its
 * line. The output asks for what keepalived never knew (route tables, the
 * parameter, names of the hosts) in words that zonevipd -t refuses until they
 * are filled in. The table of words is that of doc/migrate-keepalived.md. Long,
 * because that table and its reader are of no use to anybody else.
 */
#include "agent/ctl/import.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/ip.h"
#include "agent/ctl/ctl.h"
#include "agent/ctl/import_tracks.h"

#define WORDS_MAX 12
#define WORD_MAX IMPORT_WORD_MAX
#define LINE_MAX_BYTES 2048
#define INSTANCES_MAX 16
#define LIST_MAX 8
#define NOTES_MAX 64
#define NOTIFIES 5

struct line {
	unsigned int number;
	unsigned int count;
	char words[WORDS_MAX][WORD_MAX];
	bool opens;  /* ends with { */
	bool closes; /* is a } */
};

struct vip {
	char address[64];
	char label[64];
};

struct instance {
	char name[64];
	char interface[16];
	char source[64];
	unsigned int priority;
	bool master;
	bool preempts;
	double preempt_delay;
	struct vip vips[LIST_MAX];
	unsigned int vip_count;
	char peers[LIST_MAX][64];
	unsigned int peer_count;
	struct import_tracked tracked[IMPORT_TRACKED_MAX];
	unsigned int tracked_count;
	char notify[NOTIFIES][WORD_MAX];
};

struct group {
	char name[64];
	char members[LIST_MAX][64];
	unsigned int count;
};

struct import {
	FILE *out;
	char cluster[64];
	char script_user[64];
	char fifo[WORD_MAX];
	struct instance instances[INSTANCES_MAX];
	unsigned int instance_count;
	struct import_watch watches[IMPORT_WATCHES_MAX];
	unsigned int watch_count;
	struct group groups[LIST_MAX];
	unsigned int group_count;
	struct {
		unsigned int line;
		char text[WORD_MAX];
	} notes[NOTES_MAX];
	unsigned int note_count;
	unsigned int depth;
	enum { AT_TOP, AT_GLOBAL, AT_INSTANCE, AT_WATCH, AT_GROUP, AT_OTHER } block;
	char list[32]; /* the block inside the block */
};

static const char *const notify_words[NOTIFIES] = {"notify_master", "notify_backup", "notify_fault",
						   "notify_stop", "notify"};

/* --- reading ------------------------------------------------------------------------- */

static void copy(char *to, size_t room, const char *from)
{
	(void)snprintf(to, room, "%.*s", (int)room - 1, from);
}

/* A name as ours may be: letters, digits, '_', '.', '-'. */
static void copy_name(char to[static 64], const char *from)
{
	copy(to, 64, from);
	for (; *to; to++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-",
			    *to))
			*to = '_';
}

static unsigned int number_of(const char *word)
{
	unsigned long value = strtoul(word, NULL, 10);

	return value > 1000000 ? 1000000 : (unsigned int)value;
}

/* Has no counterpart, or no place. */
static void note(struct import *import, const struct line *line, const char *why)
{
	unsigned int at = import->note_count;

	if (at == NOTES_MAX)
		return;
	import->notes[at].line = line->number;
	(void)snprintf(import->notes[at].text, WORD_MAX, "%.80s %.60s%s%s", line->words[0],
		       line->count > 1 ? line->words[1] : "", *why ? ": " : "", why);
	import->note_count++;
}

/* One word from @at on; returns where it ends. */
static const char *take_word(const char *at, struct line *line)
{
	char quote = '\0';
	size_t length;

	if (*at == '"' || *at == '\'')
		quote = *at++;
	length = quote ? strcspn(at, quote == '"' ? "\"" : "'") : strcspn(at, " \t{}");
	if (line->count < WORDS_MAX) {
		char *word = line->words[line->count++];

		(void)snprintf(word, WORD_MAX, "%.*s", (int)(length < WORD_MAX ? length : WORD_MAX),
			       at);
		for (; *word; word++)
			if ((unsigned char)*word < 0x20 || *word == 0x7f)
				*word = '?';
	}
	at += length;
	return at + (quote && *at == quote);
}

/* Comments begin with # or ! in front of a word. A brace is a line of its own to whoever reads:
 * what stands behind it is left in @text, and true returned. */
static bool next_line(const char **text, struct line *line)
{
	const char *at = *text;

	line->count = 0;
	line->words[0][0] = '\0';
	line->opens = line->closes = false;
	for (;;) {
		at += strspn(at, " \t\r");
		if (!*at || *at == '#' || *at == '!')
			break;
		if (*at == '{' || *at == '}') {
			if (*at == '}' && line->count > 0)
				break; /* the words before it first */
			line->opens = *at == '{';
			line->closes = *at == '}';
			*text = at + 1;
			return true;
		}
		at = take_word(at, line);
	}
	*text = *at == '}' ? at : at + strlen(at);
	return line->count > 0;
}

/* --- learning -------------------------------------------------------------------------- */

static void learn_global(struct import *import, const struct line *line)
{
	const char *word = line->words[0];
	const char *value = line->count > 1 ? line->words[1] : "";

	if (strcmp(word, "router_id") == 0)
		copy_name(import->cluster, value);
	else if (strcmp(word, "script_user") == 0)
		copy_name(import->script_user, value);
	else if (strcmp(word, "notify_fifo") == 0)
		copy(import->fifo, sizeof(import->fifo), value);
	else if (strcmp(word, "enable_script_security") == 0)
		note(import, line, "always so, and cannot be switched off");
	else
		note(import, line, "");
}

static void learn_watch(struct import *import, const struct line *line)
{
	struct import_watch *watch = &import->watches[import->watch_count - 1];
	char value[WORD_MAX] = "";
	const char *why;

	for (unsigned int w = 1; w < line->count; w++) {
		size_t used = strlen(value);

		(void)snprintf(value + used, sizeof(value) - used, "%s%s", w > 1 ? " " : "",
			       line->words[w]);
	}
	why = import_watch_learn(watch, line->words[0], value);
	if (why)
		note(import, line, why);
}

/* "NAME [weight N]" in track_script and its like. */
static void learn_tracked(struct import *import, struct instance *in, const struct line *line)
{
	struct import_tracked *tracked = &in->tracked[in->tracked_count];

	if (in->tracked_count == IMPORT_TRACKED_MAX) {
		note(import, line, "more tracks than fit");
		return;
	}
	*tracked = (struct import_tracked){.kind = import_kind_of_list(import->list)};
	copy_name(tracked->name, line->words[0]);
	if (tracked->kind == IMPORT_INTERFACE && strcmp(tracked->name, in->interface) == 0)
		return; /* its own, which always counts */
	if (line->count > 2 && strcmp(line->words[1], "weight") == 0) {
		long weight = strtol(line->words[2], NULL, 10);

		tracked->weighs = true;
		tracked->weight = (int)(weight < -253 ? -253 : weight > 253 ? 253 : weight);
	}
	if (strcmp(line->words[line->count - 1], "reverse") == 0)
		note(import, line, "'reverse' has no counterpart");
	in->tracked_count++;
}

static void learn_vip(struct import *import, struct instance *in, const struct line *line)
{
	struct vip *vip = &in->vips[in->vip_count];

	if (in->vip_count == LIST_MAX) {
		note(import, line, "more addresses than one instance may have");
		return;
	}
	in->vip_count++;
	copy(vip->address, sizeof(vip->address), line->words[0]);
	for (unsigned int w = 1; w + 1 < line->count; w++)
		if (strcmp(line->words[w], "label") == 0)
			copy(vip->label, sizeof(vip->label), line->words[w + 1]);
}

/* Inside virtual_ipaddress and the like. */
static void learn_entry(struct import *import, struct instance *in, const struct line *line)
{
	if (strcmp(import->list, "virtual_ipaddress") == 0 ||
	    strcmp(import->list, "virtual_ipaddress_excluded") == 0)
		learn_vip(import, in, line);
	else if (strcmp(import->list, "unicast_peer") == 0 && in->peer_count < LIST_MAX)
		copy(in->peers[in->peer_count++], 64, line->words[0]);
	else if (import_kind_of_list(import->list) != IMPORT_NONE)
		learn_tracked(import, in, line);
	else if (strcmp(import->list, "authentication") != 0)
		note(import, line, import->list);
}

static bool learn_notify(struct instance *in, const struct line *line)
{
	for (unsigned int n = 0; n < NOTIFIES; n++) {
		if (strcmp(line->words[0], notify_words[n]) != 0 || line->count < 2)
			continue;
		copy(in->notify[n], WORD_MAX, line->words[1]);
		return true;
	}
	return false;
}

static void learn_instance(struct import *import, const struct line *line)
{
	struct instance *in = &import->instances[import->instance_count - 1];
	const char *word = line->words[0];
	const char *value = line->count > 1 ? line->words[1] : "";

	if (import->list[0])
		learn_entry(import, in, line);
	else if (strcmp(word, "interface") == 0)
		copy(in->interface, sizeof(in->interface), value);
	else if (strcmp(word, "priority") == 0)
		in->priority = number_of(value);
	else if (strcmp(word, "state") == 0)
		in->master = strcmp(value, "MASTER") == 0;
	else if (strcmp(word, "unicast_src_ip") == 0 || strcmp(word, "mcast_src_ip") == 0)
		copy(in->source, sizeof(in->source), value);
	else if (strcmp(word, "nopreempt") == 0)
		in->preempts = false;
	else if (strcmp(word, "preempt_delay") == 0)
		in->preempt_delay = number_of(value);
	else if (strcmp(word, "virtual_router_id") == 0)
		note(import, line, "the cluster's name and the key tell clusters apart");
	else if (strcmp(word, "advert_int") == 0)
		note(import, line, "the profile of 'heartbeat' says how often");
	else if (!learn_notify(in, line))
		note(import, line, "");
}

/* A block at the top begins. */
static void enter_block(struct import *import, const struct line *line)
{
	const char *word = line->words[0];
	const char *name = line->count > 1 ? line->words[1] : "unnamed";

	import->block = AT_OTHER;
	if (strcmp(word, "global_defs") == 0) {
		import->block = AT_GLOBAL;
	} else if (strcmp(word, "vrrp_instance") == 0 && import->instance_count < INSTANCES_MAX) {
		struct instance *in = &import->instances[import->instance_count++];

		import->block = AT_INSTANCE;
		in->priority = 100;
		in->preempts = true; /* keepalived's default */
		copy_name(in->name, name);
	} else if (import_kind_of_block(word) != IMPORT_NONE &&
		   import->watch_count < IMPORT_WATCHES_MAX) {
		struct import_watch *watch = &import->watches[import->watch_count++];

		import->block = AT_WATCH;
		watch->kind = import_kind_of_block(word);
		copy_name(watch->name, name);
	} else if (strcmp(word, "vrrp_sync_group") == 0 && import->group_count < LIST_MAX) {
		import->block = AT_GROUP;
		copy_name(import->groups[import->group_count++].name, name);
	} else {
		note(import, line, "the whole block");
	}
}

static void learn_group(struct import *import, const struct line *line)
{
	struct group *group = &import->groups[import->group_count - 1];

	if (strcmp(import->list, "group") != 0) {
		note(import, line, "say it in each instance");
		return;
	}
	for (unsigned int w = 0; w < line->count && group->count < LIST_MAX; w++)
		copy_name(group->members[group->count++], line->words[w]);
}

static void learn(struct import *import, const struct line *line)
{
	switch (import->block) {
	case AT_TOP:
		note(import, line, "");
		break;
	case AT_GLOBAL:
		if (!import->list[0])
			learn_global(import, line);
		break;
	case AT_INSTANCE:
		learn_instance(import, line);
		break;
	case AT_WATCH:
		if (!import->list[0])
			learn_watch(import, line);
		break;
	case AT_GROUP:
		learn_group(import, line);
		break;
	case AT_OTHER:
		break;
	}
}

/* Never inside another block. */
static bool is_top(const char *word)
{
	return strcmp(word, "vrrp_instance") == 0 || strcmp(word, "vrrp_script") == 0 ||
	       strncmp(word, "vrrp_track_", 11) == 0 || strcmp(word, "vrrp_sync_group") == 0 ||
	       strcmp(word, "global_defs") == 0;
}

static void take_line(struct import *import, const struct line *line)
{
	if (line->closes) {
		import->depth -= import->depth > 0;
		import->list[0] = '\0';
		if (import->depth == 0)
			import->block = AT_TOP;
		return;
	}
	if (!line->opens) {
		if (import->depth <= 2)
			learn(import, line);
		return;
	}
	if (is_top(line->words[0])) /* a brace is missing before it */
		import->depth = 0;
	if (import->depth == 0)
		import->list[0] = '\0';
	if (import->depth == 0)
		enter_block(import, line);
	else if (import->depth == 1)
		copy(import->list, sizeof(import->list), line->count ? line->words[0] : "?");
	import->depth++;
}

static int read_all(struct import *import, FILE *in, struct err *err)
{
	char text[LINE_MAX_BYTES];
	struct line line = {.number = 0};
	size_t total = 0;

	while (fgets(text, sizeof(text), in)) {
		const char *rest = text;

		total += strlen(text);
		if (total > IMPORT_FILE_MAX)
			return err_set(err, "more than a megabyte is no keepalived.conf");
		text[strcspn(text, "\n")] = '\0';
		line.number++;
		while (next_line(&rest, &line))
			take_line(import, &line);
	}
	if (import->instance_count == 0)
		return err_set(err, "there is no vrrp_instance in it");
	return 0;
}

/* --- printing ------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void put(struct import *import, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vfprintf(import->out, fmt, args); /* main() looks at stdout's error in the end */
	va_end(args);
}

static unsigned int bounded(unsigned int value, unsigned int low, unsigned int high)
{
	return value < low ? low : value > high ? high : value;
}

static void put_node(struct import *import, unsigned int number, const char *address,
		     unsigned int priority)
{
	struct ip ip;
	bool known = ip_parse(address, &ip) == 0;

	put(import,
	    "node FILL_IN_HOST_%u {\t# its host name: what the parameter will say\n"
	    "\taddress %s\n\tpriority %u\n}\n\n",
	    number, known ? address : "FILL_IN_ADDRESS", priority);
}

static void put_nodes(struct import *import)
{
	const struct instance *in = &import->instances[0];
	unsigned int own = bounded(in->priority, 2 * LIST_MAX, 254 - 2 * LIST_MAX);
	unsigned int others = in->master ? own - 1 : own + LIST_MAX + 1; /* all different */

	put(import,
	    "# One block a host. keepalived's files differ by host; this one is the same on "
	    "all of them.\n");
	put_node(import, 1, in->source, own);
	for (unsigned int p = 0; p < in->peer_count; p++)
		put_node(import, p + 2, in->peers[p], others - p);
	if (in->peer_count == 0)
		put_node(import, 2, "", others);
}

static void put_checks(struct import *import)
{
	const struct import_watch *mysql = NULL;

	for (unsigned int w = 0; w < import->watch_count; w++) {
		const struct import_watch *watch = &import->watches[w];

		if (!import_watch_is_mysql(watch)) {
			import_watch_put(import->out, watch);
			continue;
		}
		mysql = mysql ? mysql : watch;
		put(import, "# %s \"%s\": track_mysql below does it, over one held connection%s\n",
		    watch->name, watch->what,
		    watch->weight ? "; it has no weight: down is unfit" : "");
	}
	put(import, "track_mysql local {\n\tsocket /run/mysqld/mysqld.sock\n\tuser zonevip\n");
	if (mysql && mysql->rise)
		put(import, "\trise %u\n", bounded(mysql->rise, 1, 10));
	if (mysql && mysql->fall)
		put(import, "\tfall %u\n", bounded(mysql->fall, 1, 10));
	put(import, "}\n\n");
}

/* Words that could end the quotes early are not carried over. */
static void put_command(struct import *import, const char *word, const char *command)
{
	if (strpbrk(command, "\"\\"))
		put(import, "\t# %s: quote this yourself: %s\n", word, command);
	else
		put(import, "\t%s \"%s\"\n", word, command);
}

static void put_vip(struct import *import, const struct vip *vip)
{
	char address[64];
	char *slash;
	struct ip ip;

	copy(address, sizeof(address), vip->address);
	slash = strchr(address, '/');
	if (slash)
		*slash = '\0';
	if (ip_parse(address, &ip) < 0) {
		put(import, "\t\t# FILL_IN: '%s' is not an address\n", vip->address);
		return;
	}
	put(import, "\t\t%s/%u%s%s\n", address, ip.family == AF_INET ? 32U : 128U,
	    ip.family == AF_INET && vip->label[0] ? " label " : "",
	    ip.family == AF_INET ? vip->label : "");
}

static void put_instance(struct import *import, const struct instance *in)
{
	put(import, "vip_instance %s {\n\tinterface %s\n\tvirtual_ipaddress {\n", in->name,
	    in->interface[0] ? in->interface : "FILL_IN_INTERFACE");
	for (unsigned int v = 0; v < in->vip_count; v++)
		put_vip(import, &in->vips[v]);
	put(import,
	    "\t}\n\t# Every route table whose subnets hold clients, the hosts' own included.\n"
	    "\troute_table {\n\t\tFILL_IN_ROUTE_TABLE\n\t}\n"
	    "\tparameter FILL_IN_PARAMETER\t# of the SSM Parameter Store\n"
	    "\ttrack_mysql local\n");
	import_tracked_put(import->out, in->tracked, in->tracked_count, import->watches,
			   import->watch_count);
	if (in->preempts && in->preempt_delay > 0)
		put(import, "\tpreempt on\n\tpreempt_delay %.0f\n", in->preempt_delay);
	else if (in->preempts)
		put(import, "\t# keepalived moved back by itself: 'preempt on' would do so here\n");
	for (unsigned int n = 0; n < NOTIFIES; n++)
		if (in->notify[n][0])
			put_command(import, notify_words[n], in->notify[n]);
	put(import, "}\n\n");
}

static void put_group(struct import *import, const struct group *group)
{
	if (group->count < 2)
		return; /* one that moves with nobody */
	put(import, "vip_sync_group %s {\n\tgroup {\n", group->name);
	for (unsigned int m = 0; m < group->count; m++)
		put(import, "\t\t%s\n", group->members[m]);
	put(import, "\t}\n}\n\n");
}

static void print_all(struct import *import)
{
	put(import,
	    "# Made from a keepalived.conf by 'zonevipctl import-keepalived'. Replace what says\n"
	    "# FILL_IN, read what is said at the end, then: zonevipd -t\n\n"
	    "global_defs {\n\tcluster %s\n",
	    import->cluster[0] ? import->cluster : "FILL_IN_CLUSTER");
	if (import->script_user[0])
		put(import, "\tscript_user %s\n", import->script_user);
	if (import->fifo[0] == '/' && !strpbrk(import->fifo, "\"\\ "))
		put(import, "\tnotify_fifo %s\n", import->fifo);
	put(import, "}\n\n");
	put_nodes(import);
	put(import, "heartbeat {\n\tkey_file /etc/zonevip/heartbeat.key\t# zonevipctl keygen; the "
		    "same on every host\n\tprofile safe\n}\n\n");
	put_checks(import);
	put(import, "aws {\n}\n\n");
	for (unsigned int i = 0; i < import->instance_count; i++)
		put_instance(import, &import->instances[i]);
	for (unsigned int g = 0; g < import->group_count; g++)
		put_group(import, &import->groups[g]);
	if (import->note_count)
		put(import, "# Not carried over:\n");
	for (unsigned int n = 0; n < import->note_count; n++)
		put(import, "#   line %u: %s\n", import->notes[n].line, import->notes[n].text);
	if (import->note_count == NOTES_MAX)
		put(import, "#   ... and perhaps more\n");
}

int import_keepalived(FILE *in, FILE *out, struct err *err)
{
	struct import *import = calloc(1, sizeof(*import));
	int ret = -1;

	if (!import)
		return err_set(err, "no memory");
	import->out = out;
	if (read_all(import, in, err) == 0) {
		print_all(import);
		ret = 0;
	}
	free(import);
	return ret;
}

enum ctl_exit ctl_run_import(const struct ctl *ctl, const struct ctl_command *command,
			     char *const *arguments)
{
	const char *path = arguments[0] && !arguments[1] ? arguments[0] : NULL;
	struct err err = {""};
	FILE *in;
	int ret;

	(void)ctl;
	(void)command;
	if (!path)
		return ctl_fail(CTL_USAGE, "import-keepalived: name one file");
	in = fopen(path, "re");
	if (!in) {
		(void)err_set(&err, "%s: %s", path, strerror(errno));
		return ctl_fail(CTL_REFUSED, err.text);
	}
	ret = import_keepalived(in, stdout, &err);
	(void)fclose(in);
	return ret == 0 ? CTL_OK : ctl_fail(CTL_REFUSED, err.text);
}
