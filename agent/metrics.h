/* SPDX-License-Identifier: MIT */
/*
 * The status JSON (doc/status.schema.json) in the text form that Prometheus
 * and OpenMetrics collectors read. Pure: one document in, lines out.
 * Format: prometheus.io/docs/instrumenting/exposition_formats, version 0.0.4.
 */
#ifndef AGENT_METRICS_H
#define AGENT_METRICS_H

#include <jansson.h>

#include "agent/base/buf.h"

/* What is missing in @status is left out. 0, or -1 when @out is full. */
int metrics_print(const json_t *status, struct buf *out);

#endif
