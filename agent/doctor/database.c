/* SPDX-License-Identifier: MIT */
/*
 * Checks of the local mysqld by the client that the daemon uses: may its user
 * log in, with how much power, and would anybody reach mysqld at the VIP?
 */
#include "agent/doctor/doctor.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "agent/myserver.h"

#define LIMIT (3 * SEC)

static void refused(struct doctor *d, const struct conf_track_mysql *track,
		    const struct myclient *client, enum myclient_end end)
{
	char fix[256];

	if (end == MYCLIENT_ERROR &&
	    (myclient_code(client) == 1045 || myclient_code(client) == 1698)) {
		(void)snprintf(fix, sizeof(fix),
			       "CREATE USER '%s'@'localhost' IDENTIFIED VIA unix_socket (or with "
			       "the password of password_file)",
			       track->user);
		if (geteuid() != 0)
			doctor_say(d, DOCTOR_SKIP, track->name, "ask as root",
				   "login refused, perhaps for who asks: %s",
				   myclient_text(client));
		else
			doctor_say(d, DOCTOR_FAIL, track->name, fix, "login refused: %s",
				   myclient_text(client));
	} else if (end == MYCLIENT_ERROR && myclient_code(client) == MYCLIENT_TLS_ERROR) {
		doctor_say(d, DOCTOR_FAIL, track->name,
			   "'tls_ca' must be the authority of the server's certificate, and that "
			   "must name the address in 'host' (subjectAltName IP:...)",
			   "%s", myclient_text(client));
	} else {
		doctor_say(d, DOCTOR_FAIL, track->name, "start mysqld; check 'socket' or 'host'",
			   "%s",
			   end == MYCLIENT_ERROR ? myclient_text(client) : "no answer in time");
	}
}

/* "*", "0.0.0.0", a list of addresses. */
static bool listens(const char *bind, const struct ip *vip)
{
	char copy[256];
	char *rest = copy;
	char *word;

	(void)snprintf(copy, sizeof(copy), "%s", bind);
	while ((word = strtok_r(rest, ", ", &rest))) {
		struct ip ip;

		if (strcmp(word, "*") == 0 || strcmp(word, "::") == 0 ||
		    (strcmp(word, "0.0.0.0") == 0 && vip->family == AF_INET))
			return true;
		if (ip_parse(word, &ip) == 0 && ip_equal(&ip, vip))
			return true;
	}
	return false;
}

static void check_bind(struct doctor *d, const struct conf_track_mysql *track,
		       struct myclient *client, const struct myclient_limit *limit)
{
	char bind[256] = "";
	char vip[IP_TEXT_MAX];

	if (myclient_ask(client,
			 "SELECT IF(@@skip_networking, 'nowhere', COALESCE(@@bind_address, '*'))",
			 bind, sizeof(bind), limit) != MYCLIENT_DONE) {
		doctor_say(d, DOCTOR_SKIP, track->name, "", "bind_address: %s",
			   myclient_text(client));
		return;
	}
	for (unsigned int i = 0; i < d->conf->instance_count; i++)
		for (unsigned int v = 0; v < d->conf->instances[i].vip_count; v++) {
			const struct ip *ip = &d->conf->instances[i].vips[v].address;

			if (listens(bind, ip))
				doctor_say(d, DOCTOR_OK, ip_format(ip, vip), "",
					   "mysqld listens on %s", bind);
			else
				doctor_say(d, DOCTOR_FAIL, ip_format(ip, vip),
					   "bind_address = * (and a firewall that says who may "
					   "come), or the VIP with net.ipv4.ip_nonlocal_bind=1",
					   "mysqld listens on %s only", bind);
		}
}

static void check_power(struct doctor *d, const struct conf_track_mysql *track,
			struct myclient *client, const struct myclient_limit *limit)
{
	char all[512] = "";

	if (myclient_ask(
		    client,
		    "SELECT COALESCE(GROUP_CONCAT(DISTINCT privilege_type SEPARATOR ', '), '') "
		    "FROM information_schema.user_privileges",
		    all, sizeof(all), limit) != MYCLIENT_DONE)
		return;
	if (strstr(all, "SHUTDOWN") || strstr(all, "DROP") || strstr(all, "FILE"))
		doctor_say(
			d, DOCTOR_WARN, track->name,
			"revoke what is not in the manual: the check needs no more than to log in",
			"'%s' may do more than it needs: %.200s", track->user, all);
	else
		doctor_say(d, DOCTOR_OK, track->name, "", "'%s' may log in; rights: %s",
			   track->user, all);
}

/*
 * With socket authentication mysqld asks the kernel who connects: root must
 * come as that user. Back afterwards; nothing else happens in between.
 */
static enum myclient_end connect_as(const struct conf_track_mysql *track, struct myclient *client,
				    const struct myclient_target *target,
				    const struct myclient_limit *limit)
{
	const struct passwd *pw = getpwnam(track->user);
	bool as_user = geteuid() == 0 && track->socket[0] && !track->password_file[0] && pw;
	enum myclient_end end;

	if (as_user && seteuid(pw->pw_uid) < 0)
		as_user = false;
	end = myclient_connect(client, target, limit);
	if (as_user)
		(void)!seteuid(0);
	return end;
}

static void check_track(struct doctor *d, unsigned int index)
{
	const struct conf_track_mysql *track = &d->conf->tracks[index];
	const struct myclient_limit limit = {
		.deadline = mono_now() + LIMIT, .wake_fd = -1, .pid_fd = -1};
	char password[MYSERVER_PASSWORD_MAX] = "";
	char host[IP_TEXT_MAX] = "";
	struct myclient_target target = {.socket = track->socket,
					 .host = host,
					 .port = track->port,
					 .user = track->user,
					 .password = password,
					 .tls = track->tls,
					 .tls_ca = track->tls_ca};
	struct myclient *client = myclient_new();
	struct err err = {""};
	enum myclient_end end;

	if (track->host.family)
		(void)ip_format(&track->host, host);
	if (!client)
		return;
	if (track->password_file[0] &&
	    myserver_password(track->password_file, password, &err) < 0) {
		doctor_say(d, DOCTOR_SKIP, track->name, "ask as root or as the daemon's user", "%s",
			   err.text);
		myclient_close(client);
		return;
	}
	end = connect_as(track, client, &target, &limit);
	explicit_bzero(password, sizeof(password));
	if (end == MYCLIENT_DONE) {
		check_power(d, track, client, &limit);
		check_grants(d, index, client, &limit);
		check_bind(d, track, client, &limit);
	} else {
		refused(d, track, client, end);
	}
	myclient_close(client);
}

void check_mysql(struct doctor *d)
{
	if (d->conf->track_count == 0)
		doctor_say(d, DOCTOR_WARN, "",
			   "add a 'track_mysql' block, or the VIP stays with a dead database",
			   "no mysqld is checked");
	if (myclient_begin() < 0 || myclient_thread_begin() < 0)
		return;
	for (unsigned int k = 0; k < d->conf->track_count; k++)
		check_track(d, k);
	myclient_thread_end();
}
