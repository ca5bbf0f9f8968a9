/* SPDX-License-Identifier: MIT */
/* The list of planted bugs, for a simulator built with them (-DCORE_PLANTED). */
#ifndef TESTS_SIM_PLANTED_H
#define TESTS_SIM_PLANTED_H

#include "tests/sim/sim.h"

/*
 * Runs seeds against each bug for at most @seconds of processor time, prints
 * the table and writes its rows to @report (NULL = none). Returns how many
 * were not found.
 */
unsigned int planted_run(const struct sim_options *options, double seconds, FILE *report);

#endif
