/* SPDX-License-Identifier: MIT */
/*
 * One fail-over as a picture, made from the events of one or two nodes
 * ("zonevipctl events --json").
 */
#ifndef AGENT_CTL_SVG_H
#define AGENT_CTL_SVG_H

#include <jansson.h>
#include <stdio.h>

#include "agent/base/err.h"

/*
 * The @number-th newest change (1 = the last) of @own, and what @other (NULL =
 * not known) has of the same time. 0, or -1 with @err: there is none.
 */
int svg_print(FILE *out, const json_t *own, const json_t *other, unsigned int number,
	      struct err *err);

#endif
