/* SPDX-License-Identifier: MIT */
/*
 * Addresses and links against a real kernel, in a network namespace of its
 * own made at the start (root, or a user namespace; neither: skipped, 77).
 * The witness is never the code under test: labels are read by getifaddrs(),
 * IPv6 flags from /proc, and the world is changed through a socket of ours.
 */
#include "config.h"

#include "tests/unit/netns.h"

#include <sched.h>

static const struct vip v4 = {
	.address = {.family = AF_INET, .bytes = {10, 1, 5, 5}},
	.prefix_length = 32,
	.interface = "v0",
	.label = "v0:1",
};

static const struct vip v6 = {
	.address = {.family = AF_INET6, .bytes = {0xfd, 0, 0, 1, [15] = 5}},
	.prefix_length = 128,
	.interface = "v0",
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct err err = {""};

	assert_non_null(world);
	world->loop = ev_loop_new(EVFLAG_AUTO);
	world->sock = nl_socket_alloc();
	assert_int_equal(nl_connect(world->sock, NETLINK_ROUTE), 0);
	make_veth(world);
	set_up(world, "v1", true);
	set_up(world, "v0", true);
	world->nl = netlink_open(
		world->loop,
		&(struct netlink_callbacks){
			.address = on_address, .link = on_link, .resync = on_resync, .arg = world},
		&err);
	assert_string_equal(err.text, "");
	assert_non_null(world->nl);
	listen_for(world, 20 * MSEC);
	forget(world);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	netlink_close(world->nl);
	delete_link(world, "v0");
	nl_socket_free(world->sock);
	ev_loop_destroy(world->loop);
	free(world);
	return 0;
}

/* --- addresses ---------------------------------------------------------------------- */

static void adding_twice_is_success_and_the_alias_bears_its_label(void **state)
{
	struct world *world = *state;

	assert_int_equal(vip_present(world->nl, &v4), 0);
	assert_int_equal(vip_add(world->nl, &v4), 0);
	assert_int_equal(vip_present(world->nl, &v4), 1);
	assert_int_equal(vip_add(world->nl, &v4), 0);
	assert_int_equal(labels_seen(&v4, "v0:1"), 1);
}

static void removing_twice_is_success(void **state)
{
	struct world *world = *state;

	assert_int_equal(vip_add(world->nl, &v4), 0);
	assert_int_equal(vip_remove(world->nl, &v4), 0);
	assert_int_equal(vip_present(world->nl, &v4), 0);
	assert_int_equal(labels_seen(&v4, "v0:1"), 0);
	assert_int_equal(vip_remove(world->nl, &v4), 0);
}

static void without_the_interface_only_adding_is_an_error(void **state)
{
	struct world *world = *state;
	struct vip vip = v4;

	strcpy(vip.interface, "absent0");
	assert_int_equal(vip_add(world->nl, &vip), -ENODEV);
	assert_int_equal(vip_remove(world->nl, &vip), 0);
	assert_int_equal(vip_present(world->nl, &vip), 0);
	assert_int_equal(link_up(world->nl, "absent0"), 0);
}

static void another_device_or_prefix_or_address_is_not_ours(void **state)
{
	struct world *world = *state;
	struct vip other = v4;

	strcpy(other.interface, "v1");
	strcpy(other.label, "v1:1");
	assert_int_equal(vip_add(world->nl, &other), 0);
	assert_int_equal(vip_present(world->nl, &v4), 0);
	other = v4;
	other.prefix_length = 24;
	assert_int_equal(vip_add(world->nl, &other), 0);
	assert_int_equal(vip_present(world->nl, &v4), 0);
	other = v4;
	other.address.bytes[3] = 6;
	assert_int_equal(vip_add(world->nl, &other), 0);
	assert_int_equal(vip_present(world->nl, &v4), 0);
	assert_int_equal(vip_remove(world->nl, &v4), 0);
	assert_int_equal(labels_seen(&other, "v0:1"), 1);
}

static void an_address_under_another_label_is_not_ours_until_it_is_added(void **state)
{
	struct world *world = *state;
	struct vip bare = v4;

	bare.label[0] = '\0';
	assert_int_equal(by_hand(world, &bare, true), 0);
	assert_int_equal(vip_present(world->nl, &v4), 0);
	assert_int_equal(vip_remove(world->nl, &v4), 0);
	assert_int_equal(labels_seen(&v4, "v0"), 1); /* left alone */
	assert_int_equal(vip_add(world->nl, &v4), 0);
	assert_int_equal(vip_present(world->nl, &v4), 1);
	assert_int_equal(labels_seen(&v4, "v0"), 0);
	assert_int_equal(labels_seen(&v4, "v0:1"), 1);
}

static void many_vips_on_one_interface_are_told_apart(void **state)
{
	struct world *world = *state;
	struct vip vip = v4;

	for (int i = 0; i < 255; i++) {
		vip.address.bytes[3] = (uint8_t)i;
		assert_int_equal(vip_add(world->nl, &vip), 0);
	}
	vip.address.bytes[3] = 200;
	assert_int_equal(vip_remove(world->nl, &vip), 0);
	for (int i = 0; i < 255; i++) {
		vip.address.bytes[3] = (uint8_t)i;
		assert_int_equal(vip_present(world->nl, &vip), i != 200);
	}
}

static void an_ipv6_vip_is_usable_at_once_and_never_preferred(void **state)
{
	struct world *world = *state;
	int flags;

	if (access("/proc/self/net/if_inet6", R_OK) != 0)
		skip();
	assert_int_equal(vip_add(world->nl, &v6), 0);
	assert_int_equal(vip_add(world->nl, &v6), 0);
	assert_int_equal(vip_present(world->nl, &v6), 1);
	flags = flags6(&v6);
	assert_int_not_equal(flags, -1);
	assert_int_equal(flags & IFA_F_TENTATIVE, 0);
	assert_true(flags & IFA_F_NODAD);
	assert_true(flags & IFA_F_DEPRECATED);
	assert_true(flags & IFA_F_PERMANENT);
	assert_int_equal(vip_remove(world->nl, &v6), 0);
	assert_int_equal(vip_remove(world->nl, &v6), 0);
	assert_int_equal(vip_present(world->nl, &v6), 0);
	assert_int_equal(flags6(&v6), -1);
}

static void without_the_capability_it_says_eperm(void **state)
{
	struct world *world = *state;
	int ret;

	if (seteuid(65534) != 0)
		skip();
	ret = vip_add(world->nl, &v4);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(ret, -EPERM);
	assert_int_equal(vip_add(world->nl, &v4), 0); /* and the socket is as good as before */
}

/* --- events ---------------------------------------------------------------------------- */

static void a_removal_by_hand_is_told_and_so_are_our_own_changes(void **state)
{
	struct world *world = *state;

	assert_int_equal(vip_add(world->nl, &v4), 0);
	assert_int_equal(world->fact_count, 0); /* never from inside a call */
	assert_true(hears(world, "v0", "10.1.5.5", true));
	forget(world);
	assert_int_equal(by_hand(world, &v4, false), 0);
	assert_true(hears(world, "v0", "10.1.5.5", false));
	forget(world);
	assert_int_equal(vip_add(world->nl, &v6), 0);
	assert_true(hears(world, "v0", "fd00:1::5", true));
	forget(world);
	assert_int_equal(vip_remove(world->nl, &v6), 0);
	assert_true(hears(world, "v0", "fd00:1::5", false));
}

/* How often @interface itself was spoken of. */
static unsigned int link_facts(const struct world *world, const char *interface)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < world->fact_count && i < FACTS_MAX; i++)
		if (strcmp(world->facts[i].interface, interface) == 0 &&
		    !world->facts[i].address[0])
			count++;
	return count;
}

static void a_link_that_goes_down_and_up_is_told_once_each(void **state)
{
	struct world *world = *state;

	assert_int_equal(link_up(world->nl, "v0"), 1);
	set_up(world, "v0", false);
	assert_int_equal(link_up(world->nl, "v0"), 0);
	assert_true(hears(world, "v0", "", false));
	listen_for(world, 20 * MSEC);
	assert_int_equal(link_facts(world, "v0"), 1);
	forget(world);
	set_up(world, "v0", true);
	assert_true(hears(world, "v0", "", true));
	listen_for(world, 20 * MSEC);
	assert_int_equal(link_facts(world, "v0"), 1);
	assert_int_equal(link_up(world->nl, "v0"), 1);
}

static void lost_carrier_counts_as_down(void **state)
{
	struct world *world = *state;

	set_up(world, "v1", false); /* v0 stays administratively up */
	assert_true(hears(world, "v0", "", false));
	assert_int_equal(link_up(world->nl, "v0"), 0);
}

static void a_deleted_link_takes_its_vip_and_comes_back_with_another_index(void **state)
{
	struct world *world = *state;
	unsigned int index = if_nametoindex("v0");

	assert_int_equal(vip_add(world->nl, &v4), 0);
	listen_for(world, 20 * MSEC);
	forget(world);
	delete_link(world, "v0");
	assert_true(hears(world, "v0", "", false));
	assert_true(told(world, "v0", "10.1.5.5", false)); /* by name, though the name is gone */
	assert_int_equal(vip_present(world->nl, &v4), 0);
	forget(world);
	make_veth(world);
	assert_int_not_equal(if_nametoindex("v0"), index);
	assert_true(hears(world, "v0", "", false)); /* appeared, not up yet */
	set_up(world, "v1", true);
	set_up(world, "v0", true);
	assert_true(hears(world, "v0", "", true));
	assert_int_equal(vip_add(world->nl, &v4), 0);
	assert_true(hears(world, "v0", "10.1.5.5", true));
	assert_int_equal(labels_seen(&v4, "v0:1"), 1);
}

static void a_renamed_link_vanishes_under_its_old_name(void **state)
{
	struct world *world = *state;

	set_up(world, "v0", false);
	listen_for(world, 20 * MSEC);
	rename_link(world, "v0", "w0");
	set_up(world, "w0", true);
	forget(world);
	assert_true(hears(world, "w0", "", true));
	assert_true(told(world, "v0", "", false));
	rename_link(world, "w0", "v0");
}

static void leaving_a_bridge_is_not_vanishing(void **state)
{
	struct world *world = *state;
	struct rtnl_link *bridge = NULL;
	struct rtnl_link *port = NULL;

	if (rtnl_link_bridge_add(world->sock, "br0") < 0)
		skip(); /* no bridges in this kernel */
	assert_int_equal(rtnl_link_get_kernel(world->sock, 0, "br0", &bridge), 0);
	assert_int_equal(rtnl_link_get_kernel(world->sock, 0, "v0", &port), 0);
	assert_int_equal(rtnl_link_enslave(world->sock, bridge, port), 0);
	listen_for(world, 20 * MSEC);
	forget(world);
	assert_int_equal(rtnl_link_release(world->sock, port), 0);
	listen_for(world, 50 * MSEC);
	assert_false(told(world, "v0", "", false));
	assert_int_equal(link_up(world->nl, "v0"), 1);
	rtnl_link_put(port);
	rtnl_link_put(bridge);
	delete_link(world, "br0");
}

static void lost_events_end_in_a_resync_and_then_it_hears_again(void **state)
{
	struct world *world = *state;
	struct sockaddr_nl name;
	struct vip late = v4;
	int small = 65536;
	mono_us from;

	assert_int_equal(setsockopt(event_fd(&name), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)),
			 0);
	for (int i = 0; i < 5000; i++) { /* 10,000 changes, nobody listening */
		assert_int_equal(vip_add(world->nl, &v4), 0);
		assert_int_equal(vip_remove(world->nl, &v4), 0);
	}
	/* These are lost, too. */
	set_up(world, "v0", false);
	assert_int_equal(rtnl_link_veth_add(world->sock, "s0", "s1", getpid()), 0);
	strcpy(late.interface, "s0");
	strcpy(late.label, "s0:1");
	assert_int_equal(vip_add(world->nl, &late), 0);
	from = mono_now();
	ev_run(world->loop, EVRUN_NOWAIT);
	assert_int_equal(world->resync_count, 0); /* the queue is not empty yet */
	while (!world->resync_count && mono_now() - from < 20 * SEC)
		ev_run(world->loop, EVRUN_NOWAIT);
	assert_int_equal(world->resync_count, 1);
	assert_int_equal(link_up(world->nl, "v0"), 0);
	assert_int_equal(vip_present(world->nl, &v4), 0);
	forget(world);
	delete_link(world, "s0"); /* its name can only be known from the resync */
	assert_true(hears(world, "s0", "10.1.5.5", false));
	set_up(world, "v0", true);
	assert_true(hears(world, "v0", "", true));
	assert_int_equal(world->resync_count, 0); /* one, not one a message */
}

static void a_message_from_another_process_is_dropped(void **state)
{
	struct world *world = *state;
	struct ifaddrmsg body = {
		.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = if_nametoindex("v0")};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_DELADDR, 0);
	struct sockaddr_nl to;

	(void)event_fd(&to);
	to.nl_groups = 0; /* to its own port, not to the group */
	assert_non_null(msg);
	assert_int_equal(nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO), 0);
	assert_int_equal(nla_put(msg, IFA_LOCAL, 4, v4.address.bytes), 0);
	nlmsg_hdr(msg)->nlmsg_pid = 0; /* claims to be the kernel */
	assert_int_equal(vip_add(world->nl, &v4), 0);
	listen_for(world, 20 * MSEC);
	forget(world);
	assert_int_equal(sendto(nl_socket_get_fd(world->sock), nlmsg_hdr(msg),
				nlmsg_hdr(msg)->nlmsg_len, 0, (struct sockaddr *)&to, sizeof(to)),
			 (ssize_t)nlmsg_hdr(msg)->nlmsg_len);
	listen_for(world, 50 * MSEC);
	assert_int_equal(world->fact_count, 0);
	assert_int_equal(world->resync_count, 0);
	nlmsg_free(msg);
}

/* A place where nothing of the machine's own network can be touched. */
static bool enter_namespace(void)
{
	if (unshare(CLONE_NEWNET) == 0)
		return true;
	return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(adding_twice_is_success_and_the_alias_bears_its_label),
		T(removing_twice_is_success),
		T(without_the_interface_only_adding_is_an_error),
		T(another_device_or_prefix_or_address_is_not_ours),
		T(an_address_under_another_label_is_not_ours_until_it_is_added),
		T(many_vips_on_one_interface_are_told_apart),
		T(an_ipv6_vip_is_usable_at_once_and_never_preferred),
		T(without_the_capability_it_says_eperm),
		T(a_removal_by_hand_is_told_and_so_are_our_own_changes),
		T(a_link_that_goes_down_and_up_is_told_once_each),
		T(lost_carrier_counts_as_down),
		T(a_deleted_link_takes_its_vip_and_comes_back_with_another_index),
		T(a_renamed_link_vanishes_under_its_old_name),
		T(leaving_a_bridge_is_not_vanishing),
		T(lost_events_end_in_a_resync_and_then_it_hears_again),
		T(a_message_from_another_process_is_dropped),
	};

	(void)alarm(60);
	if (!enter_namespace()) {
		printf("SKIP: no network namespace to be had: %s\n", strerror(errno));
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
