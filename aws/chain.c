/* SPDX-License-Identifier: MIT */
/*
 * The sources of credentials. May not print one, may not go on to the next
 * source when one that was chosen fails (an operator who names a profile wants
 * that one), and may not hand a container's token to any host but those that
 * AWS documents.
 */
#include "aws/chain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "aws/endpoint.h"
#include "aws/profile.h"
#include "aws/reply.h"

#define CONTAINER_HOST "http://169.254.170.2"
#define CONTAINER_MAX (2 * SEC)
#define TOKEN_MAX ((size_t)16 * 1024)
#define ROLE_MAX 128
#define ROLES "iam/security-credentials/"

struct chain {
	struct http *http;
	struct http_call *call; /* to a container's endpoint, or NULL */
	struct imds *imds;
	const struct settings *settings;
	struct supply *supply;
	supply_fn *changed;
	void *arg;
	char role[ROLE_MAX];
	char url[512]; /* of the container's endpoint, for sentences */
};

static void fetch_container(struct chain *chain);
static void fetch_imds(struct chain *chain);

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

__attribute__((format(printf, 2, 3))) static void fail(struct chain *chain, const char *fmt, ...)
{
	char why[480];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, args); /* a cut sentence still helps */
	va_end(args);
	supply_fail(chain->supply, why);
}

/* --- the environment ----------------------------------------------------------------- */

static bool environment_has_keys(void)
{
	return *variable("AWS_ACCESS_KEY_ID");
}

static void fetch_environment(struct chain *chain)
{
	struct err err = {""};
	struct creds creds;

	if (creds_set(&creds, variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"),
		      variable("AWS_SESSION_TOKEN"), &err) == 0)
		supply_deliver(chain->supply, &creds, MONO_NEVER, "the environment");
	else
		fail(chain,
		     "environment: AWS_ACCESS_KEY_ID is set, but there is %s: set "
		     "AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), or unset all of them",
		     err.text);
	creds_wipe(&creds);
}

/* --- profiles -------------------------------------------------------------------------- */

static void deliver_profile(struct chain *chain, const char *name, const struct profile *profile)
{
	const struct settings *settings = chain->settings;
	char source[SUPPLY_SOURCE_MAX];
	struct err err = {""};
	struct creds creds;

	(void)snprintf(source, sizeof(source), "profile %.60s of %.100s", name,
		       *settings->credentials_file ? settings->credentials_file
						   : settings->config_file);
	if (creds_set(&creds, profile->access_key, profile->secret_key, profile->token, &err) == 0)
		supply_deliver(chain->supply, &creds, MONO_NEVER, source);
	else
		fail(chain,
		     "%s: %s: write aws_access_key_id and aws_secret_access_key under [%.60s]",
		     source, err.text, name);
	creds_wipe(&creds);
}

/* "Ec2InstanceMetadata": the role of a profile is assumed with what another source gives. */
static void fetch_named_source(struct chain *chain, const char *source)
{
	if (strcmp(source, "Environment") == 0)
		fetch_environment(chain);
	else if (strcmp(source, "EcsContainer") == 0)
		fetch_container(chain);
	else if (strcmp(source, "Ec2InstanceMetadata") == 0)
		fetch_imds(chain);
	else
		fail(chain,
		     "profile %.60s: credential_source %.32s is not known: use Environment, "
		     "EcsContainer or Ec2InstanceMetadata",
		     chain->settings->profile, source);
}

static int load(struct chain *chain, const char *name, struct profile *profile)
{
	const struct settings *settings = chain->settings;
	struct err err = {""};

	if (profile_load(settings->credentials_file, settings->config_file, name, profile, &err) ==
	    0)
		return 0;
	fail(chain, "%s", err.text);
	return -1;
}

/* The profile has a role: with whose keys is it assumed? */
static void fetch_for_role(struct chain *chain, struct profile *profile)
{
	const char *name = chain->settings->profile;
	char source[PROFILE_NAME_MAX];

	if (*profile->credential_source) {
		fetch_named_source(chain, profile->credential_source);
		return;
	}
	if (!*profile->source_profile) {
		fail(chain,
		     "profile %.60s: role_arn needs source_profile or credential_source beside it",
		     name);
		return;
	}
	memcpy(source, profile->source_profile, sizeof(source));
	if (strcmp(source, name) != 0 && load(chain, source, profile) < 0)
		return;
	if (strcmp(source, name) != 0 && *profile->role_arn)
		fail(chain,
		     "profile %.60s: its source_profile %.60s has a role too; only one role is "
		     "assumed after another",
		     name, source);
	else
		deliver_profile(chain, source, profile);
}

/* True when the profile is the source, for good or ill. */
static bool fetch_profile(struct chain *chain, struct profile *profile)
{
	const struct settings *settings = chain->settings;

	if (load(chain, settings->profile, profile) < 0)
		return true;
	if (profile->found && *profile->role_arn) {
		fetch_for_role(chain, profile);
		return true;
	}
	if (profile->found && *profile->access_key) {
		deliver_profile(chain, settings->profile, profile);
		return true;
	}
	if (!settings->profile_chosen)
		return false;
	fail(chain,
	     "profile %.60s has no keys and no role in %.120s or %.120s: write it there, or "
	     "choose another by 'profile' or AWS_PROFILE",
	     settings->profile,
	     *settings->credentials_file ? settings->credentials_file : "(no credentials file)",
	     *settings->config_file ? settings->config_file : "(no config file)");
	return true;
}

/* --- a container ------------------------------------------------------------------------- */

static bool container_is_set(void)
{
	return *variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") ||
	       *variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
}

/* What answers plain http there is on this machine; anything else gets no token from us. */
static bool host_allowed(const char *host)
{
	static const char *const hosts[] = {"169.254.170.2", "169.254.170.23", "fd00:ec2::23",
					    "::1"};

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		if (strcmp(host, hosts[i]) == 0)
			return true;
	return strncmp(host, "127.", 4) == 0;
}

/* The scheme and host of @uri are in order; the path is the endpoint's own. */
static int check_uri(const char *uri, struct err *err)
{
	char base[ENDPOINT_URL_MAX];
	const char *scheme_end = strstr(uri, "://");
	struct endpoint endpoint;
	size_t length;

	if (!scheme_end)
		return err_set(err, "'%.100s' is no address", uri);
	for (const char *c = uri; *c; c++)
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
			return err_set(err, "the address holds a blank or a control byte");
	length = (size_t)(scheme_end - uri) + 3;
	length += strcspn(uri + length, "/?#");
	if (length >= sizeof(base))
		return err_set(err, "the address is too long");
	memcpy(base, uri, length);
	base[length] = '\0';
	if (endpoint_parse(base, true, &endpoint, err) < 0)
		return -1;
	if (!endpoint.literal || (!endpoint.tls && !host_allowed(endpoint.host)))
		return err_set(err,
			       "%.100s: credentials are taken from 169.254.170.2, 169.254.170.23, "
			       "[fd00:ec2::23] or a loopback address, or by https from another "
			       "address",
			       endpoint.host);
	return 0;
}

/* The file wins and is read each time: it is rotated. */
static int read_token(char *token, struct err *err)
{
	const char *path = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	ssize_t got;
	int fd;

	token[0] = '\0';
	if (!*path) {
		if (snprintf(token, TOKEN_MAX, "%s",
			     variable("AWS_CONTAINER_AUTHORIZATION_TOKEN")) >= (int)TOKEN_MAX)
			return err_set(err, "the authorization token is too long");
	} else {
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		got = fd < 0 ? -1 : read(fd, token, TOKEN_MAX - 1);
		if (fd >= 0)
			(void)close(fd);
		if (got < 0)
			return err_set(err, "%.200s: %s", path, strerror(errno));
		token[got] = '\0';
	}
	if (token[strcspn(token, "\r\n")])
		return err_set(err, "the authorization token holds a line end");
	return 0;
}

static void on_container(void *arg, struct http_reply *reply)
{
	struct chain *chain = arg;
	int64_t now = reply->date > 0 ? reply->date : (int64_t)time(NULL);
	char source[SUPPLY_SOURCE_MAX];
	struct err err = {""};
	struct creds creds;

	chain->call = NULL;
	if (reply->end != HTTP_DONE) {
		fail(chain, "container credentials: no answer from %.150s (%.150s)", chain->url,
		     reply->end == HTTP_FAILED ? reply->error : "timeout");
		return;
	}
	if (reply->status != 200) {
		fail(chain,
		     "container credentials: HTTP %ld from %.150s: is the task's role or the pod "
		     "identity association there?",
		     reply->status, chain->url);
		return;
	}
	(void)snprintf(source, sizeof(source), "the container's %.150s", chain->url);
	if (creds_read(reply->body.data, reply->body.length, &creds, &err) == 0)
		supply_deliver(chain->supply, &creds, mono_now() + (creds.expires - now) * SEC,
			       source);
	else
		fail(chain, "container credentials: %.150s: %.200s", chain->url, err.text);
	creds_wipe(&creds);
}

int chain_container_url(char *url, size_t size, struct err *err)
{
	const char *relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");

	if (*relative && *relative != '/')
		return err_set(err, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI must begin with '/'");
	(void)snprintf(url, size, "%s%s", *relative ? CONTAINER_HOST : "",
		       *relative ? relative : full);
	return check_uri(url, err);
}

static void fetch_container(struct chain *chain)
{
	char header[TOKEN_MAX + 32] = "Authorization: ";
	char *token = header + strlen(header);
	struct http_request request = {
		.method = HTTP_GET,
		.url = chain->url,
		.headers = {header},
		.reply_max = REPLY_IMDS_MAX,
		.not_after = MONO_NEVER,
		.deadline = mono_now() + CONTAINER_MAX,
		.again = true,
	};
	struct err err = {""};

	if (chain_container_url(chain->url, sizeof(chain->url), &err) == 0 &&
	    read_token(token, &err) == 0) {
		request.header_count = *token ? 1 : 0;
		chain->call = http_start(chain->http, &request, on_container, chain);
		if (!chain->call)
			(void)err_set(&err, "no memory");
	}
	explicit_bzero(header, sizeof(header));
	if (err.text[0])
		fail(chain, "container credentials: %s", err.text);
}

/* --- the role of the instance ---------------------------------------------------------------- */

/* Goes into a URL, so only what IAM allows in a role's name. */
static bool role_ok(const char *role)
{
	for (const char *c = role; *c; c++)
		if (!strchr("+=,.@-_", *c) && !endpoint_word((char[]){*c, '\0'}, false))
			return false;
	return *role;
}

static void on_creds(void *arg, const struct imds_reply *reply)
{
	struct chain *chain = arg;
	/* Against IMDS's clock: ours may be off by hours. */
	int64_t now = reply->date > 0 ? reply->date : (int64_t)time(NULL);
	char source[SUPPLY_SOURCE_MAX];
	struct err err = {""};
	struct creds creds;

	if (reply->status == 0) {
		fail(chain, "%s", reply->problem);
		return;
	}
	(void)snprintf(source, sizeof(source), "role %s of this instance", chain->role);
	if (reply->status != 200)
		(void)err_set(&err, "HTTP %ld", reply->status);
	else if (creds_read(reply->text, reply->length, &creds, &err) == 0)
		supply_deliver(chain->supply, &creds, mono_now() + (creds.expires - now) * SEC,
			       source);
	creds_wipe(&creds);
	if (err.text[0])
		fail(chain, "IMDS has no credentials of role %.64s: %.200s", chain->role, err.text);
}

static void on_role(void *arg, const struct imds_reply *reply)
{
	struct chain *chain = arg;
	size_t length = strcspn(reply->text, "\r\n");
	char path[IMDS_PATH_MAX];

	if (reply->status == 0) {
		fail(chain, "%s", reply->problem);
		return;
	}
	if (reply->status == 404 || (reply->status == 200 && length == 0)) {
		fail(chain, "the instance has no IAM role attached: attach an instance profile "
			    "whose role allows the calls of the manual");
		return;
	}
	chain->role[0] = '\0';
	if (reply->status == 200 && length < sizeof(chain->role)) {
		memcpy(chain->role, reply->text, length);
		chain->role[length] = '\0';
	}
	if (!role_ok(chain->role)) {
		fail(chain, "IMDS does not say the IAM role (HTTP %ld)", reply->status);
		return;
	}
	(void)snprintf(path, sizeof(path), ROLES "%s", chain->role);
	imds_get(chain->imds, path, on_creds, chain);
}

static void fetch_imds(struct chain *chain)
{
	if (chain->imds)
		imds_get(chain->imds, ROLES, on_role, chain);
	else
		fail(chain, "%s", chain->settings->imds_problem);
}

/* --- the order ----------------------------------------------------------------------------------
 */

static void fetch(void *arg)
{
	struct chain *chain = arg;
	struct profile *profile;

	if (!chain->settings->profile_chosen && environment_has_keys()) {
		fetch_environment(chain);
		return;
	}
	profile = calloc(1, sizeof(*profile));
	if (!profile) {
		fail(chain, "no memory to read profiles");
		return;
	}
	if (!fetch_profile(chain, profile)) {
		if (container_is_set())
			fetch_container(chain);
		else
			fetch_imds(chain);
	}
	profile_wipe(profile);
	free(profile);
}

static void on_changed(void *arg)
{
	struct chain *chain = arg;

	if (chain->changed)
		chain->changed(chain->arg);
}

struct chain *chain_open(struct ev_loop *loop, struct http *http, struct imds *imds,
			 const struct settings *settings)
{
	struct chain *chain = calloc(1, sizeof(*chain));
	struct supply_config config = {.loop = loop,
				       .fetch = fetch,
				       .fetch_arg = chain,
				       .changed = on_changed,
				       .arg = chain};

	if (!chain)
		return NULL;
	chain->http = http;
	chain->imds = imds;
	chain->settings = settings;
	chain->supply = supply_open(&config);
	if (!chain->supply) {
		free(chain);
		return NULL;
	}
	return chain;
}

void chain_watch(struct chain *chain, supply_fn *fn, void *arg)
{
	chain->changed = fn;
	chain->arg = arg;
}

void chain_close(struct chain *chain)
{
	if (!chain)
		return;
	if (chain->call)
		(void)http_abort(chain->call);
	supply_close(chain->supply);
	free(chain);
}

struct supply *chain_supply(struct chain *chain)
{
	return chain->supply;
}
