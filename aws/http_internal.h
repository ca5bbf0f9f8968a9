/* SPDX-License-Identifier: MIT */
/*
 * What aws/http.c (calls) and aws/http_events.c (what libcurl calls back)
 * share. For nobody else.
 */
#ifndef AWS_HTTP_INTERNAL_H
#define AWS_HTTP_INTERNAL_H

#include <curl/curl.h>

#include "agent/base/ip.h"
#include "aws/http.h"

struct connection { /* one socket of libcurl's, from opening to closing */
	struct connection *next;
	curl_socket_t fd;
	struct ip local;
	int port; /* 0 = not yet asked for */
};

struct http {
	struct ev_loop *loop;
	CURLM *multi;
	struct ev_timer timer; /* libcurl's */
	struct http_call *calls;
	unsigned int call_count;
	unsigned int idle_max; /* connections to keep when little is under way */
	struct connection *connections;
	char *ca_file; /* NULL = none */
	char *ca_path;
	bool ca_default; /* leave libcurl's own choice alone */
};

struct http_call {
	struct http_call *next;
	struct http_call **link; /* what points here */
	struct http *http;
	CURL *easy;
	struct curl_slist *headers;
	struct curl_slist *pin;
	struct ev_timer deadline;
	mono_us not_after;
	mono_us ends;
	curl_socket_t fd; /* on which the request went out */
	bool again;
	bool refused; /* our prerequest hook said no */
	struct http_reply reply;
	http_fn *fn;
	void *arg;
	char error[CURL_ERROR_SIZE];
};

/* Sets an option and remembers, in a local variable, that it did not take. */
#define SET(easy, option, value) (failed |= curl_easy_setopt(easy, option, value) != CURLE_OK)

/* A transfer of libcurl's is over. */
void http_drain(struct http *http);

/* Makes libcurl call back for this multi handle, for this call. */
void http_watch(struct http *http);
bool http_watch_call(struct http_call *call);

#endif
