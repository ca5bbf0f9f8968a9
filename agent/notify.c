/* SPDX-License-Identifier: MIT */
/*
 * Hands events to zonevip-notify in the order in which they happened and
 * takes its reports. The runner may be slow, away, restarted or of another
 * build: none of that may cost the daemon more than a bounded queue. An event
 * is handed over at most once; one that the runner had and lost is not sent
 * again, since a script that ran twice would be worse than one that a later
 * event supersedes. Follows agent/notify.h.
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC with SOCK_SEQPACKET */
#include "agent/notify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/base/log.h"

#define RETRY_S 1.
#define LOG_INTERVAL_S 60
/* Reports taken in one turn of the loop. */
#define REPORTS_PER_TURN 16

struct notify {
	struct ev_loop *loop;
	struct sockaddr_un address;
	int fd; /* -1 = the runner is away */
	ev_io io;
	ev_timer retry;
	notify_report_fn *fn;
	void *arg;
	uint32_t number; /* of the newest event */
	uint64_t sent;
	uint64_t dropped;
	struct notify_report last;
	struct log_gate away_gate;
	struct log_gate found_gate;
	struct log_gate drop_gate;
	struct log_gate report_gate;
	unsigned int head; /* index of the oldest that waits */
	unsigned int count;
	struct notify_event queue[NOTIFY_QUEUE_MAX];
};

static void watch(struct notify *notify, int events)
{
	if (ev_is_active(&notify->io) && notify->io.events == events)
		return;
	ev_io_stop(notify->loop, &notify->io);
	ev_io_set(&notify->io, notify->fd, events);
	ev_io_start(notify->loop, &notify->io);
}

static void disconnect(struct notify *notify, const char *why)
{
	unsigned int held;

	ev_io_stop(notify->loop, &notify->io);
	close(notify->fd);
	notify->fd = -1;
	ev_timer_again(notify->loop, &notify->retry);
	if (log_gate(&notify->away_gate, LOG_INTERVAL_S, &held))
		log_event(LOG_LV_WARNING, "notify_runner_lost",
			  "why=\"%s\" waiting=%u held_back=%u", why, notify->count, held);
}

/* Hands over what waits, until the socket is full or nothing is left. */
static void flush(struct notify *notify)
{
	while (notify->fd >= 0 && notify->count > 0) {
		const struct notify_event *event = &notify->queue[notify->head];

		if (send(notify->fd, event, sizeof(*event), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
			if (errno == EINTR)
				continue;
			if (errno != EAGAIN)
				disconnect(notify, strerror(errno));
			break;
		}
		notify->head = (notify->head + 1) % NOTIFY_QUEUE_MAX;
		notify->count--;
		notify->sent++;
	}
	if (notify->fd >= 0)
		watch(notify, notify->count > 0 ? EV_READ | EV_WRITE : EV_READ);
}

static void clean(char *text, size_t size)
{
	text[size - 1] = '\0';
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

/* False: the other end does not speak our language. */
static bool take_report(struct notify *notify, struct notify_report *report, size_t length)
{
	unsigned int held;

	if (length != sizeof(*report) || report->version != NOTIFY_VERSION)
		return false;
	if (report->number == 0 || report->number > notify->number) {
		/* Of an event of the daemon before us: its script ended only now. */
		if (log_gate(&notify->report_gate, LOG_INTERVAL_S, &held))
			log_event(LOG_LV_DEBUG, "notify_report_stale", "number=%u held_back=%u",
				  report->number, held);
		return true;
	}
	clean(report->script, sizeof(report->script));
	clean(report->problem, sizeof(report->problem));
	if (!report->check)
		notify->last = *report;
	notify->fn(notify->arg, report);
	return true;
}

static void read_reports(struct notify *notify)
{
	struct notify_report report;

	for (int i = 0; i < REPORTS_PER_TURN; i++) {
		ssize_t count = recv(notify->fd, &report, sizeof(report), MSG_DONTWAIT | MSG_TRUNC);

		if (count < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (count <= 0) {
			disconnect(notify, count < 0 ? strerror(errno) : "the runner is gone");
			return;
		}
		if (!take_report(notify, &report, (size_t)count)) {
			disconnect(notify,
				   "the runner is of another build: restart zonevip-notify");
			return;
		}
	}
}

static void on_io(struct ev_loop *loop, ev_io *io, int revents)
{
	struct notify *notify = io->data;

	(void)loop;
	if (revents & EV_READ)
		read_reports(notify);
	if (revents & EV_WRITE)
		flush(notify);
}

/* A unix socket connects at once or not at all. */
static void try_connect(struct notify *notify)
{
	unsigned int held;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)&notify->address, sizeof(notify->address)) < 0) {
		if (log_gate(&notify->away_gate, LOG_INTERVAL_S, &held))
			log_event(LOG_LV_WARNING, "notify_runner_away",
				  "socket=%s why=\"%s\" waiting=%u held_back=%u",
				  notify->address.sun_path, strerror(errno), notify->count, held);
		if (fd >= 0)
			close(fd);
		return;
	}
	notify->fd = fd;
	ev_timer_stop(notify->loop, &notify->retry);
	/* Gated too: a runner that takes the connection and ends it at once, since
	 * it does not trust us, would give a line a second. */
	if (log_gate(&notify->found_gate, LOG_INTERVAL_S, &held))
		log_event(LOG_LV_INFO, "notify_runner_found", "socket=%s waiting=%u held_back=%u",
			  notify->address.sun_path, notify->count, held);
	flush(notify);
}

static void on_retry(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	try_connect(timer->data);
}

struct notify *notify_open(struct ev_loop *loop, const char *path, notify_report_fn *fn, void *arg)
{
	struct notify *notify;

	if (strlen(path) >= sizeof(notify->address.sun_path))
		return NULL;
	notify = calloc(1, sizeof(*notify));
	if (!notify)
		return NULL;
	notify->loop = loop;
	notify->fn = fn;
	notify->arg = arg;
	notify->fd = -1;
	notify->address.sun_family = AF_UNIX;
	memcpy(notify->address.sun_path, path, strlen(path) + 1);
	ev_io_init(&notify->io, on_io, -1, EV_READ);
	notify->io.data = notify;
	ev_timer_init(&notify->retry, on_retry, 0., RETRY_S);
	notify->retry.data = notify;
	ev_timer_start(loop, &notify->retry); /* first try on the next turn */
	return notify;
}

static void drop_oldest(struct notify *notify)
{
	unsigned int held;

	if (log_gate(&notify->drop_gate, LOG_INTERVAL_S, &held))
		log_event(LOG_LV_ERROR, "notify_dropped",
			  "number=%u instance=%s state=%s held_back=%u",
			  notify->queue[notify->head].number, notify->queue[notify->head].instance,
			  notify->queue[notify->head].state, held);
	notify->head = (notify->head + 1) % NOTIFY_QUEUE_MAX;
	notify->count--;
	notify->dropped++;
}

uint32_t notify_send(struct notify *notify, const struct notify_event *event)
{
	struct notify_event *slot;

	if (notify->count == NOTIFY_QUEUE_MAX)
		drop_oldest(notify);
	slot = &notify->queue[(notify->head + notify->count) % NOTIFY_QUEUE_MAX];
	*slot = *event;
	slot->version = NOTIFY_VERSION;
	slot->number = ++notify->number;
	notify->count++;
	flush(notify);
	return notify->number;
}

uint32_t notify_ask(struct notify *notify, const struct notify_event *event)
{
	return notify->fd >= 0 && notify->count == 0 ? notify_send(notify, event) : 0;
}

void notify_state(const struct notify *notify, struct notify_state *out)
{
	*out = (struct notify_state){
		.connected = notify->fd >= 0,
		.queued = notify->count,
		.sent = notify->sent,
		.dropped = notify->dropped,
		.last = notify->last,
	};
}

bool notify_idle(const struct notify *notify)
{
	return notify->count == 0;
}

void notify_close(struct notify *notify)
{
	if (!notify)
		return;
	ev_io_stop(notify->loop, &notify->io);
	ev_timer_stop(notify->loop, &notify->retry);
	if (notify->fd >= 0)
		close(notify->fd);
	free(notify);
}
