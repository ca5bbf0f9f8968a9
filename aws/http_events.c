/* SPDX-License-Identifier: MIT */
/*
 * The places where libcurl calls us: sockets to watch, its timer, sockets it
 * opens and closes, the moment before a request leaves, and what comes back.
 * May not end a call from in here: libcurl is not to be re-entered.
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC */

#include "aws/http_internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define RETRY_AFTER_MAX_MS 300000UL
#define USER_TIMEOUT_MS 3000 /* unacknowledged for so long: the path is gone */

struct watch { /* one socket of libcurl's */
	struct ev_io io;
	struct http *http;
};

/* --- libcurl's events ------------------------------------------------------------ */

static void on_socket_event(struct ev_loop *loop, struct ev_io *io, int events)
{
	struct http *http = ((struct watch *)io)->http;
	int mask = (events & EV_READ ? CURL_CSELECT_IN : 0) |
		   (events & EV_WRITE ? CURL_CSELECT_OUT : 0);
	int running;

	(void)loop;
	(void)curl_multi_socket_action(http->multi, io->fd, mask, &running);
	http_drain(http);
}

static void on_timer_event(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct http *http = timer->data;
	int running;

	(void)loop;
	(void)events;
	(void)curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	http_drain(http);
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct http *http = arg;

	(void)multi;
	ev_timer_stop(http->loop, &http->timer);
	if (timeout_ms >= 0) { /* 0: on the next turn, not from in here */
		ev_timer_set(&http->timer, (double)timeout_ms / 1e3, 0.0);
		ev_timer_start(http->loop, &http->timer);
	}
	return 0;
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
	struct watch *watch = assigned;
	struct http *http = arg;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (watch) {
			ev_io_stop(http->loop, &watch->io);
			free(watch);
		}
		(void)curl_multi_assign(http->multi, fd, NULL);
		return 0;
	}
	if (!watch) {
		watch = calloc(1, sizeof(*watch));
		if (!watch)
			return -1; /* libcurl gives the transfers up */
		watch->http = http;
		(void)curl_multi_assign(http->multi, fd, watch);
	}
	ev_io_stop(http->loop, &watch->io);
	ev_io_init(&watch->io, on_socket_event, fd,
		   (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));
	ev_io_start(http->loop, &watch->io);
	return 0;
}

/* The connection of @fd is over, or was: numbers come again. */
static void forget(struct http *http, curl_socket_t fd)
{
	for (struct connection **at = &http->connections; *at; at = &(*at)->next) {
		struct connection *connection = *at;

		if (connection->fd != fd)
			continue;
		*at = connection->next;
		free(connection);
		return;
	}
}

static curl_socket_t on_curl_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http *http = arg;
	struct connection *connection = calloc(1, sizeof(*connection));

	(void)purpose;
	if (!connection)
		return CURL_SOCKET_BAD;
	connection->fd =
		socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	if (connection->fd < 0) {
		free(connection);
		return CURL_SOCKET_BAD;
	}
	/* libcurl (7.88) closes a socket that never got connected without telling. */
	forget(http, connection->fd);
	connection->next = http->connections;
	http->connections = connection;
	return connection->fd;
}

static int on_curl_close(void *arg, curl_socket_t fd)
{
	struct http *http = arg;

	forget(http, fd);
	for (struct http_call *call = http->calls; call; call = call->next)
		if (call->fd == fd)
			call->fd = CURL_SOCKET_BAD; /* the number may be somebody else's next */
	return close(fd);
}

/* A connection whose far end vanished must not look warm. */
static int on_curl_sockopt(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	unsigned int timeout = USER_TIMEOUT_MS;

	(void)arg;
	(void)purpose;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
	return CURL_SOCKOPT_OK; /* without it the call's deadline still holds */
}

static bool is_at(struct connection *connection, const struct ip *local, int port)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	memset(&address, 0, sizeof(address));
	/* Asked for once, on the first use: a reset socket may have forgotten it. */
	if (connection->port == 0 &&
	    getsockname(connection->fd, (struct sockaddr *)&address, &length) == 0 &&
	    ip_from_sockaddr(&address, &connection->local) == 0)
		connection->port = ntohs(address.ss_family == AF_INET6
						 ? ((struct sockaddr_in6 *)&address)->sin6_port
						 : ((struct sockaddr_in *)&address)->sin_port);
	return connection->port == port && ip_equal(&connection->local, local);
}

/* libcurl does not say on which of its sockets a request goes out, only from
 * which address and port. */
static curl_socket_t find_socket(struct http *http, const char *local, int port)
{
	struct ip ip;

	if (ip_parse(local, &ip) < 0)
		return CURL_SOCKET_BAD;
	for (struct connection *c = http->connections; c; c = c->next)
		if (is_at(c, &ip, port))
			return c->fd;
	return CURL_SOCKET_BAD;
}

/*
 * A kept connection that was reset while idle: libcurl (7.88) takes it for a
 * live one and writes to it, but the kernel has nothing left to send on.
 */
static bool is_closed(curl_socket_t fd)
{
	struct tcp_info info;
	socklen_t size = sizeof(info);

	return fd != CURL_SOCKET_BAD && getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
	       info.tcpi_state == TCP_CLOSE;
}

/* The last moment before the request's first byte, on a connection that stands. */
static int on_curl_ready(void *arg, char *remote, char *local, int remote_port, int local_port)
{
	struct http_call *call = arg;
	mono_us now = mono_now();

	(void)remote;
	(void)remote_port;
	call->refused = call->reply.sent ? !call->again : now > call->not_after;
	if (call->refused)
		return CURL_PREREQFUNC_ABORT;
	call->fd = find_socket(call->http, local, local_port);
	if (is_closed(call->fd))
		return CURL_PREREQFUNC_OK; /* libcurl finds out and connects anew */
	call->reply.sent = true;
	call->reply.sent_at = now;
	return CURL_PREREQFUNC_OK;
}

static size_t on_curl_body(char *data, size_t size, size_t count, void *arg)
{
	struct http_call *call = arg;

	return buf_append(&call->reply.body, data, size * count) == 0 ? size * count : 0;
}

/* "Name: value\r\n" -> value in @out, when the name is @name. */
static bool header_is(const char *line, size_t length, const char *name, char *out, size_t size)
{
	size_t skip = strlen(name);

	if (length <= skip || strncasecmp(line, name, skip) != 0 || line[skip] != ':')
		return false;
	for (skip++; skip < length && line[skip] == ' ';)
		skip++;
	length -= skip;
	while (length > 0 && (unsigned char)line[skip + length - 1] <= ' ')
		length--;
	if (length >= size)
		length = size - 1;
	memcpy(out, line + skip, length);
	out[length] = '\0';
	return true;
}

/* Milliseconds; what is no number, or no wait that anybody would ask for, is none. */
static mono_us read_wait(const char *text)
{
	char *end = NULL;
	unsigned long ms = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;

	return end && *end == '\0' && ms <= RETRY_AFTER_MAX_MS ? (mono_us)ms * MSEC : 0;
}

static size_t on_curl_header(char *line, size_t size, size_t count, void *arg)
{
	struct http_call *call = arg;
	size_t length = size * count;
	char date[64];
	time_t when;

	if (header_is(line, length, "Date", date, sizeof(date))) {
		when = curl_getdate(date, NULL);
		call->reply.date = when > 0 ? (int64_t)when : 0;
	}
	if (header_is(line, length, "x-amz-retry-after", date, sizeof(date)))
		call->reply.retry_after = read_wait(date);
	(void)header_is(line, length, "x-amzn-ErrorType", call->reply.error_type,
			sizeof(call->reply.error_type));
	return length;
}

bool http_watch_call(struct http_call *call)
{
	CURL *easy = call->easy;
	bool failed = false;

	SET(easy, CURLOPT_PRIVATE, call);
	SET(easy, CURLOPT_ERRORBUFFER, call->error);
	SET(easy, CURLOPT_OPENSOCKETFUNCTION, on_curl_open);
	SET(easy, CURLOPT_OPENSOCKETDATA, call->http);
	SET(easy, CURLOPT_CLOSESOCKETFUNCTION, on_curl_close);
	SET(easy, CURLOPT_CLOSESOCKETDATA, call->http);
	SET(easy, CURLOPT_SOCKOPTFUNCTION, on_curl_sockopt);
	SET(easy, CURLOPT_PREREQFUNCTION, on_curl_ready);
	SET(easy, CURLOPT_PREREQDATA, call);
	SET(easy, CURLOPT_WRITEFUNCTION, on_curl_body);
	SET(easy, CURLOPT_WRITEDATA, call);
	SET(easy, CURLOPT_HEADERFUNCTION, on_curl_header);
	SET(easy, CURLOPT_HEADERDATA, call);
	return !failed;
}

void http_watch(struct http *http)
{
	ev_timer_init(&http->timer, on_timer_event, 0.0, 0.0);
	http->timer.data = http;
	(void)curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	(void)curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	(void)curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	(void)curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
}
