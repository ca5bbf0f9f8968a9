/* SPDX-License-Identifier: MIT */
/*
 * Checks of the parameters: readable, of a type that we can keep, naming a
 * node, with room in their history, and writable. There is no dry run of
 * PutParameter; but a Put that may only create, of a parameter that is there,
 * cannot happen, and AWS looks at the right first.
 */
#include "agent/doctor/doctor.h"

#include <stdlib.h>
#include <string.h>

#include "aws/json.h"
#include "aws/ssm.h"

#define HISTORY_MAX 100
#define PAGES_MAX 8

static struct aws_job *call(struct doctor *d, const char *action, json_t *question)
{
	char *text = question ? json_dumps(question, JSON_COMPACT) : NULL;
	struct aws_job *job = NULL;
	struct buf body;

	buf_init(&body, SSM_BODY_MAX);
	if (text && buf_append(&body, text, strlen(text)) == 0)
		job = doctor_ask(d, true, action, &body);
	buf_free(&body);
	free(text);
	json_decref(question);
	return job;
}

static void denied(struct doctor *d, const char *name, const char *action)
{
	char fix[192];

	(void)snprintf(fix, sizeof(fix),
		       "allow ssm:%s on it; 'zonevipctl iam-policy' prints the whole policy",
		       action);
	doctor_say(d, DOCTOR_FAIL, name, fix, "ssm:%s is denied", action);
}

static void check_put(struct doctor *d, const char *name)
{
	struct aws_job *job = call(d, "PutParameter",
				   json_pack("{s:s, s:s, s:s, s:b}", "Name", name, "Value", "-",
					     "Type", "String", "Overwrite", 0));
	const char *code = doctor_code(job);

	if (strcmp(code, "ParameterAlreadyExists") == 0)
		doctor_say(d, DOCTOR_OK, name, "", "ssm:PutParameter is allowed");
	else if (strcmp(code, "AccessDeniedException") == 0)
		denied(d, name, "PutParameter");
	else
		doctor_say(d, DOCTOR_WARN, name, "", "ssm:PutParameter could not be tried: %s",
			   code);
	aws_job_free(job);
}

/* --- the history ------------------------------------------------------------------------ */

struct history {
	size_t versions;
	json_int_t oldest; /* version with a label that is the oldest of all */
	json_int_t first;
	char label[64];
};

static void read_versions(const json_t *root, struct history *history)
{
	const json_t *list = json_object_get(root, "Parameters");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *entry = json_array_get(list, i);
		json_int_t version = json_integer_value(json_object_get(entry, "Version"));
		const json_t *labels = json_object_get(entry, "Labels");

		history->versions++;
		if (history->first != 0 && version > history->first)
			continue;
		history->first = version;
		history->label[0] = '\0';
		if (json_array_size(labels) > 0)
			(void)snprintf(history->label, sizeof(history->label), "%s",
				       json_string_value(json_array_get(labels, 0)));
	}
}

static void say_history(struct doctor *d, const char *name, const struct history *history)
{
	char fix[192];

	if (!history->label[0]) {
		doctor_say(d, DOCTOR_OK, name, "", "%zu versions kept, the oldest has no label",
			   history->versions);
		return;
	}
	(void)snprintf(fix, sizeof(fix),
		       "move or remove the label: aws ssm unlabel-parameter-version --name %s "
		       "--parameter-version %lld --labels %s",
		       name, (long long)history->first, history->label);
	doctor_say(d, history->versions >= HISTORY_MAX ? DOCTOR_FAIL : DOCTOR_WARN, name, fix,
		   "its oldest version has the label '%s': with %d versions no more can be written "
		   "(ParameterMaxVersionLimitExceeded), %zu are there",
		   history->label, HISTORY_MAX, history->versions);
}

static void check_history(struct doctor *d, const char *name)
{
	struct history history = {0};
	char token[4096] = "";

	for (unsigned int page = 0; page < PAGES_MAX; page++) {
		json_t *question = json_pack("{s:s, s:i}", "Name", name, "MaxResults", 50);
		struct aws_job *job;
		json_t *root;

		if (token[0])
			(void)json_object_set_new(question, "NextToken", json_string(token));
		job = call(d, "GetParameterHistory", question);
		if (!job || job->ask->status != 200) {
			if (strcmp(doctor_code(job), "AccessDeniedException") == 0)
				doctor_say(d, DOCTOR_SKIP, name,
					   "allow ssm:GetParameterHistory to have it looked at",
					   "ssm:GetParameterHistory is denied");
			aws_job_free(job);
			return;
		}
		root = json_read(job->ask->reply, job->ask->reply_length, NULL);
		aws_job_free(job);
		read_versions(root, &history);
		(void)snprintf(token, sizeof(token), "%s",
			       json_text(root, "NextToken") ? json_text(root, "NextToken") : "");
		json_decref(root);
		if (!token[0])
			break;
	}
	say_history(d, name, &history);
}

/* --- one parameter -------------------------------------------------------------------------- */

static void say_value(struct doctor *d, const char *name, const struct aws_job *job, bool owner)
{
	json_t *root = json_read(job->ask->reply, job->ask->reply_length, NULL);
	const json_t *parameter = json_object_get(root, "Parameter");
	const char *type = json_text(parameter, "Type");
	const char *value = json_text(parameter, "Value");

	if (!type || !value)
		doctor_say(d, DOCTOR_FAIL, name, "", "the answer cannot be read");
	else if (strcmp(type, "String") != 0 && strcmp(type, "StringList") != 0)
		doctor_say(d, DOCTOR_FAIL, name,
			   "delete it and let zonevip make a String, or name another one",
			   "is of type %s, which cannot be changed", type);
	else if (owner && conf_node_by_name(d->conf, value) < 0)
		doctor_say(d, DOCTOR_WARN, name,
			   "an owner writes its name; else check the nodes' names",
			   "names '%.64s', which is no node", value);
	else
		doctor_say(d, DOCTOR_OK, name, "", "%s, %s%.64s", type, owner ? "names " : "",
			   owner ? value : "written by its node");
	json_decref(root);
}

static void check_one(struct doctor *d, const char *name, bool owner)
{
	struct aws_job *job = call(d, "GetParameter", json_pack("{s:s}", "Name", name));
	const char *code = doctor_code(job);

	if (!*code) {
		say_value(d, name, job, owner);
		check_put(d, name);
		check_history(d, name);
	} else if (strcmp(code, "ParameterNotFound") == 0) {
		doctor_say(d, DOCTOR_WARN, name, "the daemon makes it; whether it may is seen then",
			   "does not exist yet");
	} else if (strcmp(code, "AccessDeniedException") == 0) {
		denied(d, name, "GetParameter");
	} else {
		doctor_say(d, DOCTOR_FAIL, name, "", "%s",
			   job && job->error[0] ? job->error : code);
	}
	aws_job_free(job);
}

void check_parameter(struct doctor *d)
{
	for (unsigned int i = 0; i < d->conf->instance_count; i++)
		check_one(d, d->conf->instances[i].parameter, true);
}

void check_touch(struct doctor *d)
{
	char name[CONF_AWS_NAME_MAX + CONF_NAME_MAX + 1];

	for (unsigned int n = 0; n < d->conf->node_count; n++) {
		(void)snprintf(name, sizeof(name), "%s.%s", d->conf->touch_prefix,
			       d->conf->nodes[n].name);
		check_one(d, name, false);
	}
}
