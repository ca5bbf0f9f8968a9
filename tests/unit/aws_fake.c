/* SPDX-License-Identifier: MIT */
/*
 * The scripted AWS. May not answer from inside the script: delays and
 * silence are what most tests are about. Names ending in .test are looked up
 * here, through the linker's --wrap, so that no name server is asked.
 */
#define _GNU_SOURCE /* accept4 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/aws_fake.h"

#define WAIT_MAX_S 30.0
#define XML_HEAD " xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r-1</requestId>"

struct fake_connection {
	struct fake_connection *next;
	struct fake *fake;
	struct ev_io io;
	struct ev_timer timer;
	bool imds;
	unsigned int number;
	size_t length;
	struct fake_request request;
	struct fake_reply reply;
};

/* --- names ---------------------------------------------------------------------------- */

int __real_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		       struct addrinfo **list);
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		       struct addrinfo **list);

static pthread_mutex_t hang_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t hang_cond = PTHREAD_COND_INITIALIZER;
static bool hang_over;
static atomic_bool flaky_fails;
static atomic_uint asked;

static void hang(void)
{
	(void)pthread_mutex_lock(&hang_lock);
	while (!hang_over)
		(void)pthread_cond_wait(&hang_cond, &hang_lock);
	(void)pthread_mutex_unlock(&hang_lock);
}

void fake_resolver_release(void)
{
	(void)pthread_mutex_lock(&hang_lock);
	hang_over = true;
	(void)pthread_cond_broadcast(&hang_cond);
	(void)pthread_mutex_unlock(&hang_lock);
}

void fake_resolver_fails(bool fails)
{
	atomic_store(&flaky_fails, fails);
}

unsigned int fake_resolver_asked(void)
{
	return atomic_load(&asked);
}

int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		       struct addrinfo **list)
{
	const struct addrinfo numeric = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};

	(void)hints;
	atomic_fetch_add(&asked, 1);
	if (strcmp(host, "hang.test") == 0)
		hang();
	if (strcmp(host, "slow.test") == 0)
		(void)nanosleep(&(struct timespec){.tv_nsec = 250 * 1000 * 1000}, NULL);
	if (strcmp(host, "gone.test") == 0 ||
	    (strcmp(host, "flaky.test") == 0 && atomic_load(&flaky_fails)))
		return EAI_NONAME;
	return __real_getaddrinfo("127.0.0.1", service, &numeric, list);
}

/* --- ready-made answers ------------------------------------------------------------------ */

void fake_ec2_error(struct fake_reply *reply, int status, const char *code, const char *message)
{
	reply->status = status;
	(void)snprintf(reply->body, sizeof(reply->body),
		       "<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error>"
		       "</Errors><RequestID>r</RequestID></Response>",
		       code, message);
}

void fake_ssm_error(struct fake_reply *reply, int status, const char *code)
{
	reply->status = status;
	(void)snprintf(reply->body, sizeof(reply->body), "{\"__type\":\"%s\",\"message\":\"no\"}",
		       code);
}

void fake_no_tunnel(struct fake *fake, const struct fake_request *request, struct fake_reply *reply)
{
	(void)fake;
	(void)request;
	reply->status = 407;
}

void fake_ok(const struct fake_request *request, struct fake_reply *reply)
{
	const char *action = request->action;

	reply->status = 200;
	if (strcmp(action, "GetParameter") == 0)
		(void)snprintf(reply->body, sizeof(reply->body),
			       "{\"Parameter\":{\"Name\":\"P\",\"Type\":\"String\",\"Value\":"
			       "\"DB_Host1\",\"Version\":7,\"LastModifiedDate\":1795364686.5}}");
	else if (strcmp(action, "PutParameter") == 0)
		(void)snprintf(reply->body, sizeof(reply->body),
			       "{\"Version\":8,\"Tier\":\"Standard\"}");
	else if (strcmp(action, "DescribeRouteTables") == 0)
		(void)snprintf(reply->body, sizeof(reply->body),
			       "<%sResponse" XML_HEAD "<routeTableSet><item><routeTableId>rtb-1"
			       "</routeTableId><routeSet><item><destinationCidrBlock>10.1.5.5/32"
			       "</destinationCidrBlock><networkInterfaceId>eni-0aa"
			       "</networkInterfaceId><state>active</state></item></routeSet></item>"
			       "</routeTableSet></%sResponse>",
			       action, action);
	else
		(void)snprintf(reply->body, sizeof(reply->body),
			       "<%sResponse" XML_HEAD "<return>true</return></%sResponse>", action,
			       action);
}

static void imds_credentials(struct fake *fake, struct fake_reply *reply)
{
	time_t until = time(NULL) + fake->lifetime_s;
	char text[32];
	struct tm utc;

	fake->credentials_asked++;
	(void)gmtime_r(&until, &utc);
	(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	(void)snprintf(reply->body, sizeof(reply->body),
		       "{\"Code\":\"Success\",\"Type\":\"AWS-HMAC\",\"AccessKeyId\":\"AKID%u\","
		       "\"SecretAccessKey\":\"secret%u\",\"Token\":\"token%u\",\"Expiration\":"
		       "\"%s\"}",
		       fake->key, fake->key, fake->key, text);
}

static void imds_text(struct fake *fake, const char *path, struct fake_reply *reply)
{
	static const char *const texts[][2] = {
		{"placement/region", "eu-west-1"},
		{"services/domain", "amazonaws.com"},
		{"instance-id", "i-0aa"},
		{"placement/availability-zone", "eu-west-1a"},
		{"network/interfaces/macs/00:00:00:00:00:00/interface-id", "eni-0aa"},
		{"network/interfaces/macs/00:00:00:00:00:00/vpc-id", "vpc-0aa"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(path, texts[i][0]) == 0)
			(void)snprintf(reply->body, sizeof(reply->body), "%s", texts[i][1]);
	if (strcmp(path, "iam/security-credentials/") == 0 && !fake->no_role)
		(void)snprintf(reply->body, sizeof(reply->body), "zonevip-role\n");
	if (strcmp(path, "iam/security-credentials/zonevip-role") == 0)
		imds_credentials(fake, reply);
	if (!reply->body[0])
		reply->status = 404;
}

/* As IMDSv2 does: no question without the token that was given out last. */
void fake_plain_imds(struct fake *fake, const struct fake_request *request,
		     struct fake_reply *reply)
{
	char token[64];
	char path[256];

	if (strcmp(request->action, "PUT /latest/api/token") == 0) {
		reply->status = strstr(request->text, "X-aws-ec2-metadata-token-ttl-seconds: 21600")
					? 200
					: 400;
		(void)snprintf(reply->body, sizeof(reply->body), "session%u==", ++fake->tokens);
		fake->forget_token = false;
		return;
	}
	(void)snprintf(token, sizeof(token), "X-aws-ec2-metadata-token: session%u==\r\n",
		       fake->tokens);
	if (fake->forget_token || !strstr(request->text, token)) {
		reply->status = 401;
		return;
	}
	if (sscanf(request->text, "GET /latest/meta-data/%255[^ ] HTTP/1.1", path) == 1)
		imds_text(fake, path, reply);
	else
		reply->status = 404;
}

/* --- the server ---------------------------------------------------------------------------- */

static void close_connection(struct fake_connection *connection, bool reset)
{
	struct fake *fake = connection->fake;
	struct linger linger = {.l_onoff = 1, .l_linger = 0};

	for (struct fake_connection **at = &fake->connections; *at; at = &(*at)->next)
		if (*at == connection) {
			*at = connection->next;
			break;
		}
	ev_io_stop(fake->loop, &connection->io);
	ev_timer_stop(fake->loop, &connection->timer);
	if (reset)
		(void)setsockopt(connection->io.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	(void)close(connection->io.fd);
	free(connection);
}

static void send_reply(struct fake_connection *connection)
{
	struct fake_reply *reply = &connection->reply;
	size_t length = reply->length ? reply->length : strlen(reply->body);
	char date[64];
	char head[512];
	time_t now = time(NULL);
	struct tm utc;
	int used;

	(void)gmtime_r(&now, &utc);
	(void)strftime(date, sizeof(date), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
	used = snprintf(head, sizeof(head), "HTTP/1.1 %d X\r\n%s%sContent-Length: %zu\r\n\r\n",
			reply->status, strstr(reply->headers, "Date:") ? "" : date, reply->headers,
			reply->promise ? reply->promise : length);
	if (!connection->imds)
		connection->fake->in_flight--;
	/* A blocking send is fine: what is sent fits the socket's buffers. */
	(void)send(connection->io.fd, head, (size_t)used, MSG_NOSIGNAL | MSG_MORE);
	(void)send(connection->io.fd, reply->body, length, MSG_NOSIGNAL);
	connection->length = 0;
	if (reply->promise)
		close_connection(connection, false);
}

static void on_reply_due(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	send_reply(timer->data);
}

static unsigned int *counter_of(struct fake *fake, const char *action)
{
	const size_t count = sizeof(fake->seen) / sizeof(fake->seen[0]);
	size_t i = 0;

	while (i < count - 1 && fake->seen[i].action[0] &&
	       strcmp(fake->seen[i].action, action) != 0)
		i++;
	(void)snprintf(fake->seen[i].action, sizeof(fake->seen[i].action), "%s", action);
	return &fake->seen[i].count;
}

unsigned int fake_count(const struct fake *fake, const char *action)
{
	for (size_t i = 0; i < sizeof(fake->seen) / sizeof(fake->seen[0]); i++)
		if (strcmp(fake->seen[i].action, action) == 0)
			return fake->seen[i].count;
	return 0;
}

static void name_action(struct fake_request *request)
{
	const char *target = strstr(request->text, "X-Amz-Target: AmazonSSM.");

	if (sscanf(request->body, "Action=%63[A-Za-z]", request->action) == 1 ||
	    (target && sscanf(target, "X-Amz-Target: AmazonSSM.%63[A-Za-z]", request->action) == 1))
		return;
	(void)sscanf(request->text, "%63[^\r]", request->action);
	if (strstr(request->action, " HTTP/1.1"))
		*strstr(request->action, " HTTP/1.1") = '\0';
}

static void serve(struct fake_connection *connection)
{
	struct fake *fake = connection->fake;
	struct fake_request *request = &connection->request;
	struct fake_reply *reply = &connection->reply;

	name_action(request);
	request->connection = connection->number;
	request->nth = ++*counter_of(fake, request->action);
	memset(reply, 0, offsetof(struct fake_reply, body) + 1);
	reply->length = reply->promise = 0;
	reply->headers[0] = '\0';
	reply->delay_ms = 0;
	reply->silent = reply->drop = false;
	reply->status = 200;
	if (connection->imds) {
		(fake->imds_script ? fake->imds_script : fake_plain_imds)(fake, request, reply);
	} else {
		fake->requests++;
		if (++fake->in_flight > fake->in_flight_max)
			fake->in_flight_max = fake->in_flight;
		fake->script(fake, request, reply);
	}
	if (reply->drop) {
		if (!connection->imds)
			fake->in_flight--;
		close_connection(connection, true);
	} else if (reply->delay_ms > 0) {
		ev_now_update(fake->loop);
		ev_timer_set(&connection->timer, reply->delay_ms / 1e3, 0.0);
		ev_timer_start(fake->loop, &connection->timer);
	} else if (!reply->silent) {
		send_reply(connection);
	}
}

/* A whole request, head and body? */
static bool complete(struct fake_connection *connection)
{
	struct fake_request *request = &connection->request;
	const char *end = strstr(request->text, "\r\n\r\n");
	const char *length = strstr(request->text, "Content-Length: ");

	if (!end)
		return false;
	request->body = end + 4;
	return !length || strlen(request->body) >= strtoul(length + 16, NULL, 10);
}

static void on_readable(struct ev_loop *loop, struct ev_io *io, int events)
{
	struct fake_connection *connection = io->data;
	char *text = connection->request.text;
	ssize_t got = recv(io->fd, text + connection->length,
			   FAKE_REQUEST_MAX - 1 - connection->length, 0);

	(void)loop;
	(void)events;
	if (got <= 0) {
		if (got < 0 && errno == ECONNRESET && !connection->imds)
			connection->fake->resets++;
		close_connection(connection, false);
		return;
	}
	connection->length += (size_t)got;
	text[connection->length] = '\0';
	if (complete(connection))
		serve(connection);
}

static void on_connect(struct ev_loop *loop, struct ev_io *io, int events)
{
	struct fake *fake = io->data;
	struct fake_connection *connection;
	int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC);
	int on = 1;

	(void)events;
	assert_true(fd >= 0);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	connection = calloc(1, sizeof(*connection));
	assert_non_null(connection);
	connection->fake = fake;
	connection->imds = io == &fake->imds_io;
	if (!connection->imds)
		connection->number = ++fake->accepted;
	connection->next = fake->connections;
	fake->connections = connection;
	ev_timer_init(&connection->timer, on_reply_due, 0.0, 0.0);
	connection->timer.data = connection;
	ev_io_init(&connection->io, on_readable, fd, EV_READ);
	connection->io.data = connection;
	ev_io_start(loop, &connection->io);
}

/* *@port 0 = any, and then says which. */
static int listen_on(struct fake *fake, struct ev_io *io, char *url, size_t size, int *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)*port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	assert_true(fd >= 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 128), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	*port = ntohs(address.sin_port);
	(void)snprintf(url, size, "http://127.0.0.1:%d", *port);
	ev_io_init(io, on_connect, fd, EV_READ);
	io->data = fake;
	ev_io_start(fake->loop, io);
	return fd;
}

/* --- the worker under test ------------------------------------------------------------------- */

static void on_job(void *arg, struct aws_job *job)
{
	struct fake *fake = arg;

	assert_true(fake->done < FAKE_JOBS_MAX);
	fake->jobs[fake->done++] = job;
	ev_break(fake->loop, EVBREAK_ONE);
}

static void on_identity(void *arg, const struct aws_identity *identity)
{
	struct fake *fake = arg;

	fake->identity = *identity;
	fake->identities++;
	ev_break(fake->loop, EVBREAK_ONE);
}

static void script_ok(struct fake *fake, const struct fake_request *request,
		      struct fake_reply *reply)
{
	(void)fake;
	fake_ok(request, reply);
}

/* What the machine of the test says about AWS is no business of the tests. */
static void clean_environment(void)
{
	static const char *const names[] = {
		"AWS_ACCESS_KEY_ID",
		"AWS_SECRET_ACCESS_KEY",
		"AWS_SESSION_TOKEN",
		"AWS_PROFILE",
		"AWS_REGION",
		"AWS_DEFAULT_REGION",
		"AWS_SHARED_CREDENTIALS_FILE",
		"AWS_CONFIG_FILE",
		"AWS_ENDPOINT_URL",
		"AWS_ENDPOINT_URL_EC2",
		"AWS_ENDPOINT_URL_SSM",
		"AWS_ENDPOINT_URL_STS",
		"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
		"AWS_USE_FIPS_ENDPOINT",
		"AWS_USE_DUALSTACK_ENDPOINT",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
		"AWS_CA_BUNDLE",
		"AWS_EC2_METADATA_SERVICE_ENDPOINT",
		"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
		"AWS_EC2_METADATA_DISABLED",
		"HOME",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unsetenv(names[i]);
}

struct fake *fake_open(void)
{
	struct fake *fake = calloc(1, sizeof(*fake));
	int port = 0;

	assert_non_null(fake);
	(void)signal(SIGPIPE, SIG_IGN);
	/* A daemon must not be led elsewhere by its environment. */
	(void)setenv("http_proxy", "http://127.0.0.1:1", 1);
	(void)setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	clean_environment();
	fake->loop = ev_loop_new(EVFLAG_AUTO);
	assert_non_null(fake->loop);
	fake->imds_fd =
		listen_on(fake, &fake->imds_io, fake->imds_url, sizeof(fake->imds_url), &port);
	fake->api_fd = listen_on(fake, &fake->api_io, fake->api_url, sizeof(fake->api_url),
				 &fake->api_port);
	fake->script = script_ok;
	fake->key = 1;
	fake->lifetime_s = 6 * 3600;
	fake->config = (struct aws_config){
		.endpoint_ec2 = fake->api_url,
		.endpoint_ssm = fake->api_url,
		.endpoint_sts = fake->api_url,
		.imds_endpoint = fake->imds_url,
		.allow_http = true,
		.interfaces = {"lo"},
		.interface_count = 1,
	};
	return fake;
}

void fake_api_down(struct fake *fake)
{
	struct fake_connection *next;

	ev_io_stop(fake->loop, &fake->api_io);
	(void)close(fake->api_fd);
	fake->api_fd = -1;
	for (struct fake_connection *c = fake->connections; c; c = next) {
		next = c->next;
		if (!c->imds)
			close_connection(c, true);
	}
}

void fake_api_up(struct fake *fake)
{
	fake->api_fd = listen_on(fake, &fake->api_io, fake->api_url, sizeof(fake->api_url),
				 &fake->api_port);
}

void fake_close(struct fake *fake)
{
	aws_close(fake->aws);
	while (fake->connections)
		close_connection(fake->connections, false);
	for (unsigned int i = 0; i < fake->done; i++)
		aws_job_free(fake->jobs[i]);
	if (fake->imds_fd >= 0)
		(void)close(fake->imds_fd);
	if (fake->api_fd >= 0)
		(void)close(fake->api_fd);
	ev_loop_destroy(fake->loop);
	free(fake);
}

static void on_too_long(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	(void)events;
	*(bool *)timer->data = true;
	ev_break(loop, EVBREAK_ONE);
}

void fake_run(struct fake *fake, int ms)
{
	struct ev_timer timer;
	bool over = false;

	ev_timer_init(&timer, on_too_long, ms / 1e3, 0.0);
	timer.data = &over;
	ev_now_update(fake->loop);
	ev_timer_start(fake->loop, &timer);
	while (!over)
		(void)ev_run(fake->loop, 0);
	ev_timer_stop(fake->loop, &timer);
}

void fake_wait_for(struct fake *fake, const unsigned int *counter, unsigned int wanted)
{
	struct ev_timer timer;
	bool over = false;

	ev_timer_init(&timer, on_too_long, WAIT_MAX_S, 0.0);
	timer.data = &over;
	ev_now_update(fake->loop);
	ev_timer_start(fake->loop, &timer);
	while (!over && *counter < wanted)
		(void)ev_run(fake->loop, EVRUN_ONCE);
	ev_timer_stop(fake->loop, &timer);
	if (*counter < wanted)
		fail_msg("%u of %u after %.0f s", *counter, wanted, WAIT_MAX_S);
}

void fake_wait(struct fake *fake, unsigned int jobs)
{
	fake_wait_for(fake, &fake->done, jobs);
}

void fake_wait_report(struct fake *fake, unsigned int reports)
{
	fake_wait_for(fake, &fake->identities, reports);
}

void fake_start_unknown(struct fake *fake)
{
	fake->aws = aws_open(fake->loop, &fake->config, on_job, on_identity, fake);
	assert_non_null(fake->aws);
	assert_int_equal(fake->identities, 0); /* not from inside the call */
}

void fake_start(struct fake *fake)
{
	fake_start_unknown(fake);
	fake_wait_report(fake, 1);
	assert_string_equal(fake->identity.problem, "");
	assert_true(fake->identity.known);
}

struct aws_job *fake_job(enum aws_call call)
{
	struct aws_job *job = aws_job_new(call);

	assert_non_null(job);
	job->instance = 1;
	job->not_after = mono_now() + 5 * SEC;
	job->deadline = mono_now() + 10 * SEC;
	if (call != AWS_TARGET_CHECK)
		assert_int_equal(ip_parse("10.1.5.5", &job->vip), 0);
	(void)snprintf(job->name, sizeof(job->name), "MasterDB_VIP");
	(void)snprintf(job->value, sizeof(job->value), "DB_Host2");
	(void)snprintf(job->table_id, sizeof(job->table_id), "rtb-1");
	return job;
}

void fake_submit(struct fake *fake, struct aws_job *job)
{
	unsigned int before = fake->done;

	aws_submit(fake->aws, job);
	assert_int_equal(fake->done, before); /* not from inside the call */
}

const struct aws_job *fake_do(struct fake *fake, struct aws_job *job)
{
	unsigned int wanted = fake->done + 1;

	fake_submit(fake, job);
	fake_wait(fake, wanted);
	return fake->jobs[wanted - 1];
}
