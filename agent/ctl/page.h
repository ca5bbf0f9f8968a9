/* SPDX-License-Identifier: MIT */
/*
 * The status page for people, made from the status JSON
 * (doc/status.schema.json).
 */
#ifndef AGENT_CTL_PAGE_H
#define AGENT_CTL_PAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "agent/base/err.h"

#define PAGE_VERSION 1 /* of the JSON that we can read */

/* 0, or -1 with @err if @status is of another version. */
int page_print(FILE *out, const json_t *status, bool colour, struct err *err);

#endif
