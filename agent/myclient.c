/* SPDX-License-Identifier: MIT */
/*
 * The one file that knows which MySQL client library it was built with; see
 * doc/adr/0001. Every call is made in steps: the library says "would block",
 * we wait on its socket, on our wake-up and on the clock at once, and step
 * again. At the deadline the socket is shut down and the call stepped to its
 * end, which then comes at once and lets the library free what it holds.
 *
 * Nothing here trusts the server: packets and whole answers are capped, no
 * file is ever sent to it (LOAD DATA LOCAL), and no login method that would
 * ask a person or send the password in the clear is let in.
 *
 * Long, because both libraries' ways stand side by side in it and nowhere else.
 */
#include "config.h"

#include "agent/myclient.h"

#include <errno.h>
#include <fcntl.h>
#include <mysql.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define PACKET_MAX 65536UL /* of one packet; a login and SELECT 1 need 200 bytes */
#define HEARD_MAX 65536	   /* bytes in one call, all packets together */
#define SEVER_STEPS 64	   /* a call that is cut off ends in two or three */

enum operation { OP_CONNECT, OP_QUERY, OP_FETCH };

struct myclient {
	MYSQL *mysql;
	MYSQL_RES *result;
	int fd; /* the library's; -1 = not known, or no longer its own */
	int pid;
	enum myclient_phase phase;
	bool idle;	  /* connected, and nothing is under way: fit for a farewell */
	bool strange;	  /* cut off for what it said, or for how much */
	size_t heard;	  /* bytes in the call that is under way */
	int report_bytes; /* see inspect_greeting() */
	/* the call that is under way: its arguments and its outcome */
	enum operation op;
	const struct myclient_target *target;
	const char *sql;
	MYSQL *connected;
	int failed;
	MYSQL_ROW row;
};

static void learn(struct myclient *client);

#ifdef HAVE_MYSQL_REAL_CONNECT_START

/* --- MariaDB Connector/C: a coroutine, MYSQL_WAIT_* bits say what it waits for --- */

#define WAIT_ALL (MYSQL_WAIT_READ | MYSQL_WAIT_WRITE | MYSQL_WAIT_EXCEPT | MYSQL_WAIT_TIMEOUT)
#define STEP_MAX MONO_NEVER /* it says when to come back */

/* The call that runs on this thread: the library's callback has no argument of ours. */
static _Thread_local struct myclient *running;

static int step_connect(struct myclient *client, bool begin, int ready)
{
	const struct myclient_target *target = client->target;
	const bool local = target->socket[0];

	if (!begin)
		return mysql_real_connect_cont(&client->connected, client->mysql, ready);
	return mysql_real_connect_start(
		&client->connected, client->mysql, local ? NULL : target->host, target->user,
		target->password, NULL, local ? 0 : target->port, local ? target->socket : NULL, 0);
}

/* Begins or continues. Returns what to wait for, 0 when the call has ended. */
static int step(struct myclient *client, bool begin, int ready)
{
	int waits = 0;

	running = client;
	switch (client->op) {
	case OP_CONNECT:
		waits = step_connect(client, begin, ready);
		break;
	case OP_QUERY:
		waits = begin ? mysql_real_query_start(&client->failed, client->mysql, client->sql,
						       strlen(client->sql))
			      : mysql_real_query_cont(&client->failed, client->mysql, ready);
		break;
	case OP_FETCH:
		waits = begin ? mysql_fetch_row_start(&client->row, client->result)
			      : mysql_fetch_row_cont(&client->row, client->result, ready);
		break;
	}
	running = NULL;
	return waits;
}

static short poll_events(int waits)
{
	return (short)((waits & MYSQL_WAIT_READ ? POLLIN : 0) |
		       (waits & MYSQL_WAIT_WRITE ? POLLOUT : 0) |
		       (waits & MYSQL_WAIT_EXCEPT ? POLLPRI : 0));
}

/* An end of the connection is something to read, write and look at. */
static int ready_bits(short revents)
{
	int ready = 0;

	if (revents & (POLLIN | POLLHUP | POLLERR))
		ready |= MYSQL_WAIT_READ;
	if (revents & (POLLOUT | POLLHUP | POLLERR))
		ready |= MYSQL_WAIT_WRITE;
	if (revents & POLLPRI)
		ready |= MYSQL_WAIT_EXCEPT;
	return ready;
}

static int library_fd(struct myclient *client)
{
	return mysql_get_socket(client->mysql);
}

#ifdef HAVE_MA_PVIO_REGISTER_CALLBACK
/* Exported for the library's trace plugins; no public header declares it. */
int ma_pvio_register_callback(my_bool on, void (*fn)(int mode, MYSQL *mysql, unsigned char *data,
						     size_t length));

/*
 * Looks at the first seven bytes of a connection before the library does.
 *
 * A packet of 64 KiB or more in place of the greeting is no MySQL server; the
 * library would call it a lost connection, which we would ask about again.
 *
 * A progress report (error number 65535) in place of the greeting makes the
 * library (3.3.20) look for "MariaDB" in a server version that is not there
 * yet, and crash. Three bytes ff after the header of four are such a report;
 * made into another number it is an error like any other.
 */
static void inspect_greeting(struct myclient *client, unsigned char *data, size_t length)
{
	for (size_t i = 0; i < length && client->heard + i < 7; i++) {
		size_t at = client->heard + i;

		if (at == 2 && data[i] != 0)
			client->strange = true;
		client->report_bytes += at >= 4 && data[i] == 0xff;
		if (at == 6 && client->report_bytes == 3)
			data[i] = 0;
	}
}

/*
 * Sees every read of the library, before the library looks at it. A server
 * that talks without a pause never makes it say "would block", so neither
 * deadline nor cap would ever be looked at; here such a call is cut off.
 */
static void hear(int mode, MYSQL *mysql, unsigned char *data, size_t length)
{
	struct myclient *client = running;

	if (!client || client->mysql != mysql || mode != 0 || (ssize_t)length <= 0)
		return;
	learn(client); /* a login may be refused without a single "would block" */
	if (client->op == OP_CONNECT)
		inspect_greeting(client, data, length);
	client->heard += length;
	if (client->heard > HEARD_MAX)
		client->strange = true;
	if (client->strange)
		(void)shutdown(library_fd(client), SHUT_RDWR); /* what is queued still comes */
}
#endif

static int library_setup(void)
{
#ifdef HAVE_MA_PVIO_REGISTER_CALLBACK
	return ma_pvio_register_callback(1, hear);
#else
	return 0;
#endif
}

/* With a CA the certificate is checked, its name too. Without: encrypted, but to whomever. */
static int library_tls(MYSQL *mysql, const struct myclient_target *target)
{
	my_bool on = 1;
	my_bool verify = target->tls_ca && target->tls_ca[0] ? 1 : 0;

	if (!target->tls)
		return 0;
	if (verify && mysql_options(mysql, MYSQL_OPT_SSL_CA, target->tls_ca) != 0)
		return -1;
	return mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &on) ||
			       mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify)
		       ? -1
		       : 0;
}

static int library_options(MYSQL *mysql, const struct myclient_target *target)
{
	if (!target->socket[0] && library_tls(mysql, target) < 0)
		return -1;
#if HAVE_DECL_MARIADB_OPT_RESTRICTED_AUTH
	/* Not dialog, which asks a person; not mysql_clear_password. */
	if (mysql_options(mysql, MARIADB_OPT_RESTRICTED_AUTH,
			  "mysql_native_password,client_ed25519,parsec,caching_sha2_password,"
			  "sha256_password,auth_gssapi_client") != 0)
		return -1;
#endif
	return mysql_options(mysql, MYSQL_OPT_NONBLOCK, NULL);
}

#else

/* --- Oracle's libmysqlclient: call again until it no longer says "not ready" --------- */

#define WAIT_ALL 1
#define STEP_MAX (5 * MSEC) /* it does not say what it waits for: a connect is not POLLIN */

static int step_connect(struct myclient *client)
{
	const struct myclient_target *target = client->target;
	const bool local = target->socket[0];
	enum net_async_status status;

	status = mysql_real_connect_nonblocking(
		client->mysql, local ? "localhost" : target->host, target->user, target->password,
		NULL, local ? 0 : target->port, local ? target->socket : NULL, 0);
	client->connected = status == NET_ASYNC_COMPLETE ? client->mysql : NULL;
	return status == NET_ASYNC_NOT_READY;
}

static int step(struct myclient *client, bool begin, int ready)
{
	enum net_async_status status = NET_ASYNC_ERROR;

	(void)begin;
	(void)ready;
	switch (client->op) {
	case OP_CONNECT:
		return step_connect(client);
	case OP_QUERY:
		status = mysql_real_query_nonblocking(client->mysql, client->sql,
						      strlen(client->sql));
		client->failed = status == NET_ASYNC_ERROR;
		break;
	case OP_FETCH:
		status = mysql_fetch_row_nonblocking(client->result, &client->row);
		if (status == NET_ASYNC_ERROR)
			client->row = NULL;
		break;
	}
	return status == NET_ASYNC_NOT_READY;
}

static short poll_events(int waits)
{
	(void)waits;
	return POLLIN;
}

static int ready_bits(short revents)
{
	(void)revents;
	return WAIT_ALL;
}

static int library_fd(struct myclient *client)
{
	return client->mysql->net.vio ? (int)client->mysql->net.fd : -1;
}

static int library_setup(void)
{
	return 0;
}

static int library_options(MYSQL *mysql, const struct myclient_target *target)
{
	unsigned int tls = target->socket[0] ? SSL_MODE_DISABLED : SSL_MODE_PREFERRED;

	if (!target->socket[0] && target->tls)
		tls = target->tls_ca && target->tls_ca[0] ? SSL_MODE_VERIFY_IDENTITY
							  : SSL_MODE_REQUIRED;
	if (tls == SSL_MODE_VERIFY_IDENTITY &&
	    mysql_options(mysql, MYSQL_OPT_SSL_CA, target->tls_ca) != 0)
		return -1;
	return mysql_options(mysql, MYSQL_OPT_SSL_MODE, &tls);
}

#endif

/* --- both ------------------------------------------------------------------------------ */

int myclient_begin(void)
{
	static bool begun;

	if (begun)
		return 0;
	if (mysql_library_init(0, NULL, NULL) != 0 || library_setup() != 0)
		return -1;
	begun = true;
	return 0;
}

int myclient_thread_begin(void)
{
	return mysql_thread_init() ? -1 : 0;
}

void myclient_thread_end(void)
{
	mysql_thread_end();
}

struct myclient *myclient_new(void)
{
	struct myclient *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->fd = -1;
	client->mysql = mysql_init(NULL);
	if (!client->mysql) {
		free(client);
		return NULL;
	}
	return client;
}

/* Takes in what the call under way has made known. */
static void learn(struct myclient *client)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	if (client->mysql->server_version && client->phase == MYCLIENT_GREETING)
		client->phase = MYCLIENT_LOGIN;
	if (client->fd >= 0)
		return;
	client->fd = library_fd(client);
	if (client->fd < 0)
		return;
	(void)fcntl(client->fd, F_SETFD, FD_CLOEXEC); /* neither library does */
	if (getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0)
		client->pid = peer.pid > 0 ? peer.pid : 0;
}

/* Waits until the call can go on (MYCLIENT_DONE), or must not. */
static enum myclient_end wait_for(struct myclient *client, int waits,
				  const struct myclient_limit *limit, int *ready)
{
	struct pollfd fds[] = {{.fd = client->fd, .events = poll_events(waits)},
			       {.fd = limit->wake_fd, .events = POLLIN},
			       {.fd = limit->pid_fd, .events = POLLIN}};
	mono_us again = STEP_MAX == MONO_NEVER ? MONO_NEVER : mono_now() + STEP_MAX;

	for (;;) {
		mono_us left = mono_max(mono_min(limit->deadline, again) - mono_now(), 0);
		struct timespec most = {.tv_sec = left / SEC, .tv_nsec = left % SEC * 1000};
		int count = ppoll(fds, sizeof(fds) / sizeof(fds[0]), &most, NULL);

		if (count < 0 && errno != EINTR)
			return MYCLIENT_DEADLINE; /* only a bug: EBADF, EINVAL */
		if (count > 0 && fds[1].revents)
			return MYCLIENT_WOKEN;
		if (count > 0 && fds[0].revents) { /* first: its last words may tell why */
			*ready = ready_bits(fds[0].revents);
			return MYCLIENT_DONE;
		}
		if (count > 0 && fds[2].revents)
			return MYCLIENT_EXITED;
		/* What had come while we did not run was found above, however late. */
		if (count == 0 && mono_now() >= limit->deadline)
			return MYCLIENT_DEADLINE;
		if (count == 0 && mono_now() >= again)
			return MYCLIENT_DONE;
	}
}

/* Ends the call under way, now. */
static void sever(struct myclient *client)
{
	int waits = WAIT_ALL;

	if (client->fd >= 0)
		(void)shutdown(client->fd, SHUT_RDWR);
	for (int i = 0; i < SEVER_STEPS && waits; i++)
		waits = step(client, false, WAIT_ALL);
	client->fd = -1; /* the library has closed it */
}

static bool succeeded(const struct myclient *client)
{
	switch (client->op) {
	case OP_CONNECT:
		return client->connected != NULL;
	case OP_QUERY:
		return client->failed == 0;
	case OP_FETCH:
		return client->row || !mysql_errno(client->mysql);
	}
	return false;
}

/* The server's own word, after which the session goes on; the rest is the library's. */
static bool server_error(unsigned int code)
{
	return code != 0 && code / 1000 != 2 && code / 100 != 50;
}

/* Runs one call to its end. */
static enum myclient_end drive(struct myclient *client, enum operation op,
			       const struct myclient_limit *limit)
{
	int ready = 0;
	int waits;

	client->op = op;
	client->idle = false;
	waits = step(client, true, 0);
	while (waits) {
		enum myclient_end end;

		learn(client);
		end = wait_for(client, waits, limit, &ready);
		if (end != MYCLIENT_DONE) {
			sever(client);
			return end;
		}
		waits = step(client, false, ready);
	}
	if (client->strange) {
		client->fd = -1;
		return MYCLIENT_STRANGE;
	}
	if (succeeded(client)) {
		learn(client);
		return MYCLIENT_DONE;
	}
	if (op == OP_CONNECT || !server_error(mysql_errno(client->mysql)))
		client->fd = -1;
	return MYCLIENT_ERROR;
}

static int set_options(struct myclient *client)
{
	const bool local = client->target->socket[0];
	const unsigned int protocol = local ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;
	const unsigned int none = 0;
	const size_t packet_max = PACKET_MAX;

	if (library_options(client->mysql, client->target) != 0 ||
	    mysql_options(client->mysql, MYSQL_OPT_PROTOCOL, &protocol) != 0 ||
	    mysql_options(client->mysql, MYSQL_OPT_LOCAL_INFILE, &none) != 0 ||
	    mysql_options(client->mysql, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet_max) != 0)
		return -1;
	return 0;
}

enum myclient_end myclient_connect(struct myclient *client, const struct myclient_target *target,
				   const struct myclient_limit *limit)
{
	enum myclient_end end = MYCLIENT_ERROR;

	client->target = target;
	client->heard = 0;
	if (set_options(client) == 0)
		end = drive(client, OP_CONNECT, limit);
	client->target = NULL;
	if (client->mysql->passwd) /* kept for reconnecting, which we do not let it do */
		explicit_bzero(client->mysql->passwd, strlen(client->mysql->passwd));
	if (end == MYCLIENT_DONE) {
		client->phase = MYCLIENT_QUERY;
		client->idle = true;
	}
	return end;
}

const char *myclient_cell(const struct myclient_row *row, const char *name)
{
	for (unsigned int i = 0; i < row->count; i++)
		if (strcasecmp(row->names[i], name) == 0)
			return row->cells[i];
	return NULL;
}

/* Hands every row to @fn, to the end of them. */
static enum myclient_end fetch_rows(struct myclient *client, myclient_row_fn *fn, void *arg,
				    const struct myclient_limit *limit)
{
	unsigned int count = mysql_num_fields(client->result);
	const MYSQL_FIELD *fields = mysql_fetch_fields(client->result);
	struct myclient_row row = {.count = count};

	if (!fn || count > MYCLIENT_COLUMNS_MAX)
		return MYCLIENT_STRANGE;
	for (unsigned int i = 0; i < count; i++)
		row.names[i] = fields[i].name;
	for (;;) {
		enum myclient_end end = drive(client, OP_FETCH, limit);

		if (end != MYCLIENT_DONE || !client->row)
			return end;
		for (unsigned int i = 0; i < count; i++)
			row.cells[i] = client->row[i];
		if (!fn(arg, &row))
			return MYCLIENT_STRANGE;
	}
}

enum myclient_end myclient_run(struct myclient *client, const char *sql, myclient_row_fn *fn,
			       void *arg, const struct myclient_limit *limit)
{
	enum myclient_end end;

	client->sql = sql;
	client->heard = 0;
	end = drive(client, OP_QUERY, limit);
	if (end == MYCLIENT_ERROR)
		client->idle = client->fd >= 0;
	if (end != MYCLIENT_DONE)
		return end;
	client->result = mysql_use_result(client->mysql); /* no I/O, no rows in memory */
	if (client->result) {
		end = fetch_rows(client, fn, arg, limit);
		if (end != MYCLIENT_DONE)
			return end;
		mysql_free_result(client->result);
		client->result = NULL;
	} else if (mysql_field_count(client->mysql)) {
		return MYCLIENT_STRANGE;
	}
	client->idle = true;
	return MYCLIENT_DONE;
}

struct cell {
	char *text;
	size_t room;
	unsigned int rows;
};

static bool take_cell(void *arg, const struct myclient_row *row)
{
	struct cell *cell = arg;

	if (row->count != 1 || ++cell->rows > 1)
		return false;
	(void)snprintf(cell->text, cell->room, "%s", row->cells[0] ? row->cells[0] : "NULL");
	return true;
}

enum myclient_end myclient_ask(struct myclient *client, const char *sql, char *cell, size_t room,
			       const struct myclient_limit *limit)
{
	struct cell taken = {.text = cell, .room = room};
	enum myclient_end end = myclient_run(client, sql, take_cell, &taken, limit);

	return end == MYCLIENT_DONE && taken.rows != 1 ? MYCLIENT_STRANGE : end;
}

const char *myclient_server(const struct myclient *client)
{
	const char *version = client->mysql->server_version;

	return version ? version : "";
}

bool myclient_mariadb(const struct myclient *client)
{
	return strstr(myclient_server(client), "MariaDB") != NULL;
}

unsigned long myclient_version(const struct myclient *client)
{
	return client->mysql->server_version ? mysql_get_server_version(client->mysql) : 0;
}

unsigned long myclient_session(const struct myclient *client)
{
	return mysql_thread_id(client->mysql);
}

int myclient_fd(const struct myclient *client)
{
	return client->fd;
}

int myclient_pid(const struct myclient *client)
{
	return client->pid;
}

enum myclient_phase myclient_phase(const struct myclient *client)
{
	return client->phase;
}

unsigned int myclient_code(const struct myclient *client)
{
	return mysql_errno(client->mysql);
}

const char *myclient_text(const struct myclient *client)
{
	return mysql_error(client->mysql);
}

void myclient_close(struct myclient *client)
{
	if (!client)
		return;
	/* A farewell spares the server's log a line, but only an idle socket has room for it
	 * for certain; with any other, reading on or writing must fail at once. */
	if (!client->idle && client->fd >= 0)
		(void)shutdown(client->fd, SHUT_RDWR);
	if (client->result)
		mysql_free_result(client->result);
	mysql_close(client->mysql);
	free(client);
}
