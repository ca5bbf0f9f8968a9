/* SPDX-License-Identifier: MIT */
/*
 * JSON from outside, read by jansson with the safety it leaves to us: bounded
 * nesting (jansson recurses), no repeated keys, nothing after the value. Pure.
 */
#ifndef AWS_JSON_H
#define AWS_JSON_H

#include <stddef.h>

#include <jansson.h>

#include "agent/base/err.h"

#define JSON_DEPTH_MAX 16

/* The object, to be released by json_decref(), or NULL with @err filled. */
json_t *json_read(const char *text, size_t length, struct err *err);

/* The same for an answer that may be a list. */
json_t *json_read_any(const char *text, size_t length, struct err *err);

/* A string member of @object (may be NULL); NULL unless it is one. Borrowed. */
const char *json_text(const json_t *object, const char *key);

#endif
