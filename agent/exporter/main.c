/* SPDX-License-Identifier: MIT */
/*
 * zonevip-exporter: a web server for Prometheus, apart from the daemon and
 * without any right but to ask its status socket. Every scrape is one question
 * there; nothing is kept. HTTP is libmicrohttpd's business. Manual:
 * zonevip-exporter(8).
 */
#include "config.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <microhttpd.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/ctl/ask.h"

#define DEFAULT_SOCKET RUNSTATEDIR "/zonevip/zonevipd.sock"
#define DEFAULT_LISTEN "127.0.0.1:9712"
#define CONNECTIONS_MAX 16U
#define CONNECTION_SECONDS 10U

#if MHD_VERSION >= 0x00097002
typedef enum MHD_Result mhd_answer;
#else
typedef int mhd_answer;
#endif

struct exporter {
	const char *socket; /* of the daemon */
};

static void usage(FILE *to)
{
	(void)fputs("usage: zonevip-exporter [-l ADDRESS:PORT] [-s SOCKET]\n"
		    "  -l, --listen ADDRESS:PORT   default " DEFAULT_LISTEN
		    "; [ADDRESS]:PORT for IPv6\n"
		    "  -s, --socket SOCKET         default " DEFAULT_SOCKET "\n"
		    "  -v, --version    -h, --help\n",
		    to);
}

static mhd_answer answer(struct MHD_Connection *connection, unsigned int code, const char *type,
			 struct buf *text)
{
	/* libmicrohttpd copies it. */
	struct MHD_Response *response =
		MHD_create_response_from_buffer(text->length, text->data, MHD_RESPMEM_MUST_COPY);
	mhd_answer ret = MHD_NO;

	if (response) {
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
		ret = MHD_queue_response(connection, code, response);
		MHD_destroy_response(response);
	}
	return ret;
}

static mhd_answer answer_text(struct MHD_Connection *connection, unsigned int code,
			      const char *type, const char *text)
{
	struct buf buf;
	mhd_answer ret;

	buf_init(&buf, 1024);
	(void)buf_append(&buf, text, strlen(text));
	ret = answer(connection, code, type, &buf);
	buf_free(&buf);
	return ret;
}

/* A daemon that does not answer is a fact to be scraped, not an error of ours. */
static mhd_answer answer_metrics(struct MHD_Connection *connection, const char *socket_path)
{
	struct err err = {""};
	struct buf metrics;
	mhd_answer ret;
	bool up;

	buf_init(&metrics, CTL_REPLY_MAX);
	up = ask(socket_path, "metrics", &metrics, &err) == CTL_OK;
	if (!up) {
		(void)fprintf(stderr, "zonevip-exporter: %s\n", err.text);
		buf_clear(&metrics);
	}
	(void)buf_printf(&metrics,
			 "%s# HELP zonevip_up 1 if the daemon answered.\n"
			 "# TYPE zonevip_up gauge\nzonevip_up %d\n",
			 up ? "\n" : "", up);
	ret = answer(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", &metrics);
	buf_free(&metrics);
	return ret;
}

static mhd_answer on_request(void *arg, struct MHD_Connection *connection, const char *url,
			     const char *method, const char *version, const char *upload,
			     size_t *upload_size, void **state)
{
	const struct exporter *exporter = arg;
	static int seen;

	(void)version;
	(void)upload;
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain",
				   "only GET\n");
	if (!*state) { /* the headers are there: the answer belongs to the next call */
		*state = &seen;
		return MHD_YES;
	}
	if (*upload_size)
		return MHD_NO;
	if (strcmp(url, "/metrics") == 0)
		return answer_metrics(connection, exporter->socket);
	if (strcmp(url, "/") == 0)
		return answer_text(connection, MHD_HTTP_OK, "text/html; charset=utf-8",
				   "<!DOCTYPE html><title>zonevip</title>"
				   "<a href=\"/metrics\">metrics</a>\n");
	return answer_text(connection, MHD_HTTP_NOT_FOUND, "text/plain", "see /metrics\n");
}

/* "1.2.3.4:9712" or "[::1]:9712". 0 or -1 with @err. */
static int parse_listen(const char *text, struct sockaddr_storage *address, struct err *err)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
				 .ai_socktype = SOCK_STREAM};
	const char *colon = strrchr(text, ':');
	struct addrinfo *found = NULL;
	char host[64];
	size_t length;

	if (!colon || !colon[1] || (size_t)(colon - text) >= sizeof(host))
		return err_set(err, "'%s' is not ADDRESS:PORT", text);
	length = (size_t)(colon - text);
	memcpy(host, text, length);
	host[length] = '\0';
	if (length > 1 && host[0] == '[' && host[length - 1] == ']') {
		memmove(host, host + 1, length - 2);
		host[length - 2] = '\0';
	}
	if (getaddrinfo(host[0] ? host : NULL, colon + 1, &hints, &found) != 0)
		return err_set(err, "'%s': ADDRESS must be numeric and PORT a number", text);
	memcpy(address, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return 0;
}

static int serve(const struct sockaddr_storage *address, struct exporter *exporter)
{
	unsigned int flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ERROR_LOG |
			     (address->ss_family == AF_INET6 ? MHD_USE_IPv6 : 0);
	struct MHD_Daemon *server;
	sigset_t signals;
	int signal_number;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL); /* the server's thread inherits it */
	(void)signal(SIGPIPE, SIG_IGN);
	server = MHD_start_daemon(flags, 0, NULL, NULL, on_request, exporter, MHD_OPTION_SOCK_ADDR,
				  (const struct sockaddr *)address, MHD_OPTION_CONNECTION_LIMIT,
				  CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
				  CONNECTION_SECONDS, MHD_OPTION_END);
	if (!server)
		return -1;
	(void)sigwait(&signals, &signal_number);
	MHD_stop_daemon(server);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option names[] = {{"listen", required_argument, NULL, 'l'},
					      {"socket", required_argument, NULL, 's'},
					      {"version", no_argument, NULL, 'v'},
					      {"help", no_argument, NULL, 'h'},
					      {NULL, 0, NULL, 0}};
	struct exporter exporter = {.socket = DEFAULT_SOCKET};
	const char *listen_on = DEFAULT_LISTEN;
	struct sockaddr_storage address;
	struct err err = {""};
	int option;

	while ((option = getopt_long(argc, argv, "l:s:vh", names, NULL)) != -1) {
		switch (option) {
		case 'l':
			listen_on = optarg;
			break;
		case 's':
			exporter.socket = optarg;
			break;
		case 'v':
			puts("zonevip-exporter " PACKAGE_VERSION);
			return CTL_OK;
		case 'h':
			usage(stdout);
			return CTL_OK;
		default:
			usage(stderr);
			return CTL_USAGE;
		}
	}
	if (optind != argc) {
		usage(stderr);
		return CTL_USAGE;
	}
	memset(&address, 0, sizeof(address));
	if (parse_listen(listen_on, &address, &err) < 0) {
		(void)fprintf(stderr, "zonevip-exporter: --listen %s\n", err.text);
		return CTL_USAGE;
	}
	if (serve(&address, &exporter) < 0) {
		(void)fprintf(stderr, "zonevip-exporter: cannot listen on %s: is it taken?\n",
			      listen_on);
		return CTL_REFUSED;
	}
	return CTL_OK;
}
