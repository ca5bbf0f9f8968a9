/* SPDX-License-Identifier: MIT */
/*
 * The few things that are done to a mysqld when the owner changes: promote,
 * fence, follow another source; and the question that goes before, the gate.
 * Each is a sequence of statements on a session of myclient.h, in its worker,
 * and ends at its deadline. What each means for data is in doc/mysql.md.
 */
#ifndef AGENT_MYORDER_H
#define AGENT_MYORDER_H

#include "agent/mycheck.h"
#include "agent/myclient.h"

/* What the gate says at one look. */
enum mygate { MYGATE_OPEN, MYGATE_SHUT, MYGATE_ASK_AGAIN };

/* How far a gate has come. */
struct mygate_watch {
	mono_us began;
	mono_us moved; /* the last time that more was received */
	char received[MYGTID_TEXT_MAX];
};

/*
 * PURE. Looks at @facts, just read. With OPEN and SHUT @report has text, loss
 * and outcome; with ASK_AGAIN the text says what is waited for.
 */
enum mygate mygate_look(const struct mycheck_order *order, const struct mycheck_facts *facts,
			struct mygate_watch *watch, mono_us now, struct mycheck_report *report);

/* Anything but MYCLIENT_DONE: the session has ended; the report says UNKNOWN. */
enum myclient_end myorder_promote(struct myclient *client, const struct mycheck_order *order,
				  const struct mycheck_facts *facts, struct mycheck_report *report,
				  const struct myclient_limit *limit);
enum myclient_end myorder_fence(struct myclient *client, enum mycheck_sessions sessions,
				struct mycheck_report *report, const struct myclient_limit *limit);
enum myclient_end myorder_follow(struct myclient *client, const struct mycheck_order *order,
				 const struct mycheck_config *config, struct mycheck_report *report,
				 const struct myclient_limit *limit);

#endif
