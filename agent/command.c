/* SPDX-License-Identifier: MIT */
/*
 * Request lines of the control socket. Questions are answered for the group;
 * commands for root, our own user and the command group. The list of words is
 * one table; zonevipctl(8) documents it.
 */
#include "config.h"

#include "agent/agent.h"

#include <stdio.h>
#include <string.h>

#include "agent/base/log.h"
#include "agent/whatif.h"

#define WORDS_MAX 8
#define SPAN_MAX_S 2592000 /* 30 days */
#define UNKNOWN_NAME "no such node or instance in the configuration"

struct request {
	struct agent *agent;
	const struct control_peer *peer;
	struct buf *reply;
	char *words[WORDS_MAX]; /* [0] is the command */
	unsigned int count;
	int instance; /* instance=NAME, or -1 = all */
	int node;     /* to=NODE, or -1 */
	bool force;
	mono_us span;	    /* for=SECONDS, 0 = no end */
	const char *reason; /* reason=TEXT to the end of the line, "" = none */
	bool dry;	    /* only say what would be said */
};

struct verb {
	const char *word;
	bool privileged;
	void (*run)(struct request *request);
};

static void say(struct request *request, const char *text)
{
	(void)buf_printf(request->reply, "%s\n", text); /* bounded: a cut answer is still one */
}

/* --- questions --------------------------------------------------------------------- */

static void run_json(struct request *request)
{
	if (agent_status_json(request->agent, request->reply) < 0)
		say(request, "ERROR no memory for the answer");
}

static void run_metrics(struct request *request)
{
	if (agent_status_metrics(request->agent, request->reply) < 0)
		say(request, "ERROR no room for the answer");
}

static void run_status(struct request *request)
{
	agent_status_text(request->agent, request->reply);
}

static void run_version(struct request *request)
{
	say(request, "zonevipd " PACKAGE_VERSION);
}

static void run_instances(struct request *request)
{
	const struct conf *conf = request->agent->conf;

	for (unsigned int i = 0; i < conf->instance_count; i++)
		say(request, conf->instances[i].name);
}

static void run_nodes(struct request *request)
{
	const struct conf *conf = request->agent->conf;

	for (unsigned int n = 0; n < conf->node_count; n++)
		say(request, conf->nodes[n].name);
}

static void run_why(struct request *request)
{
	struct agent *agent = request->agent;

	for (unsigned int i = 0; i < agent->conf->instance_count; i++) {
		const char *name = agent->conf->instances[i].name;

		if (request->count < 2 || strcmp(request->words[1], name) == 0)
			agent_why(agent, i, request->reply);
	}
	if (request->reply->length == 0)
		say(request, "ERROR no instance of that name; 'zonevipctl status' lists them");
}

static void run_events(struct request *request)
{
	bool json = request->count > 1 && strcmp(request->words[1], "json") == 0;

	if (!json)
		agent_events_text(request->agent, request->reply);
	else if (agent_events_json(request->agent, request->reply) < 0)
		say(request, "ERROR no room for the answer");
}

/* --- commands ------------------------------------------------------------------------ */

static void give(struct request *request, enum core_command command, const char *done)
{
	struct agent *agent = request->agent;
	unsigned int given = 0;

	for (unsigned int i = 0; i < agent->conf->instance_count; i++) {
		struct event ev = {.type = EV_COMMAND,
				   .instance = i,
				   .command = command,
				   .node = request->node,
				   .force = request->force};
		enum core_refusal refusal;

		if (request->instance >= 0 ? (unsigned int)request->instance != i
					   : agent->instances[i].leader != i)
			continue; /* an order to the leader of a sync group is one to all of it */
		refusal = core_refuses(&agent->core, mono_now(), &ev);
		if (refusal != REFUSE_NOT) {
			(void)buf_printf(request->reply, "ERROR %s: %s\n",
					 agent->conf->instances[i].name,
					 core_refusal_name(refusal));
			return;
		}
		if (request->dry) {
			given++;
			continue;
		}
		agent_remember(agent, "%s: '%s' by uid %u", agent->conf->instances[i].name,
			       request->words[0], (unsigned int)request->peer->uid);
		if (command == CMD_FREEZE_ON) {
			ev.until = request->span ? mono_now() + request->span : 0;
			(void)snprintf(agent->extra[i].reason, sizeof(agent->extra[i].reason), "%s",
				       request->reason);
		}
		agent_feed(agent, &ev);
		given++;
	}
	(void)buf_printf(request->reply, given ? "OK %s\n" : "ERROR %s: no such instance\n", done);
}

/* @instance's future in words, by the core itself. */
static void foretell(struct request *request, enum whatif_case what, unsigned int instance)
{
	struct agent *agent = request->agent;
	const struct whatif question = {.what = what,
					.instance = instance,
					.node = request->node,
					.force = request->force,
					.now = mono_now(),
					.conf = agent->conf};
	struct err err = {.text = ""};

	if (whatif_tell(&agent->core, &question, request->reply, &err) < 0)
		(void)buf_printf(request->reply, "ERROR %s: %s\n",
				 agent->conf->instances[instance].name, err.text);
}

/* The one that is meant: named, or alone. -1: several could be, each with a future of its own
 * (and the loop does not wait for all of them). */
static int meant(const struct request *request)
{
	const struct agent *agent = request->agent;
	int found = -1;

	if (request->instance >= 0)
		return request->instance;
	for (unsigned int i = 0; i < agent->conf->instance_count; i++) {
		if (agent->instances[i].leader != i)
			continue;
		if (found >= 0)
			return -1;
		found = (int)i;
	}
	return found;
}

static void run_whatif(struct request *request)
{
	enum whatif_case what = whatif_case_of(request->count > 1 ? request->words[1] : "");
	int instance = meant(request);

	if (what == WHATIF_CASES)
		say(request, "ERROR say 'peer-down', 'db-down' or 'api-down'");
	else if (instance < 0)
		say(request, "ERROR name an instance: 'zonevipctl instances' lists them");
	else
		foretell(request, what, (unsigned int)instance);
}

/* 'switchover --to' this very node, said here: the owner is asked. */
static void ask_owner(struct request *request, unsigned int instance)
{
	struct agent *agent = request->agent;
	const char *name = agent->conf->instances[instance].name;
	const char *vain = agent_wish(agent, instance, request->dry);

	if (vain)
		(void)buf_printf(request->reply, "ERROR %s: %s\n", name, vain);
	else if (request->dry)
		say(request, "OK the owner would be asked; nothing was done");
	else
		(void)buf_printf(request->reply, "OK %s is asked to hand over\n",
				 agent->conf->nodes[agent->instances[instance].record.owner].name);
	if (!vain && !request->dry)
		agent_remember(agent, "%s: the owner is asked for it, by uid %u", name,
			       (unsigned int)request->peer->uid);
}

static void run_switchover(struct request *request)
{
	struct agent *agent = request->agent;
	int instance = meant(request);

	if (instance >= 0 && request->node == (int)agent->conf->self &&
	    agent->instances[instance].state != CORE_MASTER)
		ask_owner(request, (unsigned int)instance);
	else if (request->dry && instance >= 0)
		foretell(request, WHATIF_SWITCHOVER, (unsigned int)instance);
	else
		give(request, CMD_SWITCHOVER,
		     request->dry ? "nothing refuses it; nothing was done" : "handing over");
}

static void run_release(struct request *request)
{
	give(request, CMD_RELEASE, "released");
}

static void run_ack(struct request *request)
{
	give(request, CMD_ACK, "hold ended");
}

static void on_or_off(struct request *request, enum core_command on, enum core_command off)
{
	const char *word = request->count > 1 ? request->words[1] : "";

	if (strcmp(word, "on") == 0)
		give(request, on, "on");
	else if (strcmp(word, "off") == 0)
		give(request, off, "off");
	else
		say(request, "ERROR say 'on' or 'off'");
}

static void run_maintenance(struct request *request)
{
	on_or_off(request, CMD_FREEZE_ON, CMD_FREEZE_OFF);
}

static void run_standby(struct request *request)
{
	on_or_off(request, CMD_STANDBY_ON, CMD_STANDBY_OFF);
}

static void run_reload(struct request *request)
{
	struct err err = {.text = ""};

	if (agent_reload(request->agent, request->dry, request->reply, &err) == 0)
		return;
	buf_clear(request->reply);
	(void)buf_printf(request->reply, "ERROR %s\n", err.text);
}

static void run_stop(struct request *request)
{
	bool keep = request->count > 1 && strcmp(request->words[1], "keep") == 0;

	say(request,
	    keep ? "OK stopping, everything stays as it is" : "OK handing over and stopping");
	agent_feed(request->agent, &(struct event){.type = EV_COMMAND,
						   .command = keep ? CMD_STOP_KEEP : CMD_STOP,
						   .node = -1});
}

/* --- the table -------------------------------------------------------------------------- */

static const struct verb verbs[] = {
	{"status", false, run_status},
	{"json", false, run_json},
	{"metrics", false, run_metrics},
	{"version", false, run_version},
	{"why", false, run_why},
	{"whatif", false, run_whatif},
	{"events", false, run_events},
	{"instances", false, run_instances},
	{"nodes", false, run_nodes},
	{"switchover", true, run_switchover},
	{"release", true, run_release},
	{"ack", true, run_ack},
	{"maintenance", true, run_maintenance},
	{"standby", true, run_standby},
	{"reload", true, run_reload},
	{"stop", true, run_stop},
};

/* Whole seconds; 0 = not that. */
static mono_us read_span(const char *text)
{
	unsigned int seconds = 0;

	if (strlen(text) > 7 || strspn(text, "0123456789") != strlen(text))
		return 0;
	for (; *text; text++)
		seconds = seconds * 10 + (unsigned int)(*text - '0');
	return seconds <= SPAN_MAX_S ? seconds * SEC : 0;
}

/* Options may stand anywhere after the command; they are taken out of the words. Returns NULL, or
 * what is wrong. */
static const char *take_options(struct request *request)
{
	unsigned int kept = 0;

	for (unsigned int w = 0; w < request->count; w++) {
		char *word = request->words[w];

		if (strncmp(word, "instance=", 9) == 0) {
			request->instance = conf_instance_by_name(request->agent->conf, word + 9);
			if (request->instance < 0)
				return UNKNOWN_NAME;
		} else if (strncmp(word, "to=", 3) == 0) {
			request->node = conf_node_by_name(request->agent->conf, word + 3);
			if (request->node < 0)
				return UNKNOWN_NAME;
		} else if (strncmp(word, "for=", 4) == 0) {
			request->span = read_span(word + 4);
			if (request->span == 0)
				return "'for' takes 1 to 2592000 seconds";
		} else if (strcmp(word, "force") == 0) {
			request->force = true;
		} else if (strcmp(word, "dry") == 0) {
			request->dry = true;
		} else {
			request->words[kept++] = word;
		}
	}
	request->count = kept;
	return NULL;
}

static void dispatch(struct request *request)
{
	for (size_t v = 0; v < sizeof(verbs) / sizeof(verbs[0]); v++) {
		if (strcmp(request->words[0], verbs[v].word) != 0)
			continue;
		if (request->dry && verbs[v].run != run_switchover && verbs[v].run != run_reload) {
			say(request, "ERROR only a switchover and a reload can be tried "
				     "without doing it");
			return;
		}
		if (!verbs[v].privileged || request->peer->privileged) {
			verbs[v].run(request);
			return;
		}
		log_event(LOG_LV_WARNING, "command_refused", "command=%s uid=%u", verbs[v].word,
			  (unsigned int)request->peer->uid);
		say(request, "ERROR not permitted: commands are for root and the control_group");
		return;
	}
	say(request, "ERROR unknown command; see zonevipctl(8)");
}

void agent_on_request(void *arg, const struct control_peer *peer, const char *line,
		      struct buf *reply)
{
	struct request request = {.agent = arg,
				  .peer = peer,
				  .reply = reply,
				  .instance = -1,
				  .node = -1,
				  .reason = ""};
	char copy[CONTROL_REQUEST_MAX + 1];
	char *rest = copy;
	char *word, *reason;
	const char *wrong;

	(void)snprintf(copy, sizeof(copy), "%s", line);
	reason = strstr(copy, " reason=");
	if (reason) {
		*reason = '\0';
		request.reason = reason + strlen(" reason=");
	}
	while (request.count < WORDS_MAX && (word = strtok_r(rest, " ", &rest)))
		request.words[request.count++] = word;
	wrong = take_options(&request);
	if (wrong)
		(void)buf_printf(reply, "ERROR %s\n", wrong);
	else if (request.count == 0)
		say(&request, "ERROR no command");
	else
		dispatch(&request);
}
