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
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/base/log.h"
#include "aws/endpoint.h"
#include "aws/imds.h"
#include "aws/reply.h"

#define BACKOFF_MIN (200 * MSEC)
#define BACKOFF_MAX (5 * SEC)
#define RENEW_GAP (5 * SEC)
#define DOMAIN_MAX 128
#define MAC_TEXT_MAX 18

struct draft {
	struct aws_identity self;
	char domain[DOMAIN_MAX];
	char vpc[AWS_ID_MAX];
	char mac[MAC_TEXT_MAX];
	struct creds creds;
};

struct identity {
	struct ev_loop *loop;
	struct ev_timer timer; /* the next round */
	struct imds *imds;     /* NULL: badly configured, for good */
	char region[64];       /* configured, or "" */
	char interface[IF_NAMESIZE];
	struct aws_identity self;
	char domain[DOMAIN_MAX];
	char vpc[AWS_ID_MAX];
	struct creds creds;
	unsigned int generation;
	struct draft draft;
	unsigned int step;
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

static bool take_eni(struct identity *identity, const struct imds_reply *reply, struct err *err)
{
	struct aws_identity *self = &identity->draft.self;

	if (take_word(reply, false, self->eni, sizeof(self->eni)))
		return true;
	(void)err_set(err,
		      "IMDS knows no interface with MAC %s of %s (HTTP %ld): is %s the interface "
		      "of this instance's ENI?",
		      identity->draft.mac, identity->interface, reply->status, identity->interface);
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

/* Goes into a URL, so only what IAM allows in a role's name. */
static bool role_ok(const char *role)
{
	for (const char *c = role; *c; c++)
		if (!strchr("+=,.@-_", *c) && !endpoint_word((char[]){*c, '\0'}, false))
			return false;
	return *role;
}

static bool take_role(struct identity *identity, const struct imds_reply *reply, struct err *err)
{
	struct aws_identity *self = &identity->draft.self;
	size_t length = strcspn(reply->text, "\r\n");

	if (reply->status == 404 || (reply->status == 200 && length == 0)) {
		(void)err_set(err, "the instance has no IAM role attached: attach an instance "
				   "profile whose role allows the calls of the manual");
		return false;
	}
	if (reply->status != 200 || length >= sizeof(self->role))
		return bad_answer(reply, "IAM role", err);
	memcpy(self->role, reply->text, length);
	self->role[length] = '\0';
	if (role_ok(self->role))
		return true;
	self->role[0] = '\0';
	return bad_answer(reply, "IAM role", err);
}

static bool take_creds(struct identity *identity, const struct imds_reply *reply, struct err *err)
{
	struct draft *draft = &identity->draft;
	int64_t imds_now = reply->date > 0 ? reply->date : (int64_t)time(NULL);
	struct err why = {""};

	if (reply->status != 200)
		(void)snprintf(why.text, sizeof(why.text), "HTTP %ld", reply->status);
	else if (creds_read(reply->text, reply->length, &draft->creds, &why) == 0) {
		/* Against IMDS's clock: ours may be off by hours. */
		draft->self.credentials_until =
			mono_now() + (draft->creds.expires - imds_now) * SEC;
		return true;
	}
	(void)err_set(err, "IMDS has no credentials of role %.64s: %.200s", draft->self.role,
		      why.text);
	return false;
}

static const struct step {
	const char *folder; /* below meta-data/ */
	enum { LEAF, OF_MAC, OF_ROLE } kind;
	const char *leaf;
	bool (*take)(struct identity *identity, const struct imds_reply *reply, struct err *err);
} steps[] = {
	{"placement", LEAF, "region", take_region},
	{"services", LEAF, "domain", take_domain},
	{"", LEAF, "instance-id", take_instance},
	{"placement", LEAF, "availability-zone", take_zone},
	{"network/interfaces/macs", OF_MAC, "interface-id", take_eni},
	{"network/interfaces/macs", OF_MAC, "vpc-id", take_vpc},
	{"iam/security-credentials", LEAF, "", take_role},
	{"iam/security-credentials", OF_ROLE, "", take_creds},
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

/* Asked anew in every round: the interface may have been swapped. */
static bool read_mac(struct identity *identity, struct err *err)
{
	struct ifreq request = {0};
	const unsigned char *mac = (const unsigned char *)request.ifr_hwaddr.sa_data;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok;

	memcpy(request.ifr_name, identity->interface, sizeof(request.ifr_name));
	ok = fd >= 0 && ioctl(fd, SIOCGIFHWADDR, &request) == 0;
	if (fd >= 0)
		(void)close(fd);
	if (!ok) {
		(void)err_set(err,
			      "interface %s does not exist, so there is no MAC to find its ENI",
			      identity->interface);
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

static unsigned int jitter(void)
{
	unsigned int value;

	if (getrandom(&value, sizeof(value), GRND_NONBLOCK) != sizeof(value))
		return 0;
	return value % 1000;
}

static void finish(struct identity *identity)
{
	identity->asking = false;
	creds_wipe(&identity->draft.creds);
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

static void fail(struct identity *identity, const char *why)
{
	struct aws_identity *self = &identity->self;
	mono_us now = mono_now();

	say(identity, why);
	if (self->credentials_until > now) {
		(void)snprintf(self->problem, sizeof(self->problem),
			       "the credentials cannot be renewed and end in %lld s: %.400s",
			       (long long)((self->credentials_until - now) / SEC), why);
		arm(identity, creds_refresh_at(now, self->credentials_until, 0) - now);
	} else {
		if (!identity->generation) /* show what was found so far */
			*self = identity->draft.self;
		self->known = false;
		self->credentials_until = 0;
		(void)snprintf(self->problem, sizeof(self->problem), "%.500s", why);
		arm(identity, identity->backoff);
		identity->backoff = mono_min(2 * identity->backoff, BACKOFF_MAX);
	}
	finish(identity);
}

static void succeed(struct identity *identity)
{
	struct draft *draft = &identity->draft;
	mono_us now = mono_now();
	long long left = (long long)((draft->self.credentials_until - now) / SEC);

	draft->self.known = draft->self.credentials_until > now;
	if (!draft->self.known)
		(void)snprintf(draft->self.problem, sizeof(draft->self.problem),
			       "IMDS gives out credentials that expired %lld s ago", -left);
	if (!identity->generation || !creds_same(&draft->creds, &identity->creds)) {
		identity->creds = draft->creds;
		identity->generation++;
		identity->said[0] = '\0';
		log_event(LOG_LV_INFO, "credentials", "role=%s left_s=%lld", draft->self.role,
			  left);
	}
	identity->self = draft->self;
	memcpy(identity->domain, draft->domain, sizeof(identity->domain));
	memcpy(identity->vpc, draft->vpc, sizeof(identity->vpc));
	identity->backoff = BACKOFF_MIN;
	arm(identity, creds_refresh_at(now, draft->self.credentials_until, jitter()) - now);
	finish(identity);
}

static void on_reply(void *arg, const struct imds_reply *reply);

static void ask(struct identity *identity)
{
	const struct draft *draft = &identity->draft;
	const struct step *step = &steps[identity->step];
	char path[IMDS_PATH_MAX];
	struct err err = {""};

	if (step->kind == OF_MAC && !read_mac(identity, &err)) {
		fail(identity, err.text);
		return;
	}
	if (step->kind == OF_MAC)
		(void)snprintf(path, sizeof(path), "%s/%s/%s", step->folder, draft->mac,
			       step->leaf);
	else
		(void)snprintf(path, sizeof(path), "%s%s%s", step->folder, *step->folder ? "/" : "",
			       step->kind == OF_ROLE ? draft->self.role : step->leaf);
	imds_get(identity->imds, path, on_reply, identity);
}

static void on_reply(void *arg, const struct imds_reply *reply)
{
	struct identity *identity = arg;
	struct err err = {""};

	if (reply->status == 0)
		fail(identity, reply->problem);
	else if (!steps[identity->step].take(identity, reply, &err))
		fail(identity, err.text);
	else if (++identity->step == STEPS)
		succeed(identity);
	else
		ask(identity);
}

static void begin(struct identity *identity)
{
	if (identity->asking || !identity->imds)
		return;
	ev_timer_stop(identity->loop, &identity->timer);
	memset(&identity->draft, 0, sizeof(identity->draft));
	identity->asking = true;
	identity->step = 0;
	if (identity->region[0]) {
		memcpy(identity->draft.self.region, identity->region, sizeof(identity->region));
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

struct identity *identity_open(struct ev_loop *loop, struct http *http,
			       const struct aws_config *config, identity_fn *fn, void *arg)
{
	struct identity *identity = calloc(1, sizeof(*identity));
	struct err err = {""};

	if (!identity)
		return NULL;
	identity->loop = loop;
	identity->fn = fn;
	identity->arg = arg;
	identity->backoff = BACKOFF_MIN;
	identity->renewed = MONO_LONG_AGO;
	ev_timer_init(&identity->timer, on_timer, 0.0, 0.0);
	identity->timer.data = identity;
	(void)snprintf(identity->interface, sizeof(identity->interface), "%s", config->interface);
	(void)snprintf(identity->region, sizeof(identity->region), "%s", config->region);
	if (*config->region && !endpoint_word(identity->region, false))
		(void)err_set(&err, "region '%s' is not the name of a region", identity->region);
	else
		identity->imds = imds_open(http, loop, config->imds_endpoint, &err);
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
	imds_close(identity->imds);
	ev_timer_stop(identity->loop, &identity->timer);
	explicit_bzero(identity, sizeof(*identity));
	free(identity);
}

const struct aws_identity *identity_self(const struct identity *identity)
{
	return &identity->self;
}

const struct creds *identity_creds(const struct identity *identity)
{
	return identity->generation ? &identity->creds : NULL;
}

unsigned int identity_generation(const struct identity *identity)
{
	return identity->generation;
}

const char *identity_domain(const struct identity *identity)
{
	return identity->domain;
}

const char *identity_vpc(const struct identity *identity)
{
	return identity->vpc;
}

bool identity_renew(struct identity *identity)
{
	mono_us now = mono_now();

	if (identity->asking)
		return true;
	if (!identity->imds || now - identity->renewed < RENEW_GAP)
		return false;
	identity->renewed = now;
	begin(identity);
	return true;
}
