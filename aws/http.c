/* SPDX-License-Identifier: MIT */
/*
 * libcurl multi on libev. May not block, may not retry, may not look a name
 * up: with the threaded resolver a cancelled transfer joins the resolver's
 * thread inside curl_multi_*, for as long as a dead name server likes.
 */
#include "aws/http_internal.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECT_MAX_MS 1000L /* with several addresses the first may be dead */
#define KEEPALIVE_IDLE_S 15
#define KEEPALIVE_INTERVAL_S 5
#define HASHED_DIRECTORY "/etc/ssl/certs"

/* --- one call's end ----------------------------------------------------------- */

static void free_headers(struct curl_slist *list)
{
	for (struct curl_slist *item = list; item; item = item->next)
		explicit_bzero(item->data, strlen(item->data)); /* tokens, signatures */
	curl_slist_free_all(list);
}

/*
 * In a burst every connection is used again; after it libcurl closes the
 * oldest of them, one with each call that ends.
 */
static void trim(const struct http *http)
{
	bool calm = http->call_count <= http->idle_max;

	(void)curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS,
				(long)(calm ? http->idle_max : HTTP_PARALLEL_MAX));
}

void http_keep(struct http *http, unsigned int idle_max)
{
	http->idle_max = idle_max < HTTP_PARALLEL_MAX ? idle_max : HTTP_PARALLEL_MAX;
	trim(http);
}

static void call_free(struct http_call *call)
{
	ev_timer_stop(call->http->loop, &call->deadline);
	if (call->link) {
		call->http->call_count--;
		trim(call->http);
		*call->link = call->next;
		if (call->next)
			call->next->link = call->link;
	}
	if (call->easy) {
		(void)curl_multi_remove_handle(call->http->multi, call->easy); /* or never added */
		curl_easy_cleanup(call->easy);
	}
	free_headers(call->headers);
	curl_slist_free_all(call->pin);
	buf_wipe(&call->reply.body);
	buf_free(&call->reply.body);
	free(call);
}

/*
 * Dissolving the association makes the kernel send RST at once and forget
 * what it had queued; only then may libcurl close, whose TLS goodbye would
 * otherwise go first. SO_LINGER covers a socket that is still connecting.
 */
static void reset(struct http_call *call)
{
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	struct linger linger = {.l_onoff = 1, .l_linger = 0};

	if (call->fd == CURL_SOCKET_BAD)
		return;
	(void)connect(call->fd, &none, sizeof(none)); /* best effort: the fd is closed next */
	(void)setsockopt(call->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static void count_connects(struct http_call *call)
{
	long connects = 0;

	if (curl_easy_getinfo(call->easy, CURLINFO_NUM_CONNECTS, &connects) == CURLE_OK)
		call->reply.connects = (unsigned int)connects;
}

static void report(struct http_call *call)
{
	count_connects(call);
	/* Out of libcurl's hands first: the callback may start the next call,
	 * which should find this one's connection free. */
	(void)curl_multi_remove_handle(call->http->multi, call->easy);
	call->fn(call->arg, &call->reply);
	call_free(call);
}

static void on_deadline(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct http_call *call = timer->data;
	mono_us left = call->ends - mono_now();

	(void)events;
	if (left > 0) { /* libev's idea of now was old when the timer was set */
		ev_timer_set(timer, mono_seconds(left), 0.0);
		ev_timer_start(loop, timer);
		return;
	}
	reset(call);
	call->reply.end = HTTP_TIMEOUT;
	report(call);
}

static void judge(struct http_call *call, CURLcode code)
{
	struct http_reply *reply = &call->reply;
	const char *why = call->error[0] ? call->error : curl_easy_strerror(code);

	(void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &reply->status);
	if (code == CURLE_OK && mono_now() <= call->ends) {
		reply->end = HTTP_DONE;
		return;
	}
	if (code == CURLE_OK) { /* an answer after the deadline is none */
		reply->end = HTTP_TIMEOUT;
		return;
	}
	reply->end = HTTP_FAILED;
	if (call->refused && !reply->sent)
		reply->end = HTTP_LATE;
	else if (call->refused)
		why = "the connection was dead, and the request may have left";
	else if (reply->body.overflow)
		why = "the answer is too large";
	(void)snprintf(reply->error, sizeof(reply->error), "%s", why); /* cut is fine */
}

void http_drain(struct http *http)
{
	struct http_call *call;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		judge(call, message->data.result);
		report(call);
	}
}

/* --- setting up a call -------------------------------------------------------------- */

static bool set_transport(struct http_call *call, const struct http_request *request)
{
	bool tls = strncmp(request->url, "https:", 6) == 0;
	CURL *easy = call->easy;
	bool failed = false;

	SET(easy, CURLOPT_NOSIGNAL, 1L);
	/* None from the environment, ever. */
	SET(easy, CURLOPT_PROXY, request->proxy ? request->proxy : "");
	SET(easy, CURLOPT_NOPROXY, request->proxy ? "" : "*");
	SET(easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
	SET(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* the proxy's Date is not AWS's */
	SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
	/* One request per connection: resetting one must not kill another's. */
	SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
#if LIBCURL_VERSION_NUM >= 0x075500
	SET(easy, CURLOPT_PROTOCOLS_STR, tls ? "https" : "http");
#else
	SET(easy, CURLOPT_PROTOCOLS, (long)(tls ? CURLPROTO_HTTPS : CURLPROTO_HTTP));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
	SET(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
	SET(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MAX_MS);
	SET(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	SET(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_IDLE_S);
	SET(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_INTERVAL_S);
	SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	SET(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	if (tls && !call->http->ca_default) {
		SET(easy, CURLOPT_CAINFO, call->http->ca_file);
		SET(easy, CURLOPT_CAPATH, call->http->ca_path);
	}
	return !failed;
}

static bool set_request(struct http_call *call, const struct http_request *request)
{
	CURL *easy = call->easy;
	bool failed = false;

	for (size_t i = 0; i < request->header_count; i++) {
		struct curl_slist *longer = curl_slist_append(call->headers, request->headers[i]);

		failed |= !longer;
		call->headers = longer ? longer : call->headers;
	}
	if (request->pin) {
		call->pin = curl_slist_append(NULL, request->pin);
		failed |= !call->pin;
		SET(easy, CURLOPT_RESOLVE, call->pin);
	}
	SET(easy, CURLOPT_URL, request->url);
	SET(easy, CURLOPT_USERAGENT, "zonevip");
	SET(easy, CURLOPT_HTTPHEADER, call->headers);
	if (request->method != HTTP_GET) { /* copied: a small body, and the caller's may go */
		SET(easy, CURLOPT_POSTFIELDSIZE, (long)request->body_length);
		SET(easy, CURLOPT_COPYPOSTFIELDS, request->body ? request->body : "");
	}
	if (request->method == HTTP_PUT)
		SET(easy, CURLOPT_CUSTOMREQUEST, "PUT");
	return !failed;
}

struct http_call *http_start(struct http *http, const struct http_request *request, http_fn *fn,
			     void *arg)
{
	struct http_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->http = http;
	call->fn = fn;
	call->arg = arg;
	call->fd = CURL_SOCKET_BAD;
	call->again = request->again;
	call->not_after = request->not_after;
	call->ends = request->deadline;
	buf_init(&call->reply.body, request->reply_max);
	ev_timer_init(&call->deadline, on_deadline, 0.0, 0.0);
	call->deadline.data = call;
	call->easy = curl_easy_init();
	if (!call->easy || !set_transport(call, request) || !http_watch_call(call) ||
	    !set_request(call, request) ||
	    curl_multi_add_handle(http->multi, call->easy) != CURLM_OK) {
		call_free(call);
		return NULL;
	}
	http->call_count++;
	trim(http);
	call->next = http->calls;
	call->link = &http->calls;
	if (call->next)
		call->next->link = &call->next;
	http->calls = call;
	ev_now_update(http->loop);
	ev_timer_set(&call->deadline, mono_seconds(mono_max(call->ends - mono_now(), 0)), 0.0);
	ev_timer_start(http->loop, &call->deadline);
	return call;
}

mono_us http_abort(struct http_call *call)
{
	mono_us sent_at = call->reply.sent_at;

	reset(call);
	call_free(call);
	return sent_at;
}

/* --- opening and closing ------------------------------------------------------------- */

/* OpenSSL looks certificates up by hash there: 8 ms and no memory for the
 * first connection, where the bundle costs 91 ms and 1.7 MB. */
static bool is_hashed(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	bool found = false;

	while (directory && !found && (entry = readdir(directory)))
		found = strspn(entry->d_name, "0123456789abcdef") == 8 && entry->d_name[8] == '.';
	if (directory)
		(void)closedir(directory);
	return found;
}

static bool choose_ca(struct http *http, const char *ca_file, const char *ca_path)
{
	if (!*ca_file && !*ca_path) {
		http->ca_default = !is_hashed(HASHED_DIRECTORY);
		if (http->ca_default)
			return true;
		ca_path = HASHED_DIRECTORY;
	}
	http->ca_file = *ca_file ? strdup(ca_file) : NULL;
	http->ca_path = *ca_path ? strdup(ca_path) : NULL;
	return (!*ca_file || http->ca_file) && (!*ca_path || http->ca_path);
}

struct http *http_open(struct ev_loop *loop, const char *ca_file, const char *ca_path)
{
	struct http *http = calloc(1, sizeof(*http));

	if (!http)
		return NULL;
	http->loop = loop;
	http->multi = curl_multi_init();
	if (!http->multi || !choose_ca(http, ca_file, ca_path)) {
		http_close(http);
		return NULL;
	}
	http_watch(http);
	(void)curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	(void)curl_multi_setopt(http->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
				(long)HTTP_PARALLEL_MAX);
	http_keep(http, HTTP_PARALLEL_MAX);
	return http;
}

void http_close(struct http *http)
{
	if (!http)
		return;
	while (http->calls)
		(void)http_abort(http->calls);
	if (http->multi)
		(void)curl_multi_cleanup(http->multi);
	for (struct connection *next, *c = http->connections; c; c = next) {
		next = c->next; /* libcurl never told of its end */
		free(c);
	}
	ev_timer_stop(http->loop, &http->timer);
	free(http->ca_file);
	free(http->ca_path);
	free(http);
}
