/* SPDX-License-Identifier: MIT */
/*
 * What the AWS worker is told of the configuration, and what follows from what
 * AWS announces about this instance: the same planned switchover that an
 * operator may order, under the same conditions, so a node with no peer fit to
 * serve goes on serving to its end. May not do more than ask for it.
 */
#include "agent/agent.h"
#include "agent/awsconf.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/log.h"

#define LEAVE_AGAIN 5.0	       /* refused, no peer fit to serve: the next try */
#define LEAVE_AGAIN_TRIED 30.0 /* ordered, and it may come back to us: not too often */

/* --- what is announced ------------------------------------------------------------------ */

static const struct {
	const char *name;
	size_t policy; /* in struct conf_aws */
} kinds[AWS_NOTICES] = {
	[AWS_NOTICE_SPOT] = {"spot_interruption", offsetof(struct conf_aws, on_spot_interruption)},
	[AWS_NOTICE_REBALANCE] = {"rebalance", offsetof(struct conf_aws, on_rebalance)},
	[AWS_NOTICE_MAINTENANCE] = {"maintenance", offsetof(struct conf_aws, on_maintenance)},
	[AWS_NOTICE_LIFECYCLE] = {"lifecycle", offsetof(struct conf_aws, on_lifecycle)},
};

const char *agent_notice_name(enum aws_notice_kind kind)
{
	return kinds[kind].name;
}

enum conf_policy agent_notice_policy(const struct agent *agent, enum aws_notice_kind kind)
{
	const char *aws = (const char *)&agent->conf->aws;

	return *(const enum conf_policy *)(const void *)(aws + kinds[kind].policy);
}

static const char *policy_name(enum conf_policy policy)
{
	static const char *const names[] = {[CONF_POLICY_HANDOVER] = "handover",
					    [CONF_POLICY_ALARM] = "alarm",
					    [CONF_POLICY_IGNORE] = "ignore"};

	return names[policy];
}

/* Boottime from which this notice wants us gone; MONO_NEVER = it does not. */
static mono_us leave_from(const struct agent *agent, enum aws_notice_kind kind)
{
	const struct aws_notice *notice = &agent->identity.notices[kind];

	if (!notice->stands || agent_notice_policy(agent, kind) != CONF_POLICY_HANDOVER)
		return MONO_NEVER;
	if (kind != AWS_NOTICE_MAINTENANCE)
		return 0;
	/* Known for days: without a date there is no hurry. */
	return notice->at ? notice->at - agent->conf->aws.maintenance_lead : MONO_NEVER;
}

static mono_us leave_at(const struct agent *agent)
{
	mono_us at = MONO_NEVER;

	for (unsigned int k = 0; k < AWS_NOTICES; k++)
		at = mono_min(at, leave_from(agent, k));
	return at;
}

static void arm_leave(struct agent *agent, double after)
{
	ev_timer_stop(agent->loop, &agent->leave_timer);
	ev_now_update(agent->loop);
	ev_timer_set(&agent->leave_timer, after, 0.0);
	ev_timer_start(agent->loop, &agent->leave_timer);
}

/* True when there was something to order. */
static bool leave_instance(struct agent *agent, unsigned int instance)
{
	struct event ev = {
		.type = EV_COMMAND, .instance = instance, .command = CMD_SWITCHOVER, .node = -1};
	const char *name = agent->conf->instances[instance].name;
	enum core_refusal refusal = core_refuses(&agent->core, mono_now(), &ev);
	static struct log_gate gate;
	unsigned int held;

	if (refusal == REFUSE_NOT) {
		log_event(LOG_LV_WARNING, "notice_handover", "instance=%s", name);
		agent_remember(agent, "%s: handed over because of what AWS announces", name);
		agent_feed(agent, &ev);
		return true;
	}
	if (log_gate(&gate, 60, &held))
		log_event(LOG_LV_ERROR, "notice_handover_refused", "instance=%s why=\"%s\"", name,
			  core_refusal_name(refusal));
	return false;
}

static void on_leave(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct agent *agent = timer->data;
	mono_us at = leave_at(agent);
	bool acting = false;
	bool ordered = false;

	(void)loop;
	(void)events;
	if (at == MONO_NEVER)
		return;
	if (at > mono_now()) {
		arm_leave(agent, mono_seconds(at - mono_now()));
		return;
	}
	for (unsigned int i = 0; i < agent->conf->instance_count; i++) {
		if (agent->instances[i].state != CORE_MASTER)
			continue;
		acting = true;
		ordered |= leave_instance(agent, i);
	}
	/* The VIP may come to us later, when the other node dies: as long as the notice stands
	 * somebody has to look. */
	arm_leave(agent, acting && !ordered ? LEAVE_AGAIN : LEAVE_AGAIN_TRIED);
}

static void say_notice(struct agent *agent, enum aws_notice_kind kind)
{
	const struct aws_notice *notice = &agent->identity.notices[kind];
	const char *policy = policy_name(agent_notice_policy(agent, kind));
	long long left = notice->at ? (long long)((notice->at - mono_now()) / SEC) : -1;

	if (!notice->stands) {
		log_event(LOG_LV_INFO, "aws_notice", "kind=%s state=withdrawn",
			  agent_notice_name(kind));
		agent_remember(agent, "AWS takes back: %s", agent_notice_name(kind));
		return;
	}
	log_event(LOG_LV_WARNING, "aws_notice", "kind=%s what=%s in_s=%lld policy=%s",
		  agent_notice_name(kind), notice->what, left, policy);
	agent_remember(agent, "AWS announces: %s %s (%s)", agent_notice_name(kind), notice->what,
		       policy);
}

void agent_on_notices(struct agent *agent, const struct aws_notice before[AWS_NOTICES])
{
	bool changed = false;

	for (unsigned int k = 0; k < AWS_NOTICES; k++) {
		if (aws_notice_same(&before[k], &agent->identity.notices[k]))
			continue;
		changed = true;
		say_notice(agent, k);
	}
	if (changed && leave_at(agent) != MONO_NEVER)
		arm_leave(agent, 0.0);
}

static unsigned int notices_to_watch(const struct agent *agent)
{
	unsigned int watch = 0;

	for (unsigned int k = 0; k < AWS_NOTICES; k++)
		if (agent_notice_policy(agent, k) != CONF_POLICY_IGNORE)
			watch |= 1U << k;
	return watch;
}

/* --- is this host the node? ---------------------------------------------------------------- */

static bool is_ours(const struct ifaddrs *list, const struct ip *wanted)
{
	for (; list; list = list->ifa_next) {
		struct sockaddr_storage storage = {0};
		struct ip ip;

		if (!list->ifa_addr)
			continue;
		if (list->ifa_addr->sa_family == AF_INET)
			memcpy(&storage, list->ifa_addr, sizeof(struct sockaddr_in));
		else if (list->ifa_addr->sa_family == AF_INET6)
			memcpy(&storage, list->ifa_addr, sizeof(struct sockaddr_in6));
		if (ip_from_sockaddr(&storage, &ip) == 0 && ip_equal(&ip, wanted))
			return true;
	}
	return false;
}

/*
 * A cloned image boots with the other node's name and reads in the parameter
 * that it is the owner. What it does not have is the other node's address.
 */
void agent_look_for_address(struct agent *agent)
{
	const struct conf_node *self = &agent->conf->nodes[agent->conf->self];
	static struct log_gate gate;
	char text[IP_TEXT_MAX];
	struct ifaddrs *list;
	unsigned int held;

	if (agent->address_seen || getifaddrs(&list) < 0)
		return; /* again with the next change of an address, or the next call */
	agent->address_seen = is_ours(list, &self->address);
	freeifaddrs(list);
	if (!agent->address_seen && log_gate(&gate, 60, &held))
		log_event(LOG_LV_ERROR, "not_this_host",
			  "node=%s address=%s hint=\"no interface here carries it: a cloned image? "
			  "name the node that this is with -i\"",
			  self->name, ip_format(&self->address, text));
}

/* --- opening --------------------------------------------------------------------------------- */

unsigned int agent_api_budget(const struct conf *conf)
{
	return conf->aws.api_budget ? conf->aws.api_budget : 4 * conf_calls_an_hour(conf);
}

struct aws *agent_open_aws(struct agent *agent, struct err *err)
{
	struct aws_config config;
	struct aws *aws;

	if (!agent->leave_timer.data)
		ev_timer_init(&agent->leave_timer, on_leave, 0.0, 0.0);
	agent->leave_timer.data = agent;
	if (awsconf_fill(agent->conf, &config, err) < 0)
		return NULL;
	config.watch = notices_to_watch(agent);
	config.budget = agent_api_budget(agent->conf);
	aws = aws_open(agent->loop, &config, agent_on_job, agent_on_identity, agent);
	if (!aws)
		(void)err_set(err, "AWS worker: cannot start (threads, memory)");
	return aws;
}
