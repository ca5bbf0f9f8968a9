/* SPDX-License-Identifier: MIT */
/*
 * The least that one ReplaceRoute can cost: libcurl's easy interface on a
 * connection that is open, the request made and signed beforehand. Nothing
 * else is in this process. Beside floor.c, which says what it is for, and apart
 * from it, because libcurl's libraries would weigh on what that measures.
 *
 *   floor-route KEYS TABLE DESTINATION ENI COUNT PAUSE_MS
 *
 * A line for each call: when it was sent and when its answer was there.
 */
#define _GNU_SOURCE
#include "tests/lab/floor.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/sigv4.h"

#define HOST "ec2.us-east-1.amazonaws.com"
#define TYPE "application/x-www-form-urlencoded; charset=utf-8"
#define CA_PATH "/etc/zonevip/ca"
#define KEY_MAX 256

struct keys {
	char access[KEY_MAX];
	char secret[KEY_MAX];
};

static size_t ignore(char *data, size_t size, size_t count, void *arg)
{
	(void)data;
	(void)arg;
	return size * count;
}

/* Two lines: access key, secret. */
static int read_keys(const char *path, struct keys *keys)
{
	FILE *file = fopen(path, "re");
	int ret = -1;

	if (!file)
		return -1;
	if (fgets(keys->access, KEY_MAX, file) && fgets(keys->secret, KEY_MAX, file)) {
		keys->access[strcspn(keys->access, "\n")] = '\0';
		keys->secret[strcspn(keys->secret, "\n")] = '\0';
		ret = 0;
	}
	(void)fclose(file); /* only read from */
	return ret;
}

static struct curl_slist *headers_for(const char *body, const struct keys *keys)
{
	char date[SIGV4_DATE_MAX], authorization[SIGV4_AUTH_MAX];
	char line[SIGV4_AUTH_MAX + 32];
	struct sigv4_header signed_headers[] = {
		{"host", HOST}, {"content-type", TYPE}, {"x-amz-date", date}};
	const struct sigv4_request request = {.method = "POST",
					      .path = "/",
					      .query = "",
					      .headers = signed_headers,
					      .header_count = 3,
					      .body = body,
					      .body_length = strlen(body),
					      .region = "us-east-1",
					      .service = "ec2"};
	const struct sigv4_secret secret = {keys->access, keys->secret};
	struct curl_slist *list = NULL;

	if (sigv4_date(time(NULL), date) < 0 || sigv4_sign(&request, &secret, authorization) < 0)
		return NULL;
	list = curl_slist_append(list, "Content-Type: " TYPE);
	(void)snprintf(line, sizeof(line), "X-Amz-Date: %s", date);
	list = curl_slist_append(list, line);
	(void)snprintf(line, sizeof(line), "Authorization: %s", authorization);
	return curl_slist_append(list, line);
}

/* One call; false when it was not accepted. */
static bool call(CURL *curl, const char *body, const struct keys *keys, bool tell)
{
	struct curl_slist *headers = headers_for(body, keys);
	int64_t sent, done;
	CURLcode code;
	long status = 0;

	if (!headers)
		return false;
	(void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	sent = now_ns();
	code = curl_easy_perform(curl);
	done = now_ns();
	curl_slist_free_all(headers);
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK || status != 200) {
		fprintf(stderr, "floor-route: ReplaceRoute: %s, status %ld\n",
			curl_easy_strerror(code), status);
		return false;
	}
	if (tell)
		printf("%lld %lld\n", (long long)sent, (long long)done);
	return true;
}

static int run(char **words)
{
	unsigned int count = (unsigned int)strtoul(words[4], NULL, 10);
	unsigned int pause_us = (unsigned int)strtoul(words[5], NULL, 10) * 1000;
	struct keys keys;
	char body[512];
	CURL *curl;
	bool good;

	if (read_keys(words[0], &keys) < 0) {
		fprintf(stderr, "floor-route: cannot read keys from %s\n", words[0]);
		return 1;
	}
	(void)snprintf(
		body, sizeof(body),
		"Action=ReplaceRoute&Version=2016-11-15&RouteTableId=%s&DestinationCidrBlock=%s"
		"&NetworkInterfaceId=%s",
		words[1], words[2], words[3]);
	curl = curl_easy_init();
	if (!curl)
		return 1;
	(void)curl_easy_setopt(curl, CURLOPT_URL, "https://" HOST "/");
	(void)curl_easy_setopt(curl, CURLOPT_CAINFO, NULL);
	(void)curl_easy_setopt(curl, CURLOPT_CAPATH, CA_PATH);
	(void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 5000L);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
	good = call(curl, body, &keys, false); /* opens the connection */
	for (unsigned int i = 0; good && i < count; i++) {
		(void)usleep(pause_us);
		good = call(curl, body, &keys, true);
	}
	curl_easy_cleanup(curl);
	explicit_bzero(&keys, sizeof(keys));
	return good ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc != 7) {
		fprintf(stderr, "floor-route: KEYS TABLE DESTINATION ENI COUNT PAUSE_MS\n");
		return 2;
	}
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	return run(argv + 1);
}
