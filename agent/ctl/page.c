/* SPDX-License-Identifier: MIT */
/*
 * The page of "zonevipctl status", top down in the order in which somebody who
 * was just woken asks: who has the VIP, do alias, routes and record agree, can
 * we reach the peer, is the database well, does AWS answer. Everything carries
 * its age. Pure but for the printing.
 */
#include "agent/ctl/page.h"

#include <stdarg.h>
#include <string.h>

#include "agent/ctl/facts.h"
#include "agent/ctl/text.h"

enum colour { PLAIN, BOLD, GREEN, YELLOW, RED };

struct page {
	FILE *out;
	bool colour;
	const char *node; /* who answers */
};

typedef void print_fn(const struct page *page, const json_t *entry);

static void print_each(const struct page *page, const json_t *object, const char *key, print_fn *fn)
{
	const json_t *array = json_object_get(object, key);

	for (size_t i = 0; i < json_array_size(array); i++)
		fn(page, json_array_get(array, i));
}

__attribute__((format(printf, 3, 4))) static void put(const struct page *page, enum colour colour,
						      const char *fmt, ...)
{
	static const char *const codes[] = {"", "\033[1m", "\033[32m", "\033[33m", "\033[31m"};
	bool paint = page->colour && colour != PLAIN;
	va_list args;

	if (paint)
		(void)fputs(codes[colour], page->out);
	va_start(args, fmt);
	(void)vfprintf(page->out, fmt, args); /* main() looks at stdout's error in the end */
	va_end(args);
	if (paint)
		(void)fputs("\033[0m", page->out);
}

/* "  label     " */
static void label(const struct page *page, const char *name)
{
	put(page, PLAIN, "  %-9s ", name);
}

/* A line that is only there if something is wrong. */
static void problem(const struct page *page, const char *name, struct text what)
{
	if (!what.s[0])
		return;
	label(page, name);
	put(page, RED, "%s\n", what.s);
}

static enum colour colour_of_state(const char *state)
{
	if (strcmp(state, "MASTER") == 0)
		return GREEN;
	if (strcmp(state, "FAULT") == 0)
		return RED;
	return strcmp(state, "BACKUP") == 0 ? BOLD : YELLOW;
}

static void print_head(const struct page *page, const json_t *status)
{
	const json_t *config = json_object_get(status, "config");
	const json_t *loop = json_object_get(status, "loop");

	put(page, BOLD, "%s", text_of(status, "node").s);
	put(page, PLAIN, " in cluster %s: %s, pid %.0f, up %s\n", text_of(status, "cluster").s,
	    text_of(status, "program").s, text_number(status, "pid", 0),
	    text_duration(text_number(status, "uptime_s", 0)).s);
	put(page, PLAIN, "configuration %s, digest %s; loop at most %.1f ms late\n",
	    text_of(config, "path").s, text_of(config, "digest").s,
	    text_number(loop, "late_max_ms", 0));
	if (text_of(config, "reload_error").s[0])
		put(page, RED, "the last reload failed, the old configuration is used: %s\n",
		    text_of(config, "reload_error").s);
}

static void print_memory(const struct page *page, const json_t *status)
{
	const json_t *state = json_object_get(status, "state");
	struct text error = text_of(state, "error");
	struct text journal = text_of(state, "journal_error");

	if (state && !text_true(state, "open"))
		put(page, RED, "no state directory %s: nothing outlives a restart\n",
		    text_of(state, "directory").s);
	if (error.s[0])
		put(page, RED, "the state file in %s cannot be written: %s\n",
		    text_of(state, "directory").s, error.s);
	if (journal.s[0])
		put(page, RED, "the journal in %s cannot be written, %.0f s of it are lost: %s\n",
		    text_of(state, "directory").s, text_number(state, "journal_lost", 0),
		    journal.s);
}

static void print_alias(const struct page *page, const json_t *instance)
{
	const json_t *alias = json_object_get(instance, "alias");
	bool present = text_true(alias, "present");
	bool wanted = text_true(alias, "wanted");
	struct text named = text_of(alias, "label");

	label(page, "alias");
	put(page, PLAIN, "%s on %s%s%s: ", text_of(alias, "address").s,
	    text_of(alias, "interface").s, named.s[0] ? " as " : "", named.s);
	put(page, present == wanted ? PLAIN : RED, "%s%s\n", present ? "present" : "not here",
	    present == wanted ? "" : (wanted ? ", but wanted" : ", but not wanted"));
}

/* How a read of the cloud went, if not well. */
static void print_outcome(const struct page *page, const json_t *object)
{
	struct text outcome = text_of(object, "outcome");
	struct text error = text_of(object, "error");

	if (outcome.s[0] && strcmp(outcome.s, "ok") != 0)
		put(page, RED, ", %s", outcome.s);
	if (error.s[0])
		put(page, RED, ": %s", error.s);
	put(page, PLAIN, "\n");
}

static void print_route(const struct page *page, const json_t *route)
{
	struct text points_at = text_of(route, "points_at");
	struct text target = text_of(route, "target");
	bool ours = strcmp(points_at.s, "self") == 0;

	label(page, "route");
	put(page, PLAIN, "%s to ", text_of(route, "table").s);
	put(page, ours ? GREEN : PLAIN, "%s", ours ? "this node" : points_at.s);
	if (target.s[0])
		put(page, PLAIN, " (%s)", target.s);
	put(page, PLAIN, ", %s", text_ago(route, "age_ms").s);
	print_outcome(page, route);
}

static void print_record(const struct page *page, const json_t *instance)
{
	const json_t *record = json_object_get(instance, "record");
	struct text value = text_of(record, "value");

	label(page, "record");
	put(page, PLAIN, "%s = %s, version %.0f, %s", text_of(record, "parameter").s,
	    value.s[0] ? value.s : "?", text_number(record, "version", 0),
	    text_ago(record, "age_ms").s);
	print_outcome(page, record);
}

static void print_agreement(const struct page *page, const json_t *instance)
{
	struct text why;

	label(page, "agree");
	switch (facts_compare(page->node, instance, &why)) {
	case FACTS_AGREE:
		put(page, GREEN, "yes");
		break;
	case FACTS_DIFFER:
		put(page, RED, "NO");
		break;
	case FACTS_UNKNOWN:
		put(page, YELLOW, "not known");
		break;
	}
	put(page, PLAIN, ": %s\n", why.s);
}

static void print_owner(const struct page *page, const json_t *instance)
{
	const json_t *record = json_object_get(instance, "record");
	struct text owner = text_of(record, "value");

	label(page, "owner");
	if (!owner.s[0])
		put(page, YELLOW, "not known");
	else
		put(page, PLAIN, "%s%s, term %.0f", owner.s,
		    strcmp(owner.s, page->node) == 0 ? " (this node)" : "",
		    text_number(record, "version", 0));
	put(page, PLAIN, "; priority %.0f (base %.0f)\n",
	    text_number(instance, "effective_priority", 0),
	    text_number(instance, "base_priority", 0));
}

static void print_flags(const struct page *page, const json_t *instance)
{
	double hold = text_number(instance, "hold_s", 0);
	double left = text_number(instance, "maintenance_s", 0);
	struct text reason = text_of(instance, "maintenance_reason");
	struct text flags = text_list(instance, "flags", ", ");

	if (!text_true(instance, "eligible")) {
		struct text why = text_list(instance, "not_eligible_because", "; ");

		label(page, "eligible");
		put(page, YELLOW, "no: %s\n", why.s);
	}
	if (flags.s[0]) {
		label(page, "flags");
		put(page, YELLOW, "%s\n", flags.s);
	}
	if (hold > 0) {
		label(page, "hold");
		put(page, YELLOW, "%s more until it may move back; 'zonevipctl ack' ends it\n",
		    text_duration(hold).s);
	}
	if (text_true(instance, "maintenance")) {
		label(page, "frozen");
		put(page, YELLOW,
		    "maintenance is on%s%s%s%s: nothing is claimed, nothing is given up\n",
		    left > 0 ? " for " : "", left > 0 ? text_duration(left).s : "",
		    reason.s[0] ? ", " : "", reason.s);
	}
	if (text_true(instance, "standby")) {
		label(page, "standby");
		put(page, YELLOW, "on: this node stays out until 'zonevipctl standby off'\n");
	}
}

static void print_database(const struct page *page, const json_t *database)
{
	const json_t *replica = json_object_get(database, "replica");
	struct text gate = text_of(database, "gate");
	struct text to_do = text_of(database, "to_do");

	if (!json_is_object(database))
		return;
	label(page, "database");
	put(page, PLAIN, "%s, %s", text_of(database, "version").s,
	    text_true(database, "read_only") ? "read-only" : "takes writes");
	if (json_is_object(replica))
		put(page, PLAIN, ", replicates from %s, lag %.0f s", text_of(replica, "source").s,
		    text_number(replica, "lag_s", -1));
	if (json_is_integer(json_object_get(database, "would_lose")))
		put(page, PLAIN, "; promotion would lose up to %.0f transactions",
		    text_number(database, "would_lose", 0));
	put(page, PLAIN, "\n");
	if (strcmp(gate.s, "shut") == 0) {
		label(page, "gate");
		put(page, RED, "BLOCKED: %s\n", text_of(database, "gate_reason").s);
	}
	if (to_do.s[0]) {
		label(page, "to do");
		put(page, YELLOW, "%s\n", to_do.s);
	}
}

static void print_instance(const struct page *page, const json_t *instance)
{
	struct text state = text_of(instance, "state_name");

	put(page, PLAIN, "\n");
	put(page, BOLD, "%s  ", text_of(instance, "iname").s);
	put(page, colour_of_state(state.s), "%s", state.s);
	put(page, PLAIN, " for %s (%s)  %s\n", text_duration(text_number(instance, "since_s", 0)).s,
	    text_of(instance, "reason").s, text_list(instance, "vips", " ").s);
	print_owner(page, instance);
	print_alias(page, instance);
	print_each(page, instance, "routes", print_route);
	print_record(page, instance);
	print_agreement(page, instance);
	print_database(page, json_object_get(instance, "database"));
	print_flags(page, instance);
}

static void print_peer_state(const struct page *page, const json_t *peer)
{
	if (text_number(peer, "heard_ms", -1) < 0)
		put(page, RED, "never heard");
	else if (!text_true(peer, "proven"))
		put(page, YELLOW, "not proven yet");
	else if (!text_true(peer, "hears_us"))
		put(page, RED, "does not hear us");
	else
		put(page, GREEN, "hears us");
	if (!text_true(peer, "config_match"))
		put(page, YELLOW, ", its configuration differs");
}

static void print_peer(const struct page *page, const json_t *peer)
{
	label(page, "peer");
	put(page, BOLD, "%s", text_of(peer, "name").s);
	put(page, PLAIN, " %s: heard %s, echoed %s", text_of(peer, "address").s,
	    text_ago(peer, "heard_ms").s, text_ago(peer, "ack_ms").s);
	if (json_is_number(json_object_get(peer, "ack_ms")))
		put(page, PLAIN, ", rtt %.1f ms", text_number(peer, "rtt_ms", 0));
	put(page, PLAIN, ", ");
	print_peer_state(page, peer);
	put(page, PLAIN, "\n");
}

static enum colour colour_of_health(const char *health)
{
	if (strcmp(health, "up") == 0)
		return GREEN;
	return strcmp(health, "down") == 0 ? RED : YELLOW;
}

static void print_check(const struct page *page, const json_t *check)
{
	struct text health = text_of(check, "health");
	double pid = text_number(check, "server_pid", 0);

	label(page, "check");
	put(page, BOLD, "%s", text_of(check, "name").s);
	put(page, PLAIN, " ");
	put(page, colour_of_health(health.s), "%s", health.s);
	put(page, PLAIN, ": %s, %s, %s", text_of(check, "verdict").s, text_of(check, "evidence").s,
	    text_ago(check, "age_ms").s);
	if (pid > 0)
		put(page, PLAIN, ", server pid %.0f", pid);
	put(page, PLAIN, "\n");
}

static void print_track(const struct page *page, const json_t *track)
{
	struct text health = text_of(track, "health");

	label(page, "track");
	put(page, BOLD, "%s", text_of(track, "name").s);
	put(page, PLAIN, " ");
	put(page, colour_of_health(health.s), "%s", health.s);
	put(page, PLAIN, ": %s, %s, %s\n", text_of(track, "kind").s, text_of(track, "evidence").s,
	    text_ago(track, "age_ms").s);
}

/* What was thrown away tells of a wrong key, a clone, or an attack. */
static void print_heartbeat(const struct page *page, const json_t *heartbeat)
{
	struct text dropped = {""};
	json_t *reasons = json_object_get(heartbeat, "dropped");

	for (void *at = json_object_iter(reasons); at; at = json_object_iter_next(reasons, at)) {
		double count = json_number_value(json_object_iter_value(at));

		if (count > 0)
			text_add(&dropped, "%s%s %.0f", dropped.s[0] ? ", " : "",
				 json_object_iter_key(at), count);
	}
	text_clean(&dropped);
	label(page, "heartbeat");
	put(page, PLAIN, "%.0f sent, %.0f received", text_number(heartbeat, "sent", 0),
	    text_number(heartbeat, "received", 0));
	if (dropped.s[0])
		put(page, YELLOW, "; dropped: %s", dropped.s);
	put(page, PLAIN, "\n");
}

/* What AWS announces about this instance. */
static void print_notices(const struct page *page, const json_t *notices)
{
	for (size_t i = 0; i < json_array_size(notices); i++) {
		const json_t *notice = json_array_get(notices, i);
		double left = text_number(notice, "in_s", 0);

		put(page, RED, "  AWS announces %s: %s", text_of(notice, "kind").s,
		    text_of(notice, "what").s);
		if (!json_is_null(json_object_get(notice, "in_s")))
			put(page, RED, left < 0 ? " %s ago" : " in %s",
			    text_duration(left < 0 ? -left : left).s);
		put(page, RED, " (policy: %s)\n", text_of(notice, "policy").s);
	}
}

static void print_aws(const struct page *page, const json_t *aws)
{
	const json_t *budget = json_object_get(aws, "budget");

	label(page, "aws");
	if (text_true(aws, "known"))
		put(page, PLAIN, "%s %s %s, credentials for %s, source/destination check ",
		    text_of(aws, "zone").s, text_of(aws, "instance_id").s, text_of(aws, "eni").s,
		    json_is_null(json_object_get(aws, "credentials_s"))
			    ? "ever"
			    : text_duration(text_number(aws, "credentials_s", 0)).s);
	else
		put(page, RED, "this node is not known to AWS, source/destination check ");
	if (text_true(aws, "source_dest_check"))
		put(page, RED, "ON: packets to the VIP are dropped\n");
	else
		put(page, PLAIN, "%s\n",
		    json_is_false(json_object_get(aws, "source_dest_check")) ? "off" : "not read");
	problem(page, "", text_of(aws, "problem"));
	print_notices(page, json_object_get(aws, "notices"));
	if (text_number(budget, "held_back", 0) > 0)
		put(page, YELLOW,
		    "  api_budget: %.0f of %.0f calls in the last hour, %.0f reads held back\n",
		    text_number(budget, "hour", 0), text_number(budget, "limit", 0),
		    text_number(budget, "held_back", 0));
}

static void print_notify(const struct page *page, const json_t *notify)
{
	const json_t *last = json_object_get(notify, "last");
	double dropped = text_number(notify, "dropped", 0);

	label(page, "notify");
	if (text_true(notify, "connected"))
		put(page, PLAIN, "runner is there");
	else
		put(page, YELLOW, "runner (zonevip-notify) is away");
	put(page, PLAIN, ", %.0f waiting, %.0f sent", text_number(notify, "queued", 0),
	    text_number(notify, "sent", 0));
	if (dropped > 0)
		put(page, RED, ", %.0f dropped", dropped);
	if (json_is_object(last)) {
		double status = text_number(last, "status", 0);

		put(page, PLAIN, "; event %.0f: %s ", text_number(last, "number", 0),
		    text_of(last, "script").s);
		put(page, status == 0 ? PLAIN : RED, "status %.0f", status);
		put(page, PLAIN, " in %s", text_duration(text_number(last, "took_ms", 0) / 1000).s);
	}
	put(page, PLAIN, "\n");
	problem(page, "", text_of(last, "problem"));
}

int page_print(FILE *out, const json_t *status, bool colour, struct err *err)
{
	struct text node = text_of(status, "node");
	const struct page page = {.out = out, .colour = colour, .node = node.s};
	double version = text_number(status, "version", 0);

	if (version != PAGE_VERSION)
		return err_set(
			err,
			"the daemon's status has version %.0f, this zonevipctl reads %d: use "
			"the one that belongs to it, or --json",
			version, PAGE_VERSION);
	print_head(&page, status);
	print_memory(&page, status);
	print_each(&page, status, "instances", print_instance);
	put(&page, PLAIN, "\n");
	put(&page, BOLD, "%s", node.s);
	put(&page, PLAIN, "  around it\n");
	print_each(&page, status, "peers", print_peer);
	print_heartbeat(&page, json_object_get(status, "heartbeat"));
	print_each(&page, status, "checks", print_check);
	print_each(&page, status, "tracks", print_track);
	print_aws(&page, json_object_get(status, "aws"));
	print_notify(&page, json_object_get(status, "notify"));
	return 0;
}
