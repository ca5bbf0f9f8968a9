/* SPDX-License-Identifier: MIT */
/*
 * A metric is a row of a table: its name, type and help, where its value
 * stands in the JSON and what makes it seconds. Tables for the node, the
 * peers, the checks, the instances and their routes; what does not fit a row
 * (states, words, histograms) has a function.
 */
#include "agent/metrics.h"

#include <stdio.h>
#include <string.h>

#define LABELS_MAX 512

struct row {
	const char *name;
	const char *type;
	const char *help;
	const char *path; /* keys joined by '.' */
	double scale;	  /* JSON number * scale; booleans are 0 or 1 */
};

struct label {
	const char *name;
	const char *key; /* string in the same object */
};

/* One sort of object: an array in the status, what names an object, its metrics. */
struct family {
	const char *array;
	struct label label;
	const struct row *rows;
	size_t count;
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MS 1e-3

static const struct row node_rows[] = {
	{"uptime_seconds", "gauge", "Time since the daemon started.", "uptime_s", 1},
	{"loop_late_max_seconds", "gauge", "Worst lateness of the event loop.", "loop.late_max_ms",
	 MS},
	{"heartbeat_late_max_seconds", "gauge", "Worst lateness of a heartbeat.",
	 "loop.hello_late_max_ms", MS},
	{"heartbeats_late_total", "counter", "Heartbeats more than 50 ms late.",
	 "loop.hello_late_count", 1},
	{"log_lines_lost_total", "counter", "Log lines that nobody took.", "log_lost", 1},
	{"heartbeats_sent_total", "counter", "Heartbeats sent, to all peers.", "heartbeat.sent", 1},
	{"heartbeat_send_failures_total", "counter", "Heartbeats that could not be sent.",
	 "heartbeat.send_failed", 1},
	{"heartbeats_received_total", "counter", "Authentic heartbeats received.",
	 "heartbeat.received", 1},
	{"aws_identity_known", "gauge", "1 if the daemon knows who this host is in AWS.",
	 "aws.known", 1},
	{"aws_credentials_seconds", "gauge", "Life left in the credentials.", "aws.credentials_s",
	 1},
	{"aws_source_dest_check", "gauge", "1 if EC2 still checks source and destination: bad.",
	 "aws.source_dest_check", 1},
	{"aws_connections_opened_total", "counter", "Connections opened to AWS.", "aws.connects",
	 1},
	{"notify_connected", "gauge", "1 if zonevip-notify is there.", "notify.connected", 1},
	{"notify_queued", "gauge", "Events not yet handed to it.", "notify.queued", 1},
	{"notify_sent_total", "counter", "Events handed to it.", "notify.sent", 1},
	{"notify_dropped_total", "counter", "Events lost to a full queue.", "notify.dropped", 1},
	{"takeovers_total", "counter", "Claims begun by this node.", "changes.takeovers", 1},
	{"failures_total", "counter", "Times an acting instance went to FAULT.", "changes.failures",
	 1},
};

static const struct row peer_rows[] = {
	{"peer_heard", "gauge", "1 if fresh heartbeats come from the peer.", "proven", 1},
	{"peer_echoes", "gauge", "1 if the peer echoes our heartbeats.", "hears_us", 1},
	{"peer_heard_age_seconds", "gauge", "Age of its last fresh heartbeat.", "heard_ms", MS},
	{"peer_ack_age_seconds", "gauge", "Age of our newest heartbeat that it has echoed.",
	 "ack_ms", MS},
	{"peer_rtt_seconds", "gauge", "Last round trip.", "rtt_ms", MS},
	{"peer_config_match", "gauge", "1 if its configuration is ours.", "config_match", 1},
	{"peer_heartbeats_received_total", "counter", "Heartbeats taken from it.", "received", 1},
	{"peer_heartbeats_old_total", "counter", "Heartbeats that came late or twice.", "old", 1},
};

static const struct row check_rows[] = {
	{"check_age_seconds", "gauge", "Time since the last check began.", "age_ms", MS},
	{"check_duration_seconds", "gauge", "What the last check took.", "took_ms", MS},
};

static const struct row track_rows[] = {
	{"track_age_seconds", "gauge", "Time since the track was looked at.", "age_ms", MS},
	{"track_number", "gauge", "What a tracked file holds.", "number", 1},
};

static const struct row instance_rows[] = {
	{"state_seconds", "gauge", "Time in the present state.", "since_s", 1},
	{"last_transition_timestamp_seconds", "gauge", "When the state last changed.",
	 "last_transition", 1},
	{"priority", "gauge", "Effective priority.", "effective_priority", 1},
	{"vip_present", "gauge", "1 if the addresses are on the interface.", "vipset", 1},
	{"eligible", "gauge", "1 if the node could take the VIP now.", "eligible", 1},
	{"hold_seconds", "gauge", "Time left of the hold after a failure.", "hold_s", 1},
	{"maintenance", "gauge", "1 while frozen by an operator.", "maintenance", 1},
	{"standby", "gauge", "1 while kept out by an operator.", "standby", 1},
	{"record_version", "gauge", "Version of the parameter: the term.", "record.version", 1},
	{"record_age_seconds", "gauge", "Age of what is known of the parameter.", "record.age_ms",
	 MS},
};

static const struct row route_rows[] = {
	{"route_age_seconds", "gauge", "Time since the route was read.", "age_ms", MS},
};

static const struct family families[] = {
	{"peers", {"peer", "name"}, peer_rows, COUNT(peer_rows)},
	{"checks", {"check", "name"}, check_rows, COUNT(check_rows)},
	{"tracks", {"track", "name"}, track_rows, COUNT(track_rows)},
	{"instances", {"vip_instance", "iname"}, instance_rows, COUNT(instance_rows)},
};

/* --- lines --------------------------------------------------------------------------------- */

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
	(void)buf_printf(out, "# HELP zonevip_%s %s\n# TYPE zonevip_%s %s\n", name, help, name,
			 type);
}

static const json_t *at(const json_t *object, const char *path)
{
	const char *dot = strchr(path, '.');
	char key[64];

	if (!dot) /* two levels at most */
		return json_object_get(object, path);
	(void)snprintf(key, sizeof(key), "%.*s", (int)(dot - path), path);
	return json_object_get(json_object_get(object, key), dot + 1);
}

/* Appends name="value" to @labels, escaped as the format wants; cut when too long. */
static void add_label(char labels[static LABELS_MAX], const char *name, const json_t *value)
{
	const char *text = json_is_string(value) ? json_string_value(value) : "";
	size_t used = strlen(labels);

	used += (size_t)snprintf(labels + used, LABELS_MAX - used, "%s%s=\"", used ? "," : "",
				 name);
	for (; *text && used + 4 < LABELS_MAX; text++) {
		if (*text == '\\' || *text == '"')
			labels[used++] = '\\';
		labels[used++] = (char)((unsigned char)*text < ' ' ? ' ' : *text);
	}
	labels[used++] = '"';
	labels[used] = '\0';
}

/* Nothing for what is null or missing: "never" is no number. */
static void sample(struct buf *out, const char *name, const char *labels, const json_t *value,
		   double scale)
{
	const char *open = labels[0] ? "{" : "";
	const char *close = labels[0] ? "}" : "";

	if (json_is_integer(value) && scale == 1)
		(void)buf_printf(out, "zonevip_%s%s%s%s %" JSON_INTEGER_FORMAT "\n", name, open,
				 labels, close, json_integer_value(value));
	else if (json_is_number(value))
		(void)buf_printf(out, "zonevip_%s%s%s%s %.9g\n", name, open, labels, close,
				 json_number_value(value) * scale);
	else if (json_is_boolean(value))
		(void)buf_printf(out, "zonevip_%s%s%s%s %d\n", name, open, labels, close,
				 json_is_true(value));
}

static void one(struct buf *out, const char *name, const char *labels, bool value)
{
	(void)buf_printf(out, "zonevip_%s{%s} %d\n", name, labels, value);
}

/* --- what fits a row ------------------------------------------------------------------------ */

static void print_node(const json_t *status, struct buf *out)
{
	for (size_t i = 0; i < COUNT(node_rows); i++) {
		head(out, node_rows[i].name, node_rows[i].type, node_rows[i].help);
		sample(out, node_rows[i].name, "", at(status, node_rows[i].path),
		       node_rows[i].scale);
	}
}

/* All samples of one metric stand together: a metric's objects inside, not outside. */
static void print_family(const json_t *status, const struct family *family, struct buf *out)
{
	const json_t *array = json_object_get(status, family->array);

	for (size_t r = 0; r < family->count; r++) {
		head(out, family->rows[r].name, family->rows[r].type, family->rows[r].help);
		for (size_t i = 0; i < json_array_size(array); i++) {
			const json_t *object = json_array_get(array, i);
			char labels[LABELS_MAX] = "";

			add_label(labels, family->label.name,
				  json_object_get(object, family->label.key));
			sample(out, family->rows[r].name, labels, at(object, family->rows[r].path),
			       family->rows[r].scale);
		}
	}
}

/* --- what does not ------------------------------------------------------------------------- */

static void print_info(const json_t *status, struct buf *out)
{
	char labels[LABELS_MAX] = "";

	head(out, "info", "gauge", "Who answers, and with what.");
	add_label(labels, "node", json_object_get(status, "node"));
	add_label(labels, "cluster", json_object_get(status, "cluster"));
	add_label(labels, "program", json_object_get(status, "program"));
	add_label(labels, "digest", at(status, "config.digest"));
	one(out, "info", labels, true);
	head(out, "config_reload_failed", "gauge", "1 if the last reload changed nothing.");
	(void)buf_printf(out, "zonevip_config_reload_failed %d\n",
			 json_string_length(at(status, "config.reload_error")) > 0);
}

static void print_calls(const json_t *status, struct buf *out)
{
	static const struct {
		const char *name, *key, *help;
	} rows[] = {
		{"aws_calls_total", "calls", "Calls to AWS by action."},
		{"aws_call_failures_total", "failures", "Calls that failed."},
	};
	json_t *calls = json_object_get(json_object_get(status, "aws"), "calls");
	const char *action;
	json_t *call;

	for (size_t r = 0; r < COUNT(rows); r++) {
		head(out, rows[r].name, "counter", rows[r].help);
		json_object_foreach (calls, action, call) {
			char labels[LABELS_MAX];

			(void)snprintf(labels, sizeof(labels), "action=\"%s\"", action);
			sample(out, rows[r].name, labels, json_object_get(call, rows[r].key), 1);
		}
	}
}

static void print_dropped(const json_t *status, struct buf *out)
{
	json_t *dropped = json_object_get(json_object_get(status, "heartbeat"), "dropped");
	const char *why;
	json_t *count;

	head(out, "heartbeats_dropped_total", "counter", "Packets that were no heartbeat for us.");
	json_object_foreach (dropped, why, count) {
		char labels[LABELS_MAX];

		(void)snprintf(labels, sizeof(labels), "why=\"%s\"", why);
		sample(out, "heartbeats_dropped_total", labels, count, 1);
	}
}

/* name{of="...",word="..."} 1 for the word that holds. */
static void print_words(const json_t *array, const char *name, const char *help,
			const struct label of[2], struct buf *out)
{
	head(out, name, "gauge", help);
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *object = json_array_get(array, i);
		const json_t *words = json_object_get(object, of[1].key);
		size_t count = json_is_array(words) ? json_array_size(words) : 1;

		for (size_t w = 0; w < count; w++) {
			char labels[LABELS_MAX] = "";

			add_label(labels, of[0].name, json_object_get(object, of[0].key));
			add_label(labels, of[1].name,
				  json_is_array(words) ? json_array_get(words, w) : words);
			one(out, name, labels, true);
		}
	}
}

/* Every state, so that an alert on "nobody is MASTER" has a zero to add up. */
static void print_states(const json_t *instances, struct buf *out)
{
	static const char *const states[] = {"INIT",   "BACKUP", "CLAIMING",
					     "MASTER", "FAULT",	 "MAINT"};

	head(out, "state", "gauge", "1 for the present state.");
	for (size_t i = 0; i < json_array_size(instances); i++) {
		const json_t *object = json_array_get(instances, i);
		const char *now = json_string_value(json_object_get(object, "state_name"));

		for (size_t s = 0; s < COUNT(states); s++) {
			char labels[LABELS_MAX] = "";
			size_t used;

			add_label(labels, "vip_instance", json_object_get(object, "iname"));
			used = strlen(labels);
			(void)snprintf(labels + used, sizeof(labels) - used, ",state=\"%s\"",
				       states[s]);
			one(out, "state", labels, now && strcmp(now, states[s]) == 0);
		}
	}
}

static void route_labels(char labels[static LABELS_MAX], const json_t *instance,
			 const json_t *route)
{
	labels[0] = '\0';
	add_label(labels, "vip_instance", json_object_get(instance, "iname"));
	add_label(labels, "table", json_object_get(route, "table"));
	add_label(labels, "destination", json_object_get(route, "destination"));
}

static void print_routes(const json_t *instances, struct buf *out)
{
	char labels[LABELS_MAX];
	const json_t *instance;
	const json_t *route;
	size_t i;
	size_t r;

	head(out, route_rows[0].name, route_rows[0].type, route_rows[0].help);
	json_array_foreach (instances, i, instance)
		json_array_foreach (json_object_get(instance, "routes"), r, route) {
			route_labels(labels, instance, route);
			sample(out, route_rows[0].name, labels, at(route, route_rows[0].path),
			       route_rows[0].scale);
		}
	head(out, "route_ours", "gauge", "1 if the route points at this host.");
	json_array_foreach (instances, i, instance)
		json_array_foreach (json_object_get(instance, "routes"), r, route) {
			const char *to = json_string_value(json_object_get(route, "points_at"));

			route_labels(labels, instance, route);
			one(out, "route_ours", labels, to && strcmp(to, "self") == 0);
		}
}

static void print_histogram(const json_t *changes, const char *stage, const json_t *histogram,
			    struct buf *out)
{
	const json_t *bounds = json_object_get(changes, "bounds_s");
	const json_t *buckets = json_object_get(histogram, "buckets");
	json_int_t sum = 0;

	for (size_t b = 0; b < json_array_size(bounds); b++) {
		sum += json_integer_value(json_array_get(buckets, b));
		(void)buf_printf(out,
				 "zonevip_stage_duration_seconds_bucket{stage=\"%s\",le=\"%g\"} "
				 "%" JSON_INTEGER_FORMAT "\n",
				 stage, json_number_value(json_array_get(bounds, b)), sum);
	}
	(void)buf_printf(out,
			 "zonevip_stage_duration_seconds_bucket{stage=\"%s\",le=\"+Inf\"} "
			 "%" JSON_INTEGER_FORMAT "\n"
			 "zonevip_stage_duration_seconds_sum{stage=\"%s\"} %.9g\n"
			 "zonevip_stage_duration_seconds_count{stage=\"%s\"} "
			 "%" JSON_INTEGER_FORMAT "\n",
			 stage, json_integer_value(json_object_get(histogram, "count")), stage,
			 json_number_value(json_object_get(histogram, "sum_s")), stage,
			 json_integer_value(json_object_get(histogram, "count")));
}

static void print_stages(const json_t *status, struct buf *out)
{
	const json_t *changes = json_object_get(status, "changes");
	json_t *stages = json_object_get(changes, "stages");
	const char *stage;
	json_t *histogram;

	head(out, "stage_duration_seconds", "histogram", "What the stages of a fail-over took.");
	json_object_foreach (stages, stage, histogram)
		print_histogram(changes, stage, histogram, out);
}

int metrics_print(const json_t *status, struct buf *out)
{
	const json_t *instances = json_object_get(status, "instances");
	const json_t *checks = json_object_get(status, "checks");
	const json_t *tracks = json_object_get(status, "tracks");

	print_info(status, out);
	print_node(status, out);
	print_calls(status, out);
	print_dropped(status, out);
	for (size_t f = 0; f < COUNT(families); f++)
		print_family(status, &families[f], out);
	print_words(checks, "check_verdict", "1 for the last verdict.",
		    (struct label[2]){{"check", "name"}, {"verdict", "verdict"}}, out);
	print_words(checks, "check_health", "1 for what the verdicts add up to.",
		    (struct label[2]){{"check", "name"}, {"health", "health"}}, out);
	print_words(tracks, "track_health", "1 for what a script, file, process or device is.",
		    (struct label[2]){{"track", "name"}, {"health", "health"}}, out);
	print_states(instances, out);
	print_words(instances, "flag", "1 for each remarkable fact.",
		    (struct label[2]){{"vip_instance", "iname"}, {"flag", "flags"}}, out);
	print_words(
		instances, "blocker", "1 for each reason not to take the VIP.",
		(struct label[2]){{"vip_instance", "iname"}, {"reason", "not_eligible_because"}},
		out);
	print_routes(instances, out);
	print_stages(status, out);
	return out->overflow ? -1 : 0;
}
