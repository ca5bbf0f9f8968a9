/* SPDX-License-Identifier: MIT */
/*
 * Event in, environment out (zonevip-notify(8)). Pure. The message comes over
 * a socket, so nothing in it is trusted: no string without its end, no control
 * byte, no state that is neither keepalived's nor a stage of a hook.
 */
#include "agent/runner/environment.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void clean(char *text, size_t size)
{
	text[size - 1] = '\0';
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

static bool known_state(const char *state)
{
	static const char *const states[] = {"MASTER",	"BACKUP", "FAULT",   "STOP", "GATE",
					     "PROMOTE", "FENCE",  "RELEASE", "CHECK"};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(state, states[i]) == 0)
			return true;
	return false;
}

bool environment_accept(struct notify_event *event, size_t length)
{
	if (length != sizeof(*event) || event->version != NOTIFY_VERSION)
		return false;
	clean(event->instance, sizeof(event->instance));
	clean(event->state, sizeof(event->state));
	clean(event->old_state, sizeof(event->old_state));
	clean(event->new_state, sizeof(event->new_state));
	clean(event->reason, sizeof(event->reason));
	clean(event->peer, sizeof(event->peer));
	clean(event->vip, sizeof(event->vip));
	return event->instance[0] && known_state(event->state);
}

/* A variable that does not fit is left out whole: half a value would be a lie.
 * With the sizes of struct notify_event all of them fit. */
__attribute__((format(printf, 2, 3))) static void add(struct environment *env, const char *fmt, ...)
{
	size_t room = sizeof(env->text) - env->used;
	va_list args;
	int length;

	va_start(args, fmt);
	length = vsnprintf(env->text + env->used, room, fmt, args);
	va_end(args);
	if (length < 0 || (size_t)length >= room || env->count == ENVIRONMENT_VARS_MAX)
		return;
	env->vars[env->count++] = env->text + env->used;
	env->vars[env->count] = NULL;
	env->used += (size_t)length + 1;
}

void environment_build(struct environment *env, const struct notify_event *event,
		       const char *script, bool superseded)
{
	env->count = 0;
	env->used = 0;
	add(env, "PATH=" ENVIRONMENT_PATH);
	add(env, "ZONEVIP_SCRIPT=%s", script);
	add(env, "ZONEVIP_INSTANCE=%s", event->instance);
	add(env, "ZONEVIP_STATE=%s", event->state);
	add(env, "ZONEVIP_OLD_STATE=%s", event->old_state);
	add(env, "ZONEVIP_NEW_STATE=%s", event->new_state);
	add(env, "ZONEVIP_REASON=%s", event->reason);
	add(env, "ZONEVIP_TERM=%" PRIu64, event->term);
	add(env, "ZONEVIP_PEER=%s", event->peer);
	add(env, "ZONEVIP_VIP=%s", event->vip);
	add(env, "ZONEVIP_PRIORITY=%" PRIu32, event->priority);
	add(env, "ZONEVIP_EVENT=%" PRIu32, event->number);
	if (superseded)
		add(env, "ZONEVIP_SUPERSEDED=1");
}
