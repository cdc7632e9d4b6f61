/* A test of the exported model against what hwasc computed when it was exported. */
#ifndef SCENE_SELFTEST_H
#define SCENE_SELFTEST_H

#include "scene.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Check the net, the log-mel and the stream.
 *
 * state: memory for the test; a stream in it is lost.
 * print: writes a text; lines end with "\n".
 * Returns 0 when all is as expected, else 1. The last line is "pass", or the first difference.
 */
int scene_selftest(scene_state *state, void (*print)(const char *text));

#ifdef __cplusplus
}
#endif

#endif
