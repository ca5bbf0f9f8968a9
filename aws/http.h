/* SPDX-License-Identifier: MIT */
/*
 * One HTTP request at a time or many at once, on the worker's libev loop by
 * libcurl's multi interface. It knows nothing of AWS. What it promises:
 *
 * - a call ends at its deadline, whatever hangs, and never later;
 * - a connection given up with a request on it is reset: nothing that still
 *   lies in the send queue leaves, nothing lingers;
 * - a request is sent once: libcurl's own second try on a connection that
 *   turned out dead is refused unless the caller allows it;
 * - no redirects, no proxy but the one given, no names looked up here
 *   (aws/resolve.h does that), no body beyond its cap, https with TLS 1.2 or
 *   plain http as told. Through a proxy only a tunnel is asked for; what the
 *   proxy itself does with a request after our reset is out of our hands.
 */
#ifndef AWS_HTTP_H
#define AWS_HTTP_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "agent/base/buf.h"
#include "agent/base/mono.h"

#define HTTP_PARALLEL_MAX 64 /* connections to one host; more calls wait for one */
#define HTTP_HEADERS_MAX 8

struct http;	  /* connections, shared by all calls */
struct http_call; /* one call under way */

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT };

struct http_request { /* all borrowed for the length of http_start() */
	enum http_method method;
	const char *url;
	const char *pin;   /* "host:port:address,..." for a name, NULL for an address */
	const char *proxy; /* "http://host:port/", NULL = none; @pin is then of its name */
	const char *headers[HTTP_HEADERS_MAX]; /* "Name: value"; copies are wiped */
	size_t header_count;
	const char *body; /* POST, PUT */
	size_t body_length;
	size_t reply_max;
	mono_us not_after; /* the request must begin to leave by then */
	mono_us deadline;
	bool again; /* may go out a second time when the connection was dead */
};

enum http_end {
	HTTP_DONE,    /* an answer, whole; look at status */
	HTTP_LATE,    /* not_after had passed before it could be sent */
	HTTP_TIMEOUT, /* the deadline */
	HTTP_FAILED,  /* connect, TLS, reset, cut short, too large */
};

struct http_reply { /* borrowed for the callback */
	enum http_end end;
	bool sent;	 /* at least one byte of the request may have left */
	mono_us sent_at; /* when it was handed to the socket, the last time, or 0 */
	long status;
	int64_t date;	     /* Date header in Unix seconds, or 0 */
	mono_us retry_after; /* x-amz-retry-after: not before so long from now, or 0 */
	struct buf body;
	char error_type[96];   /* x-amzn-ErrorType */
	unsigned int connects; /* connections opened for this call */
	char error[256];       /* HTTP_FAILED: why */
};

/* Called once per call, from the loop, never from inside http_start(). The
 * call is gone when it returns. */
typedef void http_fn(void *arg, struct http_reply *reply);

/* @ca_file, @ca_path: "" = a hashed system directory, else libcurl's default. */
struct http *http_open(struct ev_loop *loop, const char *ca_file, const char *ca_path);
/* Once a burst is over no more than @idle_max connections stay open. */
void http_keep(struct http *http, unsigned int idle_max);
/* Every call under way is reset, without a callback. */
void http_close(struct http *http);

/* NULL only without memory. */
struct http_call *http_start(struct http *http, const struct http_request *request, http_fn *fn,
			     void *arg);
/* Resets the connection. No callback. When the request was handed to the
 * socket, or 0 when nothing of it has left. */
mono_us http_abort(struct http_call *call);

#endif
