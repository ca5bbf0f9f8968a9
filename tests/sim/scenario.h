/* SPDX-License-Identifier: MIT */
/* Stories in a text file: who is there, what goes wrong when, and what is expected. */
#ifndef TESTS_SIM_SCENARIO_H
#define TESTS_SIM_SCENARIO_H

#include "tests/sim/sim.h"

/* Runs each file, prints what does not hold; returns the exit status of a program. */
int scenario_run_all(const struct sim_options *options, char **files, int count);

#endif
