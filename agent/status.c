/* SPDX-License-Identifier: MIT */
/*
 * The state of everything as one JSON document (doc/status.schema.json),
 * made fresh for each question: every fact carries its age, and no answer
 * means not running. keepalived's field names where they mean the same.
 */
#include "config.h"

#include "agent/agent.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/log.h"
#include "agent/memory.h"
#include "agent/metrics.h"

#define AGE_MAX ((double)(1LL << 53)) /* "never": JSON null */

static json_t *age_ms(mono_us now, mono_us then)
{
	double age = (double)(now - then) / 1000.0;

	return then <= 0 || age > AGE_MAX ? json_null() : json_real(age < 0 ? 0 : age);
}

static json_t *text(const char *value)
{
	return json_string(value ? value : "");
}

static json_t *words(uint32_t set, const char *(*name)(uint32_t))
{
	json_t *list = json_array();

	for (unsigned int bit = 0; bit < 32; bit++)
		if (set & (1U << bit))
			(void)json_array_append_new(list, json_string(name(1U << bit)));
	return list;
}

/* --- the node -------------------------------------------------------------------- */

/* Seconds left, 0 = none, null = nobody says when they end. */
static json_t *credentials_s(mono_us until, mono_us now)
{
	if (until == MONO_NEVER)
		return json_null();
	return json_real(until > now ? mono_seconds(until - now) : 0.0);
}

static json_t *notices_json(const struct agent *agent, mono_us now)
{
	static const char *const policies[] = {"handover", "alarm", "ignore"};
	json_t *list = json_array();

	for (unsigned int k = 0; k < AWS_NOTICES; k++) {
		const struct aws_notice *notice = &agent->identity.notices[k];

		if (notice->stands)
			(void)json_array_append_new(
				list,
				json_pack("{s:s, s:s, s:o, s:s}", "kind", agent_notice_name(k),
					  "what", notice->what, "in_s",
					  notice->at ? json_real(mono_seconds(notice->at - now))
						     : json_null(),
					  "policy", policies[agent_notice_policy(agent, k)]));
	}
	return list;
}

static json_t *aws_json(struct agent *agent, mono_us now)
{
	static const char *const names[AWS_CALLS] = {"GetParameter",
						     "PutParameter",
						     "DescribeRouteTables",
						     "ReplaceRoute",
						     "DescribeNetworkInterfaces",
						     "ModifyNetworkInterfaceAttribute",
						     "DescribeRouteTables of the VPC",
						     "DescribeInstances"};
	const struct aws_identity *id = &agent->identity;
	const char *target = agent->clone_error[0] ? agent->clone_error : agent->target_error;
	const char *problem = id->problem[0] ? id->problem : target;
	struct aws_counters counters;
	json_t *calls = json_object();

	aws_counters(agent->aws, &counters);
	for (unsigned int c = 0; c < AWS_ASK; c++)
		(void)json_object_set_new(calls, names[c],
					  json_pack("{s:I, s:I}", "calls",
						    (json_int_t)counters.calls[c], "failures",
						    (json_int_t)counters.failures[c]));
	return json_pack("{s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:b, s:o, s:I, s:o, "
			 "s:{s:i, s:i, s:I}}",
			 "known", id->known, "region", id->region, "instance_id", id->instance_id,
			 "eni", id->eni, "zone", id->zone, "credentials", id->source,
			 "routes_credentials", id->routes_source, "credentials_s",
			 credentials_s(id->credentials_until, now), "problem", problem,
			 "source_dest_check", agent->source_dest_check, "calls", calls, "connects",
			 (json_int_t)counters.connects, "notices", notices_json(agent, now),
			 "budget", "limit", (int)counters.budget, "hour", (int)counters.hour,
			 "held_back", (json_int_t)counters.held_back);
}

static json_t *notify_json(const struct agent *agent)
{
	struct notify_state state;
	json_t *last = json_null();

	notify_state(agent->notify, &state);
	if (state.last.version)
		last = json_pack("{s:i, s:i, s:i, s:s, s:s}", "number", (int)state.last.number,
				 "status", (int)state.last.status, "took_ms",
				 (int)state.last.took_ms, "script", state.last.script, "problem",
				 state.last.problem);
	return json_pack("{s:b, s:i, s:I, s:I, s:o}", "connected", state.connected, "queued",
			 (int)state.queued, "sent", (json_int_t)state.sent, "dropped",
			 (json_int_t)state.dropped, "last", last);
}

/* Of HELLO_SOFTWARE(); "" when the peer does not say. */
static const char *software_text(uint16_t version, char text[static 16])
{
	text[0] = '\0';
	if (version)
		(void)snprintf(text, 16, "%u.%u.%u", version >> 12 & 15U, version >> 6 & 63U,
			       version & 63U);
	return text;
}

static json_t *peers_json(const struct agent *agent, mono_us now)
{
	json_t *list = json_array();
	char address[IP_TEXT_MAX];
	char software[16];

	for (unsigned int n = 0; n < agent->conf->node_count; n++) {
		const struct peer *peer = &agent->core.peers[n];

		if (n == agent->conf->self)
			continue;
		(void)json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:b, s:o, s:o, s:f, s:b, s:b, s:s, s:b, s:I, s:I}",
				  "name", agent->conf->nodes[n].name, "address",
				  ip_format(&agent->conf->nodes[n].address, address), "proven",
				  core_hears(&agent->core, now, n), "heard_ms",
				  age_ms(now, peer->heard), "ack_ms", age_ms(now, peer->ack),
				  "rtt_ms", (double)peer->rtt / 1000.0, "hears_us",
				  now - peer->ack <= agent->core.config.timers.dead_after,
				  "config_match", !agent->core.config_differs[n], "software",
				  software_text(agent->core.software[n], software),
				  "software_match", !agent->core.software_differs[n], "received",
				  (json_int_t)peer->accepted, "old", (json_int_t)peer->old));
	}
	return list;
}

static json_t *heartbeat_json(const struct agent *agent)
{
	const struct heartbeat_counters *counters = heartbeat_counters(agent->heartbeat);
	json_t *dropped = json_object();

	for (unsigned int v = WIRE_OK + 1; v < WIRE_COUNT; v++)
		(void)json_object_set_new(dropped, wire_verdict_name((enum wire_verdict)v),
					  json_integer((json_int_t)counters->received[v]));
	return json_pack("{s:I, s:I, s:I, s:I, s:o}", "sent", (json_int_t)counters->sent,
			 "send_failed", (json_int_t)counters->send_failed, "received",
			 (json_int_t)counters->received[WIRE_OK], "other_key",
			 (json_int_t)counters->other_key, "dropped", dropped);
}

static json_t *checks_json(const struct agent *agent, mono_us now)
{
	json_t *list = json_array();

	for (unsigned int k = 0; k < agent->conf->track_count; k++) {
		const struct mycheck_result *result = &agent->results[k];
		bool asked = result->started != 0;

		(void)json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:s, s:o, s:f, s:i}", "name",
				  agent->conf->tracks[k].name, "verdict",
				  asked ? mycheck_verdict_name(result->verdict) : "NONE", "health",
				  health_state_name(agent->core.health[k].state), "evidence",
				  result->evidence, "age_ms", age_ms(now, result->started),
				  "took_ms", (double)result->took / 1000.0, "server_pid",
				  result->server_pid));
	}
	return list;
}

/* --- one instance ------------------------------------------------------------------- */

static const char *points_at(const struct agent *agent, int target)
{
	if (target == (int)agent->conf->self)
		return "self";
	if (target >= 0)
		return agent->conf->nodes[target].name;
	if (target == TARGET_MISSING)
		return "missing";
	return target == TARGET_OTHER ? "other" : "unknown";
}

static json_t *routes_json(const struct agent *agent, unsigned int i, mono_us now)
{
	json_t *list = json_array();
	char address[IP_TEXT_MAX];

	for (unsigned int r = 0; r < agent->extra[i].route_count; r++) {
		const struct route *route = &agent->instances[i].routes[r];
		const struct agent_route *words_of = &agent->extra[i].routes[r];

		(void)json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:o}", "table",
				  agent_table_id(agent, i, r), "destination",
				  ip_format(agent_route_vip(agent, i, r), address), "target",
				  words_of->target, "points_at", points_at(agent, route->target),
				  "age_ms", age_ms(now, route->read_at), "outcome",
				  outcome_name(route->outcome), "error", text(words_of->error)));
	}
	return list;
}

/* As keepalived numbers them; CLAIMING and MAINT are ours. */
static int state_number(enum core_state state)
{
	static const int numbers[CORE_STATES] = {
		[CORE_INIT] = 0,  [CORE_BACKUP] = 1,   [CORE_MASTER] = 2,
		[CORE_FAULT] = 3, [CORE_CLAIMING] = 4, [CORE_MAINT] = 5,
	};

	return numbers[state];
}

static json_t *alias_json(const struct conf_instance *conf, const struct instance *in)
{
	char vip[IP_TEXT_MAX] = "";
	char prefixed[IP_TEXT_MAX + 8] = "";

	if (conf->vip_count)
		(void)snprintf(prefixed, sizeof(prefixed), "%s/%u",
			       ip_format(&conf->vips[0].address, vip), conf->vips[0].prefix_length);
	return json_pack("{s:s, s:s, s:s, s:b, s:b}", "address", prefixed, "label",
			 conf->vip_count ? conf->vips[0].label : "", "interface", conf->interface,
			 "present", in->alias_present, "wanted", core_acting(in) || in->alias_kept);
}

static json_t *vips_json(const struct conf_instance *conf)
{
	json_t *list = json_array();
	char address[IP_TEXT_MAX];

	for (unsigned int v = 0; v < conf->vip_count; v++)
		(void)json_array_append_new(
			list, json_sprintf("%s/%u", ip_format(&conf->vips[v].address, address),
					   conf->vips[v].prefix_length));
	return list;
}

/* What is known of P: read by us, or newer by what a peer said. */
static json_t *record_json(const struct agent *agent, unsigned int i, mono_us now)
{
	const struct record *record = &agent->instances[i].record;
	const char *owner = record->owner >= 0 ? agent->conf->nodes[record->owner].name : "";
	const char *value = record->owner == OWNER_STRANGER ? agent->extra[i].value : owner;

	return json_pack("{s:s, s:s, s:I, s:s, s:o, s:s, s:o}", "parameter",
			 agent->conf->instances[i].parameter, "value", value, "version",
			 (json_int_t)record->version, "owner", owner, "age_ms",
			 age_ms(now, mono_max(record->read_at, record->first_seen)), "outcome",
			 outcome_name(record->outcome), "error",
			 text(agent->extra[i].record_error));
}

/* Milliseconds that each stage of the last change took; what was no part of it is missing. */
static json_t *change_json(const struct stage_run *run, mono_us now)
{
	json_t *took = json_object();

	if (!run->began) {
		json_decref(took);
		return json_null();
	}
	for (unsigned int s = 0; s < STAGES; s++)
		if (run->took[s] >= 0)
			(void)json_object_set_new(took, stage_name((enum stage)s),
						  json_real((double)run->took[s] / 1000.0));
	return json_pack("{s:s, s:o, s:b, s:o}", "reason", core_reason_name(run->reason), "age_ms",
			 age_ms(now, run->decided), "under_way", run->running, "took_ms", took);
}

static json_t *instance_json(const struct agent *agent, unsigned int i, mono_us now)
{
	const struct conf_instance *conf = &agent->conf->instances[i];
	const struct agent_instance *extra = &agent->extra[i];
	const struct instance *in = &agent->instances[i];
	int priority = (int)agent->conf->nodes[agent->conf->self].priority;
	json_t *object = json_pack(
		"{s:s, s:i, s:s, s:f, s:f, s:s, s:i, s:i, s:b, s:b, s:o, s:o, s:f, s:b, s:f, s:s, "
		"s:b, s:I}",
		"iname", conf->name, "state", state_number(in->state), "state_name",
		core_state_name(in->state), "since_s", mono_seconds(now - in->since),
		"last_transition", extra->last_transition, "reason", core_reason_name(in->reason),
		"base_priority", priority, "effective_priority",
		(int)core_priority(&agent->core, i), "vipset", in->alias_present, "eligible",
		in->blockers == 0, "not_eligible_because", words(in->blockers, core_blocker_name),
		"flags", words(in->flags, core_flag_name), "hold_s",
		in->hold_until > now ? mono_seconds(in->hold_until - now) : 0.0, "maintenance",
		in->frozen, "maintenance_s",
		in->frozen && in->frozen_until != MONO_NEVER
			? mono_seconds(mono_max(in->frozen_until - now, 0))
			: 0.0,
		"maintenance_reason", extra->reason, "standby", in->standby, "disclaimed",
		(json_int_t)in->disclaimed);
	json_t *facts =
		json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "last_change",
			  change_json(&agent->stages.runs[i], now), "alias", alias_json(conf, in),
			  "routes", routes_json(agent, i, now), "record",
			  record_json(agent, i, now), "vips", vips_json(conf), "database",
			  agent_database_json(agent, i), "tracks", agent_weights_json(agent, i));

	if (!object || !facts || json_object_update(object, facts) < 0) {
		json_decref(object);
		object = NULL;
	}
	json_decref(facts);
	return object;
}

/* Histograms of all changes since the start; every bucket is on its own. */
static json_t *stages_json(const struct stages *stages)
{
	json_t *bounds = json_array();
	json_t *all = json_object();

	for (unsigned int b = 0; b < STAGE_BOUNDS; b++)
		(void)json_array_append_new(bounds, json_real(mono_seconds(stage_bounds[b])));
	for (unsigned int s = 0; s < STAGES; s++) {
		const struct stage_histogram *histogram = &stages->histograms[s];
		json_t *buckets = json_array();

		for (unsigned int b = 0; b <= STAGE_BOUNDS; b++)
			(void)json_array_append_new(
				buckets, json_integer((json_int_t)histogram->buckets[b]));
		(void)json_object_set_new(
			all, stage_name((enum stage)s),
			json_pack("{s:I, s:f, s:o}", "count", (json_int_t)histogram->count, "sum_s",
				  mono_seconds(histogram->sum), "buckets", buckets));
	}
	return json_pack("{s:I, s:I, s:o, s:o}", "takeovers", (json_int_t)stages->takeovers,
			 "failures", (json_int_t)stages->failures, "bounds_s", bounds, "stages",
			 all);
}

/* --- what outlives the process ------------------------------------------------------------ */

static json_t *memory_json(const struct agent *agent)
{
	struct memory_view view;

	memory_view(agent->memory, &view);
	return json_pack("{s:s, s:b, s:I, s:I, s:s, s:I, s:I, s:I, s:s}", "directory",
			 view.directory, "open", view.open, "written",
			 (json_int_t)view.counters.state_written, "failed",
			 (json_int_t)view.counters.state_failed, "error",
			 view.counters.state_error ? strerror(-view.counters.state_error) : "",
			 "journal_max", (json_int_t)view.journal_max, "journal_written",
			 (json_int_t)view.counters.journal_written, "journal_lost",
			 (json_int_t)view.counters.journal_lost, "journal_error",
			 view.counters.journal_error ? strerror(-view.counters.journal_error) : "");
}

/* --- the document ----------------------------------------------------------------------- */

static json_t *document(struct agent *agent)
{
	mono_us now = mono_now();
	json_t *instances = json_array();
	char digest[16];

	(void)snprintf(digest, sizeof(digest), "%08x", agent->conf->digest);
	for (unsigned int i = 0; i < agent->conf->instance_count; i++)
		(void)json_array_append_new(instances, instance_json(agent, i, now));
	return json_pack("{s:i, s:s, s:s, s:s, s:i, s:f, s:{s:s, s:s, s:s, s:f, s:i, s:i, s:b}, "
			 "s:{s:f, s:f, s:I, s:I}, "
			 "s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "version", 1, "program", "zonevipd " PACKAGE_VERSION, "node",
			 agent->conf->nodes[agent->conf->self].name, "cluster",
			 agent->conf->cluster, "pid", (int)getpid(), "uptime_s",
			 mono_seconds(now - agent->started), "config", "path", agent->conf->path,
			 "digest", digest, "reload_error", agent->reload.error, "since",
			 agent->reload.at, "reloads", (int)agent->reload.done, "reloads_refused",
			 (int)agent->reload.refused, "reload_waits", agent->reload.next != NULL,
			 "loop", "late_max_ms", (double)agent->late_max / 1000.0,
			 "hello_late_max_ms", (double)agent->hello_late_max / 1000.0,
			 "hello_late_count", (json_int_t)agent->hello_late_count, "log_lost",
			 (json_int_t)log_lost(), "aws", aws_json(agent, now), "changes",
			 stages_json(&agent->stages), "notify", notify_json(agent), "heartbeat",
			 heartbeat_json(agent), "peers", peers_json(agent, now), "checks",
			 checks_json(agent, now), "tracks", agent_watches_json(agent, now), "state",
			 memory_json(agent), "instances", instances);
}

int agent_status_json(struct agent *agent, struct buf *reply)
{
	json_t *root = document(agent);
	char *dump = root ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
	int ret = dump ? buf_printf(reply, "%s\n", dump) : -1;

	free(dump);
	json_decref(root);
	return ret;
}

int agent_status_metrics(struct agent *agent, struct buf *reply)
{
	json_t *root = document(agent);
	int ret = root ? metrics_print(root, reply) : -1;

	json_decref(root);
	return ret;
}

void agent_status_text(struct agent *agent, struct buf *reply)
{
	const char *node = agent->conf->nodes[agent->conf->self].name;

	for (unsigned int i = 0; i < agent->conf->instance_count; i++) {
		const struct instance *in = &agent->instances[i];

		(void)buf_printf(
			reply, "%s %s %s reason=%s owner=%s term=%llu alias=%s eligible=%s\n", node,
			agent->conf->instances[i].name, core_state_name(in->state),
			core_reason_name(in->reason),
			in->record.owner >= 0 ? agent->conf->nodes[in->record.owner].name : "-",
			(unsigned long long)in->record.version,
			in->alias_present ? "present" : "absent", in->blockers ? "no" : "yes");
	}
}
