/* SPDX-License-Identifier: MIT */
/*
 * What the kernel tells of links and addresses becomes events. The kernel is
 * always asked: a message may be older than our own last change.
 *
 * A change of our own address is looked at a moment later. Who flushes an
 * interface takes addresses away until none is left ("ip address flush" goes
 * round until then, and so may others): put back at once, an address is taken
 * away again within the millisecond, and the core, which does not fight for
 * ever, would give it up.
 */
#include "config.h"

#include "agent/agent.h"

#include <string.h>

#define SETTLE 0.03 /* of the 0.1 s in which an address is to be mended */

static void look_at_alias(struct agent *agent, unsigned int instance)
{
	bool any = !core_acting(&agent->instances[instance]);

	agent->extra[instance].alias_changed = false;
	agent_feed(agent, &(struct event){.type = EV_ALIAS,
					  .instance = instance,
					  .outcome = OUTCOME_OK,
					  .up = agent_plumbed(agent, instance, any)});
}

static void look_at_link(struct agent *agent, unsigned int instance)
{
	const char *interface = agent->conf->instances[instance].interface;

	agent_feed(agent, &(struct event){.type = EV_LINK,
					  .instance = instance,
					  .up = link_up(agent->netlink, interface) == 1});
}

static void on_settled(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct agent *agent = timer->data;

	(void)loop;
	(void)events;
	for (unsigned int i = 0; i < agent->conf->instance_count; i++)
		if (agent->extra[i].alias_changed)
			look_at_alias(agent, i);
}

static void on_address(void *arg, const char *interface, const struct ip *address, bool present)
{
	struct agent *agent = arg;

	for (unsigned int i = 0; i < agent->conf->instance_count; i++) {
		const struct conf_instance *conf = &agent->conf->instances[i];
		const struct instance *in = &agent->instances[i];

		/* Mostly our own change, heard again; what contradicts it has a message of its own.
		 */
		if (strcmp(conf->interface, interface) != 0 ||
		    (!in->alias_pending && in->alias_present == present))
			continue;
		for (unsigned int v = 0; v < conf->vip_count; v++)
			if (ip_equal(&conf->vips[v].address, address))
				agent->extra[i].alias_changed = true;
		if (agent->extra[i].alias_changed && !ev_is_active(&agent->settle_timer)) {
			ev_timer_set(&agent->settle_timer, SETTLE, 0.0);
			ev_timer_start(agent->loop, &agent->settle_timer);
		}
	}
}

static void on_link(void *arg, const char *interface, bool up)
{
	struct agent *agent = arg;

	(void)up;
	agent_watch_links(agent, interface);
	for (unsigned int i = 0; i < agent->conf->instance_count; i++)
		if (strcmp(agent->conf->instances[i].interface, interface) == 0)
			look_at_link(agent, i);
}

static void on_resync(void *arg)
{
	agent_look_around(arg);
}

void agent_look_around(struct agent *agent)
{
	agent_watch_links(agent, NULL);
	for (unsigned int i = 0; i < agent->conf->instance_count; i++) {
		look_at_link(agent, i);
		look_at_alias(agent, i);
	}
}

int agent_open_netlink(struct agent *agent, struct err *err)
{
	const struct netlink_callbacks callbacks = {
		.address = on_address, .link = on_link, .resync = on_resync, .arg = agent};

	ev_timer_init(&agent->settle_timer, on_settled, 0.0, 0.0);
	agent->settle_timer.data = agent;
	agent->netlink = netlink_open(agent->loop, &callbacks, err);
	return agent->netlink ? 0 : -1;
}

void agent_close_netlink(struct agent *agent)
{
	ev_timer_stop(agent->loop, &agent->settle_timer);
	if (agent->netlink)
		netlink_close(agent->netlink);
}
