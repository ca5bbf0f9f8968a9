/* SPDX-License-Identifier: MIT */
/*
 * Checks of this host: what the daemon finds here when it starts, what might
 * take the addresses away, and what the running daemon knows of its peers.
 */
#include "agent/doctor/doctor.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/ctl/text.h"

static const char *self_name(const struct doctor *d)
{
	return d->conf->nodes[d->conf->self].name;
}

void check_configuration(struct doctor *d)
{
	const struct conf *conf = d->conf;

	doctor_say(d, DOCTOR_OK, "", "", "%s: this host is %s of %u nodes, %u instance%s",
		   conf->path, self_name(d), conf->node_count, conf->instance_count,
		   conf->instance_count == 1 ? "" : "s");
}

static void check_one_key(struct doctor *d, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		doctor_say(d, errno == EACCES ? DOCTOR_SKIP : DOCTOR_FAIL, path,
			   errno == EACCES ? "ask as root"
					   : "make one, the same on every node: head -c 32 "
					     "/dev/urandom, owner zonevip, mode 0400",
			   "%s", strerror(errno));
	else if (st.st_mode & 077)
		doctor_say(d, DOCTOR_FAIL, path, "chmod 0400 it: the daemon refuses it like this",
			   "others may read it (mode %04o)", (unsigned int)(st.st_mode & 07777));
	else if (st.st_size < 32)
		doctor_say(d, DOCTOR_FAIL, path, "make one of 32 random bytes",
			   "%lld bytes are too few", (long long)st.st_size);
	else
		doctor_say(d, DOCTOR_OK, path, "", "there, and its owner's alone");
}

void check_key(struct doctor *d)
{
	check_one_key(d, d->conf->heartbeat.key_file);
	if (d->conf->heartbeat.accept_key_file[0])
		check_one_key(d, d->conf->heartbeat.accept_key_file);
}

/* --- interfaces -------------------------------------------------------------------- */

static bool has_address(const struct ifaddrs *list, const char *name, const struct ip *wanted)
{
	for (; list; list = list->ifa_next) {
		struct ip ip;

		if (list->ifa_addr && (!name || strcmp(list->ifa_name, name) == 0) &&
		    ip_from_sockaddr((const void *)list->ifa_addr, &ip) == 0 &&
		    ip_equal(&ip, wanted))
			return true;
	}
	return false;
}

static void check_one_interface(struct doctor *d, const char *name, const struct ifaddrs *list)
{
	const struct ifaddrs *found = list;

	while (found && strcmp(found->ifa_name, name) != 0)
		found = found->ifa_next;
	if (!found)
		doctor_say(d, DOCTOR_FAIL, name, "correct 'interface', or attach the ENI",
			   "this host has no such interface");
	else if (!(found->ifa_flags & IFF_UP))
		doctor_say(d, DOCTOR_FAIL, name, "bring it up: ip link set up", "is down");
	else
		doctor_say(d, DOCTOR_OK, name, "", "is up");
}

void check_interface(struct doctor *d)
{
	const struct conf *conf = d->conf;
	const struct ip *mine = &conf->nodes[conf->self].address;
	struct ifaddrs *list = NULL;
	char text[IP_TEXT_MAX];

	if (getifaddrs(&list) < 0) {
		doctor_say(d, DOCTOR_SKIP, "", "", "getifaddrs: %s", strerror(errno));
		return;
	}
	for (unsigned int i = 0; i < conf->instance_count; i++)
		if (i == 0 ||
		    strcmp(conf->instances[i].interface, conf->instances[i - 1].interface) != 0)
			check_one_interface(d, conf->instances[i].interface, list);
	if (has_address(list, NULL, mine))
		doctor_say(d, DOCTOR_OK, self_name(d), "", "its address %s is here",
			   ip_format(mine, text));
	else
		doctor_say(d, DOCTOR_FAIL, self_name(d),
			   "correct 'address' of this node, or -i if this host is another one",
			   "no interface has its address %s", ip_format(mine, text));
	freeifaddrs(list);
}

/* --- who else manages addresses ------------------------------------------------------- */

static bool file_says(const char *path, const char *word)
{
	FILE *file = fopen(path, "re");
	char line[256];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = strncmp(line, word, strlen(word)) == 0;
	if (file)
		(void)fclose(file);
	return found;
}

/* A drop-in of ours, or of somebody's, that lets foreign addresses be. */
static bool networkd_keeps(void)
{
	return access("/etc/systemd/networkd.conf.d/zonevip.conf", F_OK) == 0 ||
	       access("/usr/lib/systemd/networkd.conf.d/zonevip.conf", F_OK) == 0 ||
	       file_says("/etc/systemd/networkd.conf", "ManageForeignRoutingPolicyRules=no");
}

static void check_managers_of(struct doctor *d, const char *name)
{
	char path[128];
	unsigned int index = if_nametoindex(name);
	bool found = false;

	(void)snprintf(path, sizeof(path), "/run/systemd/netif/links/%u", index);
	if (index && file_says(path, "ADMIN_STATE=configured") && !networkd_keeps()) {
		doctor_say(d, DOCTOR_WARN, name,
			   "KeepConfiguration=yes in its .network file, or it drops the alias when "
			   "it is restarted",
			   "systemd-networkd manages it");
		found = true;
	}
	(void)snprintf(path, sizeof(path), "/run/NetworkManager/devices/%u", index);
	if (index && file_says(path, "managed=true")) {
		doctor_say(d, DOCTOR_WARN, name,
			   "unmanaged-devices=interface-name:<it> in a file of "
			   "/etc/NetworkManager/conf.d, or an external alias is lost on reconnect",
			   "NetworkManager manages it");
		found = true;
	}
	(void)snprintf(path, sizeof(path), "/run/network/policy-routes/%s", name);
	if (access(path, F_OK) == 0 ||
	    access("/usr/lib/systemd/system/refresh-policy-routes@.service", F_OK) == 0) {
		doctor_say(d, DOCTOR_WARN, name,
			   "mask refresh-policy-routes@<it>.timer: it removes addresses that IMDS "
			   "does not list",
			   "amazon-ec2-net-utils refreshes it");
		found = true;
	}
	if (!found)
		doctor_say(d, DOCTOR_OK, name, "", "nothing found that would remove an alias");
}

void check_daemons(struct doctor *d)
{
	const struct conf *conf = d->conf;

	for (unsigned int i = 0; i < conf->instance_count; i++)
		if (i == 0 ||
		    strcmp(conf->instances[i].interface, conf->instances[i - 1].interface) != 0)
			check_managers_of(d, conf->instances[i].interface);
}

void check_forwarding(struct doctor *d)
{
	if (file_says("/proc/sys/net/ipv4/ip_forward", "1"))
		doctor_say(
			d, DOCTOR_WARN, "", "net.ipv4.ip_forward=0: zonevip needs none",
			"this host forwards packets: with the source/destination check off others "
			"may reach its metadata through it, and a route to a host without the VIP "
			"loops");
	else
		doctor_say(d, DOCTOR_OK, "", "", "off");
}

/* --- what the daemon knows ------------------------------------------------------------ */

static void say_instance(struct doctor *d, const json_t *instance)
{
	struct text name = text_of(instance, "iname");
	struct text state = text_of(instance, "state_name");
	struct text why = text_list(instance, "not_eligible_because", ", ");
	struct text flags = text_list(instance, "flags", ", ");
	bool master = strcmp(state.s, "MASTER") == 0;

	if (!text_true(instance, "eligible") && !master)
		doctor_say(d, DOCTOR_WARN, name.s, "'zonevipctl why' explains each of them",
			   "%s, and could not take the VIP: %s", state.s, why.s);
	else if (flags.s[0])
		doctor_say(d, DOCTOR_WARN, name.s, "'zonevipctl status' and 'why' show more",
			   "%s, with %s", state.s, flags.s);
	else
		doctor_say(d, DOCTOR_OK, name.s, "", "%s", state.s);
}

void check_daemon(struct doctor *d)
{
	const json_t *list = json_object_get(d->status, "instances");

	if (!d->status) {
		doctor_say(d, DOCTOR_WARN, "", "", "%s", d->status_problem);
		return;
	}
	for (size_t i = 0; i < json_array_size(list); i++)
		say_instance(d, json_array_get(list, i));
	if (!text_true(json_object_get(d->status, "notify"), "connected"))
		doctor_say(d, DOCTOR_WARN, "notify", "systemctl start zonevip-notify",
			   "the runner of notify scripts is not connected");
}

static void say_peer(struct doctor *d, const json_t *peer)
{
	struct text name = text_of(peer, "name");
	struct text ago = text_ago(peer, "heard_ms");
	char fix[128];

	(void)snprintf(fix, sizeof(fix),
		       "allow UDP %u from it in the security group and ACLs here, and start it",
		       d->conf->heartbeat.port);
	if (!text_true(peer, "proven"))
		doctor_say(d, DOCTOR_FAIL, name.s, fix, "not heard (last: %s)", ago.s);
	else if (!text_true(peer, "hears_us"))
		doctor_say(d, DOCTOR_FAIL, name.s,
			   "allow UDP from this host in its security group and ACLs",
			   "heard, but it does not hear us");
	else if (!text_true(peer, "config_match"))
		doctor_say(d, DOCTOR_FAIL, name.s, "install the same file on both and restart",
			   "its configuration is another");
	else
		doctor_say(d, DOCTOR_OK, name.s, "", "hears us and is heard, round trip %.1f ms",
			   text_number(peer, "rtt_ms", 0.0));
}

void check_peers(struct doctor *d)
{
	const json_t *list = json_object_get(d->status, "peers");

	for (size_t i = 0; i < json_array_size(list); i++)
		say_peer(d, json_array_get(list, i));
}
