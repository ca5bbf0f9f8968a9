/* SPDX-License-Identifier: MIT */
/*
 * A message at the notify runner's socket, and the environment that a script gets from it. Oracle:
 * no variable holds a control byte or stands twice, all are ours, what fits is whole.
 *
 * fuzz: agent/runner/environment.c
 * covers: agent/runner/environment.c
 */
#include <stdlib.h>
#include <string.h>

#include "agent/runner/environment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct environment *env)
{
	if (env->count > ENVIRONMENT_VARS_MAX || env->vars[env->count])
		abort();
	for (unsigned int i = 0; i < env->count; i++) {
		const char *var = env->vars[i];
		size_t name = strcspn(var, "=");

		if (var < env->text || var + strlen(var) >= env->text + sizeof(env->text))
			abort();
		if (!var[name] || (i > 0 && strncmp(var, "ZONEVIP_", 8) != 0))
			abort();
		for (const char *c = var; *c; c++)
			if ((unsigned char)*c < 0x20 || *c == 0x7f)
				abort();
		for (unsigned int j = 0; j < i; j++)
			if (strncmp(env->vars[j], var, name + 1) == 0)
				abort();
	}
}

/* With the sizes of the message every variable fits. */
static void check_whole(const struct environment *env, const struct notify_event *event)
{
	const char *values[] = {event->instance, event->state, event->old_state, event->new_state,
				event->reason,	 event->peer,  event->vip};
	unsigned int found = 0;

	for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++)
		for (unsigned int i = 0; i < env->count; i++)
			if (strcmp(strchr(env->vars[i], '=') + 1, values[v]) == 0) {
				found++;
				break;
			}
	if (found != sizeof(values) / sizeof(values[0]))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct environment env;
	struct notify_event event = {0};
	size_t length = size < sizeof(event) ? size : sizeof(event);
	bool superseded = size % 2;

	memcpy(&event, data, length);
	if (size > 1 && data[size - 1] & 1) { /* as far as the door */
		event.version = NOTIFY_VERSION;
		length = sizeof(event);
		if (data[size - 1] & 2)
			memcpy(event.state, "MASTER", sizeof("MASTER"));
	}
	if (!environment_accept(&event, length))
		return 0;
	environment_build(&env, &event, "/etc/zonevip/notify.sh", superseded);
	check(&env);
	check_whole(&env, &event);
	return 0;
}
