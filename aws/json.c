/* SPDX-License-Identifier: MIT */
/*
 * The guard in front of jansson. May not interpret what it reads.
 */
#include "aws/json.h"

#include <stdbool.h>

/* Brackets outside strings. A document that lies about its strings is refused
 * by the parser proper; here only its depth matters. */
static bool too_deep(const char *text, size_t length)
{
	unsigned int depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < length; i++) {
		if (quoted) {
			if (text[i] == '\\')
				i++;
			else if (text[i] == '"')
				quoted = false;
			continue;
		}
		if (text[i] == '"')
			quoted = true;
		else if (text[i] == '{' || text[i] == '[')
			depth++;
		else if ((text[i] == '}' || text[i] == ']') && depth > 0)
			depth--;
		if (depth > JSON_DEPTH_MAX)
			return true;
	}
	return false;
}

json_t *json_read_any(const char *text, size_t length, struct err *err)
{
	json_error_t error;
	json_t *root;

	if (length == 0 || too_deep(text, length)) {
		(void)err_set(err, "the answer is not the JSON expected: %s",
			      length == 0 ? "empty" : "nested too deep");
		return NULL;
	}
	root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
	if (!root) {
		/* Not error.text: it quotes the document, which may hold a secret. */
		(void)err_set(err, "the answer is not the JSON expected, at byte %d",
			      error.position);
		return NULL;
	}
	return root;
}

json_t *json_read(const char *text, size_t length, struct err *err)
{
	json_t *root = json_read_any(text, length, err);

	if (root && !json_is_object(root)) {
		(void)err_set(err, "the answer is not a JSON object");
		json_decref(root);
		return NULL;
	}
	return root;
}

const char *json_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key)); /* NULL for NULL and non-strings */
}
