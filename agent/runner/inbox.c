/* SPDX-License-Identifier: MIT */
/*
 * The runner's end of agent/notify.h. Who may ask is decided by SO_PEERCRED,
 * whatever the mode of the file; what is asked is checked before anybody sees
 * it. May not keep events: those are the queue's (runner.c).
 */
#define _GNU_SOURCE /* accept4 */
#include "agent/runner/inbox.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/runner/environment.h"

#define EVENTS_PER_TURN 32
#define LOG_INTERVAL_S 10

static void complain(struct inbox *inbox, const char *what, long who)
{
	unsigned int held;

	if (log_gate(&inbox->gate, LOG_INTERVAL_S, &held))
		log_event(LOG_LV_WARNING, "notify_refused", "why=\"%s\" from=%ld held_back=%u",
			  what, who, held);
}

static void peer_close(struct inbox_peer *peer)
{
	ev_io_stop(peer->inbox->loop, &peer->io);
	close(peer->fd);
	peer->fd = -1;
	peer->generation++;
}

/* False: nothing (more) to read now. */
static bool peer_read(struct inbox_peer *peer)
{
	struct inbox *inbox = peer->inbox;
	struct notify_event event;
	ssize_t count = recv(peer->fd, &event, sizeof(event), MSG_DONTWAIT | MSG_TRUNC);

	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (count <= 0) {
		peer_close(peer);
		return false;
	}
	if (!environment_accept(&event, (size_t)count)) {
		complain(inbox, "not an event of this build: restart both programs", count);
		peer_close(peer);
		return false;
	}
	inbox->fn(inbox->arg, &event,
		  (struct inbox_origin){.slot = (unsigned int)(peer - inbox->peers),
					.generation = peer->generation});
	return true;
}

/* The callback may pause us in the middle. */
static void peer_drain(struct inbox_peer *peer, int count_max)
{
	for (int i = 0; i < count_max && peer->fd >= 0 && !peer->inbox->paused; i++)
		if (!peer_read(peer))
			return;
}

static void on_peer(struct ev_loop *loop, ev_io *io, int revents)
{
	(void)loop;
	(void)revents;
	peer_drain(io->data, EVENTS_PER_TURN);
}

static bool trusted(const struct inbox *inbox, uid_t uid)
{
	return uid == 0 || uid == geteuid() || (inbox->user != (uid_t)-1 && uid == inbox->user);
}

static struct inbox_peer *free_slot(struct inbox *inbox)
{
	for (int i = 0; i < INBOX_PEERS_MAX; i++)
		if (inbox->peers[i].fd < 0)
			return &inbox->peers[i];
	return NULL;
}

static void admit(struct inbox *inbox, int fd)
{
	struct unixsock_peer who;
	struct inbox_peer *peer = free_slot(inbox);

	if (unixsock_peer(fd, &who) < 0) {
		close(fd);
		return;
	}
	if (!trusted(inbox, who.uid)) {
		complain(inbox, "not the daemon's user (-u)", (long)who.uid);
		close(fd);
		return;
	}
	if (!peer) {
		complain(inbox, "too many connections", (long)who.pid);
		close(fd);
		return;
	}
	peer->fd = fd;
	ev_io_set(&peer->io, fd, EV_READ);
	if (!inbox->paused)
		ev_io_start(inbox->loop, &peer->io);
}

/* False: nobody is waiting. */
static bool accept_one(struct inbox *inbox)
{
	int fd = accept4(inbox->sock.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		admit(inbox, fd);
	return fd >= 0;
}

static void on_accept(struct ev_loop *loop, ev_io *io, int revents)
{
	(void)loop;
	(void)revents;
	(void)accept_one(io->data); /* the next one on the next turn */
}

int inbox_open(struct inbox *inbox, struct ev_loop *loop, const struct inbox_config *config,
	       struct err *err)
{
	memset(inbox, 0, sizeof(*inbox));
	inbox->loop = loop;
	inbox->user = config->user;
	if (unixsock_listen(&inbox->sock, config->path, SOCK_SEQPACKET, config->group, err) < 0)
		return -1;
	for (int i = 0; i < INBOX_PEERS_MAX; i++) {
		struct inbox_peer *peer = &inbox->peers[i];

		peer->inbox = inbox;
		peer->fd = -1;
		ev_io_init(&peer->io, on_peer, -1, EV_READ);
		peer->io.data = peer;
	}
	ev_io_init(&inbox->accepting, on_accept, inbox->sock.fd, EV_READ);
	inbox->accepting.data = inbox;
	ev_io_start(loop, &inbox->accepting);
	return 0;
}

void inbox_on_event(struct inbox *inbox, inbox_fn *fn, void *arg)
{
	inbox->fn = fn;
	inbox->arg = arg;
}

void inbox_pause(struct inbox *inbox, bool paused)
{
	if (inbox->paused == paused)
		return;
	inbox->paused = paused;
	for (int i = 0; i < INBOX_PEERS_MAX; i++) {
		struct inbox_peer *peer = &inbox->peers[i];

		if (peer->fd < 0)
			continue;
		if (paused)
			ev_io_stop(inbox->loop, &peer->io);
		else
			ev_io_start(inbox->loop, &peer->io);
	}
}

void inbox_drain(struct inbox *inbox)
{
	for (int i = 0; i < INBOX_PEERS_MAX; i++)
		peer_drain(&inbox->peers[i], NOTIFY_QUEUE_MAX);
}

void inbox_stop(struct inbox *inbox)
{
	/* Who has connected already may have sent the event that matters most:
	 * that the daemon stops. */
	for (int i = 0; i < INBOX_PEERS_MAX; i++)
		if (!accept_one(inbox))
			break;
	ev_io_stop(inbox->loop, &inbox->accepting);
}

void inbox_report(struct inbox *inbox, struct inbox_origin origin,
		  const struct notify_report *report)
{
	struct inbox_peer *peer = &inbox->peers[origin.slot];

	if (peer->fd < 0 || peer->generation != origin.generation)
		return; /* the daemon that asked is gone: nobody to tell */
	if (send(peer->fd, report, sizeof(*report), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		complain(inbox, "a report was lost: the daemon does not read", errno);
}

void inbox_close(struct inbox *inbox)
{
	for (int i = 0; i < INBOX_PEERS_MAX; i++)
		if (inbox->peers[i].fd >= 0)
			peer_close(&inbox->peers[i]);
	ev_io_stop(inbox->loop, &inbox->accepting);
	unixsock_close(&inbox->sock);
}
