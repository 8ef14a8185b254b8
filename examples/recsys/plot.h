/* plot.h - the course of a training as a picture, drawn by gnuplot.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_PROGRAM_PLOT_H
#define RECSYS_PROGRAM_PLOT_H

#include "curve.h"

/* 1 if a picture can have this name: .svg, .png, .pdf. */
int plot_knows(const char *path);

/* Draws the curve. `what` is the name of the validated figure, `best_step` where it was best (-1: nowhere). Where gnuplot is
 * missing or fails, a warning on standard error says so, and that is no failure. */
recsys_status plot_draw(program *p, const curve *c, const char *what, int64_t best_step, const char *path);

#endif
