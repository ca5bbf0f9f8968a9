/* SPDX-License-Identifier: MIT */
/*
 * The status socket (zonevipctl(8), THE SOCKET).
 * Everybody who can connect is hostile until the line is read: clients, bytes
 * and seconds are capped, every call is non-blocking, and a client can neither
 * starve the daemon of descriptors nor of memory. May not know what a request
 * means: that is the callback's.
 */
#define _GNU_SOURCE /* accept4 */
#include "agent/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/base/log.h"
#include "agent/base/unixsock.h"

/* Per loop turn, so that a flood cannot hold the loop: the rest waits in the backlog. */
#define ACCEPTS_PER_TURN 8
/* Descriptors left for heartbeats, AWS and the database whatever clients do. */
#define DESCRIPTORS_KEPT 8
/* How long accepting rests when the kernel has no descriptor for us. */
#define REST_S 0.1
/* Answers that wait for slow readers, all clients together. */
#define PENDING_MAX (2 * CONTROL_REPLY_MAX)
#define LOG_INTERVAL_S 10

struct client {
	struct control *control;
	int fd; /* -1 = free slot */
	ev_io io;
	ev_timer deadline;
	struct control_peer peer;
	char request[CONTROL_REQUEST_MAX];
	size_t length;
	struct buf reply;
	size_t sent;
};

struct control {
	struct ev_loop *loop;
	struct unixsock sock;
	ev_io accepting;
	ev_timer rest;
	gid_t group;
	bool has_group;
	control_fn *fn;
	void *arg;
	struct log_gate gate;
	struct client clients[CONTROL_CLIENTS_MAX];
};

static void client_close(struct client *client)
{
	ev_io_stop(client->control->loop, &client->io);
	ev_timer_stop(client->control->loop, &client->deadline);
	buf_free(&client->reply);
	close(client->fd);
	client->fd = -1;
}

/* One line to somebody who gets no slot: sent if the socket takes it at once. */
static void refuse(struct control *control, int fd, const char *why)
{
	char line[128];
	int length = snprintf(line, sizeof(line), "ERROR %s\n", why);
	unsigned int held;

	(void)send(fd, line, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT); /* or never mind */
	close(fd);
	if (log_gate(&control->gate, LOG_INTERVAL_S, &held))
		log_event(LOG_LV_WARNING, "control_refused", "why=\"%s\" held_back=%u", why, held);
}

static void client_send(struct client *client)
{
	while (client->sent < client->reply.length) {
		ssize_t count =
			send(client->fd, client->reply.data + client->sent,
			     client->reply.length - client->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0 && errno == EAGAIN)
			return; /* the deadline bounds how long */
		if (count < 0)
			break;
		client->sent += (size_t)count;
	}
	client_close(client);
}

/* From here on the client is only written to. */
static void client_reply(struct client *client)
{
	ev_io_stop(client->control->loop, &client->io);
	ev_io_set(&client->io, client->fd, EV_WRITE);
	ev_io_start(client->control->loop, &client->io);
	client_send(client);
}

static void client_error(struct client *client, const char *why)
{
	buf_clear(&client->reply);
	if (buf_printf(&client->reply, "ERROR %s\n", why) < 0)
		client_close(client); /* no memory even for this */
	else
		client_reply(client);
}

static size_t pending(const struct control *control)
{
	size_t sum = 0;

	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (control->clients[i].fd >= 0)
			sum += control->clients[i].reply.length;
	return sum;
}

static bool printable(const char *line, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (line[i] < 0x20 || line[i] > 0x7e)
			return false;
	return true;
}

static void client_answer(struct client *client, size_t length)
{
	struct control *control = client->control;

	if (length > 0 && client->request[length - 1] == '\r')
		length--;
	if (!printable(client->request, length)) {
		client_error(client, "the request holds bytes that are not printable");
		return;
	}
	if (pending(control) > PENDING_MAX - CONTROL_REPLY_MAX) {
		client_error(client, "busy: other clients do not read their answers");
		return;
	}
	client->request[length] = '\0'; /* where the newline or the last free byte was */
	control->fn(control->arg, &client->peer, client->request, &client->reply);
	if (client->reply.overflow)
		client_error(client, "the answer is too long");
	else
		client_reply(client);
}

/* One read per turn. The last byte of the buffer is kept for the NUL. */
static void client_read(struct client *client)
{
	char *free_part = client->request + client->length;
	ssize_t count =
		recv(client->fd, free_part, sizeof(client->request) - client->length, MSG_DONTWAIT);
	char *newline;

	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (count < 0 || (count == 0 && client->length == 0)) {
		client_close(client);
		return;
	}
	newline = memchr(free_part, '\n', (size_t)count);
	if (newline) {
		client_answer(client, (size_t)(newline - client->request));
		return;
	}
	client->length += (size_t)count;
	if (client->length == sizeof(client->request))
		client_error(client, "the request is too long");
	else if (count == 0) /* no newline, but the client will write no more */
		client_answer(client, client->length);
}

static void on_client(struct ev_loop *loop, ev_io *io, int revents)
{
	struct client *client = io->data;

	(void)loop;
	if (revents & EV_WRITE)
		client_send(client);
	else
		client_read(client);
}

/* Ends a conversation early; says why, unless an answer is on its way. */
static void client_turn_out(struct client *client, const char *why)
{
	char line[64];
	int length = snprintf(line, sizeof(line), "ERROR %s\n", why);

	if (client->reply.length == 0)
		(void)send(client->fd, line, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT);
	client_close(client);
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	client_turn_out(timer->data, "no request in time");
}

/*
 * A free slot. When all are taken an operator still gets in: the client that
 * has been there longest gives way, but never one that is an operator's.
 */
static struct client *find_slot(struct control *control, bool privileged)
{
	struct client *oldest = NULL;
	ev_tstamp least = 0;

	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct client *client = &control->clients[i];
		ev_tstamp remaining;

		if (client->fd < 0)
			return client;
		remaining = ev_timer_remaining(control->loop, &client->deadline);
		if (!client->peer.privileged && (!oldest || remaining < least)) {
			oldest = client;
			least = remaining;
		}
	}
	if (!privileged || !oldest)
		return NULL;
	client_turn_out(oldest, "busy: an operator needs the place");
	return oldest;
}

static void client_open(struct control *control, int fd, const struct control_peer *peer)
{
	struct client *client = find_slot(control, peer->privileged);

	if (!client) {
		refuse(control, fd, "busy: too many clients");
		return;
	}
	client->fd = fd;
	client->peer = *peer;
	client->length = 0;
	client->sent = 0;
	buf_init(&client->reply, CONTROL_REPLY_MAX);
	ev_io_set(&client->io, fd, EV_READ);
	ev_io_start(control->loop, &client->io);
	ev_timer_set(&client->deadline, mono_seconds(CONTROL_DEADLINE), 0.);
	ev_timer_start(control->loop, &client->deadline);
}

static int identify(const struct control *control, int fd, struct control_peer *peer)
{
	struct unixsock_peer who;
	int ret = unixsock_peer(fd, &who);

	if (ret < 0)
		return ret;
	*peer = (struct control_peer){.uid = who.uid, .gid = who.gid, .pid = who.pid};
	peer->privileged = who.uid == 0 || who.uid == geteuid() ||
			   (control->has_group && unixsock_in_group(&who, control->group));
	return 0;
}

/* The kernel hands out the lowest free number, so a high one means that few are left. */
static bool descriptors_scarce(int fd)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
	       (rlim_t)fd + DESCRIPTORS_KEPT >= limit.rlim_cur;
}

static void admit(struct control *control, int fd)
{
	struct control_peer peer;

	if (descriptors_scarce(fd))
		refuse(control, fd, "busy: the daemon is short of file descriptors");
	else if (identify(control, fd, &peer) < 0)
		close(fd);
	else
		client_open(control, fd, &peer);
}

static void on_accept(struct ev_loop *loop, ev_io *io, int revents)
{
	struct control *control = io->data;

	(void)revents;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		int fd = accept4(control->sock.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			admit(control, fd);
			continue;
		}
		if (errno == EAGAIN)
			return;
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			/* The listening socket stays readable: without a rest we would spin. */
			ev_io_stop(loop, io);
			ev_timer_set(&control->rest, REST_S, 0.);
			ev_timer_start(loop, &control->rest);
			return;
		}
		/* ECONNABORTED, EINTR: on to the next one */
	}
}

static void on_rested(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct control *control = timer->data;

	(void)revents;
	ev_io_start(loop, &control->accepting);
}

static void init_watchers(struct control *control)
{
	ev_io_init(&control->accepting, on_accept, control->sock.fd, EV_READ);
	control->accepting.data = control;
	/* Behind heartbeats in every turn of the loop. */
	ev_set_priority(&control->accepting, EV_MINPRI);
	ev_timer_init(&control->rest, on_rested, REST_S, 0.);
	control->rest.data = control;
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct client *client = &control->clients[i];

		client->control = control;
		client->fd = -1;
		ev_io_init(&client->io, on_client, -1, EV_READ);
		client->io.data = client;
		ev_set_priority(&client->io, EV_MINPRI);
		ev_timer_init(&client->deadline, on_deadline, 0., 0.);
		client->deadline.data = client;
	}
}

struct control *control_open(struct ev_loop *loop, const char *path, const char *group_name,
			     control_fn *fn, void *arg, struct err *err)
{
	struct control *control = calloc(1, sizeof(*control));

	if (!control) {
		err_set(err, "out of memory");
		return NULL;
	}
	control->loop = loop;
	control->fn = fn;
	control->arg = arg;
	control->group = (gid_t)-1;
	control->has_group = group_name[0] != '\0';
	if (control->has_group && unixsock_group(group_name, &control->group, err) < 0)
		goto fail;
	if (unixsock_listen(&control->sock, path, SOCK_STREAM, control->group, err) < 0)
		goto fail;
	init_watchers(control);
	ev_io_start(loop, &control->accepting);
	return control;
fail:
	free(control);
	return NULL;
}

void control_close(struct control *control)
{
	if (!control)
		return;
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (control->clients[i].fd >= 0)
			client_close(&control->clients[i]);
	ev_io_stop(control->loop, &control->accepting);
	ev_timer_stop(control->loop, &control->rest);
	unixsock_close(&control->sock);
	free(control);
}
