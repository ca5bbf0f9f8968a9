/* SPDX-License-Identifier: MIT */
/*
 * A round is a fixed list of questions to IMDS. Its answers are gathered in a
 * draft, which replaces what we know only when the round is complete: half an
 * identity is worth showing to an operator, but not worth acting on.
 */
#include "aws/identity.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/base/log.h"
#include "aws/endpoint.h"
#include "aws/imds.h"
#include "aws/reply.h"

#define BACKOFF_MIN (200 * MSEC)
#define BACKOFF_MAX (5 * SEC)
#define RENEW_GAP (5 * SEC)
#define AGAIN (3600 * SEC) /* a stop and start on other hardware is a restart for us too */
#define DOMAIN_MAX 128
#define MAC_TEXT_MAX 18

struct draft {
	struct aws_identity self;
	char domain[DOMAIN_MAX];
	char vpc[AWS_ID_MAX];
	char mac[MAC_TEXT_MAX];
};

struct identity {
	struct ev_loop *loop;
	struct ev_timer timer; /* the next round */
	struct imds *imds;     /* NULL: badly configured, for good */
	const struct settings *settings;
	struct aws_identity self;
	char domain[DOMAIN_MAX];
	char vpc[AWS_ID_MAX];
	bool complete;
	struct draft draft;
	unsigned int step;
	unsigned int which; /* interface asked about */
	bool asking;
	mono_us backoff;
	mono_us renewed;
	struct log_gate gate;
	char said[512]; /* the last problem logged */
	identity_fn *fn;
	void *arg;
};

/* --- the questions ------------------------------------------------------------------ */

/* One word of IMDS's, up to the first line end; empty or odd ones are refused. */
static bool take_word(const struct imds_reply *reply, bool dots, char *out, size_t size)
{
	size_t length = strcspn(reply->text, "\r\n");

	if (reply->status != 200 || length == 0 || length >= size)
		return false;
	memcpy(out, reply->text, length);
	out[length] = '\0';
	if (endpoint_word(out, dots))
		return true;
	out[0] = '\0';
	return false;
}

static bool bad_answer(const struct imds_reply *reply, const char *what, struct err *err)
{
	(void)err_set(err, "IMDS does not say the %s (HTTP %ld)", what, reply->status);
	return false;
}

static bool take_region(struct identity *identity, const struct imds_reply *reply, struct err *err)
{
	struct aws_identity *self = &identity->draft.self;

	return take_word(reply, false, self->region, sizeof(self->region)) ||
	       bad_answer(reply, "region", err);
}

/* Absent on some look-alikes: then the region's prefix tells. */
static bool take_domain(struct identity *identity, const struct imds_reply *reply, struct err *err)
{
	struct draft *draft = &identity->draft;

	(void)err;
	if (!take_word(reply, true, draft->domain, sizeof(draft->domain)))
		draft->domain[0] = '\0';
	return true;
}

static bool take_instance(struct identity *identity, const struct imds_reply *reply,
			  struct err *err)
{
	struct aws_identity *self = &identity->draft.self;

	return take_word(reply, false, self->instance_id, sizeof(self->instance_id)) ||
	       bad_answer(reply, "instance id", err);
}

static bool take_zone(struct identity *identity, const struct imds_reply *reply, struct err *err)
{
	struct aws_identity *self = &identity->draft.self;

	return take_word(reply, false, self->zone, sizeof(self->zone)) ||
	       bad_answer(reply, "availability zone", err);
}

static const char *interface_of(const struct identity *identity)
{
	return identity->settings->interfaces[identity->which];
}

static bool take_eni(struct identity *identity, const struct imds_reply *reply, struct err *err)
{
	struct aws_identity *self = &identity->draft.self;
	struct aws_interface *interface = &self->interfaces[identity->which];
	const char *name = interface_of(identity);

	if (take_word(reply, false, interface->eni, sizeof(interface->eni))) {
		(void)snprintf(interface->name, sizeof(interface->name), "%s", name);
		self->interface_count = identity->which + 1;
		memcpy(self->eni, self->interfaces[0].eni, sizeof(self->eni));
		return true;
	}
	(void)err_set(err,
		      "IMDS knows no interface with MAC %s of %s (HTTP %ld): is %s the interface "
		      "of an ENI of this instance?",
		      identity->draft.mac, name, reply->status, name);
	return false;
}

/* Only narrows a search: absent, the search is wider. */
static bool take_vpc(struct identity *identity, const struct imds_reply *reply, struct err *err)
{
	struct draft *draft = &identity->draft;

	(void)err;
	if (!take_word(reply, false, draft->vpc, sizeof(draft->vpc)))
		draft->vpc[0] = '\0';
	return true;
}

static const struct step {
	const char *folder; /* below meta-data/ */
	enum { LEAF, OF_MAC, OF_EACH_MAC } kind;
	const char *leaf;
	bool (*take)(struct identity *identity, const struct imds_reply *reply, struct err *err);
} steps[] = {
	{"placement/", LEAF, "region", take_region},
	{"services/", LEAF, "domain", take_domain},
	{"", LEAF, "instance-id", take_instance},
	{"placement/", LEAF, "availability-zone", take_zone},
	{"network/interfaces/macs/", OF_MAC, "vpc-id", take_vpc},
	{"network/interfaces/macs/", OF_EACH_MAC, "interface-id", take_eni},
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

/* Asked anew in every round: the interface may have been swapped. */
static bool read_mac(struct identity *identity, struct err *err)
{
	struct ifreq request = {0};
	const unsigned char *mac = (const unsigned char *)request.ifr_hwaddr.sa_data;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok;

	memcpy(request.ifr_name, interface_of(identity), sizeof(request.ifr_name));
	ok = fd >= 0 && ioctl(fd, SIOCGIFHWADDR, &request) == 0;
	if (fd >= 0)
		(void)close(fd);
	if (!ok) {
		(void)err_set(err,
			      "interface %s does not exist, so there is no MAC to find its ENI",
			      interface_of(identity));
		return false;
	}
	(void)snprintf(identity->draft.mac, sizeof(identity->draft.mac),
		       "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		       mac[5]);
	return true;
}

/* --- rounds ------------------------------------------------------------------------- */

static void arm(struct identity *identity, mono_us after)
{
	ev_timer_stop(identity->loop, &identity->timer);
	ev_now_update(identity->loop);
	ev_timer_set(&identity->timer, mono_seconds(mono_max(after, 0)), 0.0);
	ev_timer_start(identity->loop, &identity->timer);
}

static void finish(struct identity *identity)
{
	identity->asking = false;
	identity->fn(identity->arg);
}

/* A new cause at once, the same one again every ten minutes. */
static void say(struct identity *identity, const char *why)
{
	unsigned int held = 0;

	if (strcmp(why, identity->said) != 0)
		identity->gate = (struct log_gate){0};
	if (!log_gate(&identity->gate, 600, &held))
		return;
	(void)snprintf(identity->said, sizeof(identity->said), "%s", why);
	log_event(LOG_LV_WARNING, "imds", "problem=\"%s\" held=%u", why, held);
}

/* What was complete once stays, however long IMDS is gone: an instance keeps its interfaces. */
static void fail(struct identity *identity, const char *why)
{
	say(identity, why);
	if (!identity->complete) {
		identity->self = identity->draft.self; /* show what was found so far */
		(void)snprintf(identity->self.problem, sizeof(identity->self.problem), "%.500s",
			       why);
	}
	arm(identity, identity->backoff);
	identity->backoff = mono_min(2 * identity->backoff, BACKOFF_MAX);
	finish(identity);
}

static void succeed(struct identity *identity)
{
	struct draft *draft = &identity->draft;

	identity->complete = true;
	identity->said[0] = '\0';
	identity->self = draft->self;
	memcpy(identity->domain, draft->domain, sizeof(identity->domain));
	memcpy(identity->vpc, draft->vpc, sizeof(identity->vpc));
	identity->backoff = BACKOFF_MIN;
	arm(identity, AGAIN);
	finish(identity);
}

static void on_reply(void *arg, const struct imds_reply *reply);

static void ask(struct identity *identity)
{
	const struct step *step = &steps[identity->step];
	char path[IMDS_PATH_MAX];
	struct err err = {""};
	bool of_mac = step->kind != LEAF;

	if (of_mac && !read_mac(identity, &err)) {
		fail(identity, err.text);
		return;
	}
	(void)snprintf(path, sizeof(path), "%s%s%s%s", step->folder,
		       of_mac ? identity->draft.mac : "", of_mac ? "/" : "", step->leaf);
	imds_get(identity->imds, path, on_reply, identity);
}

static void on_reply(void *arg, const struct imds_reply *reply)
{
	struct identity *identity = arg;
	const struct step *step = &steps[identity->step];
	struct err err = {""};

	if (reply->status == 0) {
		fail(identity, reply->problem);
		return;
	}
	if (!step->take(identity, reply, &err)) {
		fail(identity, err.text);
		return;
	}
	if (step->kind != OF_EACH_MAC || ++identity->which == identity->settings->interface_count) {
		identity->step++;
		identity->which = 0;
	}
	if (identity->step == STEPS)
		succeed(identity);
	else
		ask(identity);
}

static void begin(struct identity *identity)
{
	const char *region = identity->settings->region;

	if (identity->asking || !identity->imds)
		return;
	ev_timer_stop(identity->loop, &identity->timer);
	memset(&identity->draft, 0, sizeof(identity->draft));
	identity->asking = true;
	identity->step = 0;
	identity->which = 0;
	if (region[0]) {
		memcpy(identity->draft.self.region, region, sizeof(identity->draft.self.region));
		identity->step = 1;
	}
	ask(identity);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct identity *identity = timer->data;

	(void)loop;
	(void)events;
	if (identity->imds)
		begin(identity);
	else
		identity->fn(identity->arg); /* the configuration's fault: said once */
}

/* --- the rest ------------------------------------------------------------------------- */

struct identity *identity_open(struct ev_loop *loop, struct imds *imds,
			       const struct settings *settings, identity_fn *fn, void *arg)
{
	struct identity *identity = calloc(1, sizeof(*identity));
	struct err err = {""};

	if (!identity)
		return NULL;
	identity->loop = loop;
	identity->settings = settings;
	identity->fn = fn;
	identity->arg = arg;
	identity->backoff = BACKOFF_MIN;
	identity->renewed = MONO_LONG_AGO;
	ev_timer_init(&identity->timer, on_timer, 0.0, 0.0);
	identity->timer.data = identity;
	if (*settings->region && !endpoint_word(settings->region, false))
		(void)err_set(&err, "region '%s' is not the name of a region", settings->region);
	else if (settings->interface_count == 0)
		(void)err_set(&err, "no interface is configured, so there is no ENI to look for");
	else if (!imds)
		(void)err_set(&err, "%s", settings->imds_problem);
	else
		identity->imds = imds;
	(void)snprintf(identity->self.problem, sizeof(identity->self.problem), "%s%s",
		       identity->imds ? "still asking IMDS who we are, at " : err.text,
		       identity->imds ? imds_url(identity->imds) : "");
	arm(identity, 0);
	return identity;
}

void identity_close(struct identity *identity)
{
	if (!identity)
		return;
	ev_timer_stop(identity->loop, &identity->timer);
	free(identity);
}

const struct aws_identity *identity_self(const struct identity *identity)
{
	return &identity->self;
}

bool identity_complete(const struct identity *identity)
{
	return identity->complete;
}

const char *identity_eni(const struct identity *identity, const char *interface)
{
	const struct aws_identity *self = &identity->self;

	for (unsigned int i = 0; i < self->interface_count; i++)
		if (!*interface || strcmp(self->interfaces[i].name, interface) == 0)
			return self->interfaces[i].eni;
	return "";
}

const char *identity_domain(const struct identity *identity)
{
	return identity->domain;
}

const char *identity_vpc(const struct identity *identity)
{
	return identity->vpc;
}

void identity_renew(struct identity *identity)
{
	mono_us now = mono_now();

	if (identity->asking || !identity->imds || now - identity->renewed < RENEW_GAP)
		return;
	identity->renewed = now;
	begin(identity);
}
