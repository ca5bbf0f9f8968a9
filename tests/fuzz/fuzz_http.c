/* SPDX-License-Identifier: MIT */
/*
 * What libcurl hands us of an answer: header lines and pieces of a body, of any length and in any
 * order. Oracle: of the body never more than its cap is kept, and what is kept is what came; of the
 * headers only values that end, within their bounds.
 *
 * Input: pieces, each of a kind (even: body, odd: header), a length and so many bytes; the first
 * two bytes are the cap.
 *
 * fuzz: agent/base/buf.c agent/base/ip.c -lcurl -lev
 * covers: aws/http_events.c on_curl_body on_curl_header header_is read_wait
 */
#include <stdlib.h>
#include <string.h>

#include "aws/http_events.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifdef FUZZ_ALONE
void http_drain(struct http *http)
{
	(void)http;
}
#endif

static void check_headers(const struct http_reply *reply)
{
	if (strnlen(reply->error_type, sizeof(reply->error_type)) == sizeof(reply->error_type))
		abort();
	if (reply->retry_after < 0 || reply->retry_after > (mono_us)RETRY_AFTER_MAX_MS * MSEC)
		abort();
	if (reply->date < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http_call call;
	char whole[8192];
	size_t came = 0, cap;
	bool refused = false;

	if (size < 2 || size > sizeof(whole))
		return 0;
	memset(&call, 0, sizeof(call));
	cap = (size_t)data[0] << 4 | (data[1] & 15);
	buf_init(&call.reply.body, cap);
	for (data += 2, size -= 2; size >= 2;) {
		bool body = !(data[0] & 1);
		size_t length = data[1] < size - 2 ? data[1] : size - 2;
		char *piece =
			malloc(length + 1); /* of its exact size: libcurl ends nothing with a NUL */
		size_t taken;

		if (!piece)
			abort();
		memcpy(piece, data + 2, length);
		taken = body ? on_curl_body(piece, 1, length, &call)
			     : on_curl_header(piece, 1, length, &call);
		if (body && taken == length && !refused) {
			memcpy(whole + came, piece, length);
			came += length;
		}
		refused |= body && taken != length;
		if (!body && taken != length)
			abort();
		free(piece);
		data += 2 + length;
		size -= 2 + length;
		if (refused) /* libcurl ends the transfer */
			break;
	}
	if (call.reply.body.length > cap || call.reply.body.length != came ||
	    (came && memcmp(call.reply.body.data, whole, came) != 0))
		abort();
	if (refused != call.reply.body.overflow)
		abort();
	check_headers(&call.reply);
	buf_free(&call.reply.body);
	return 0;
}
