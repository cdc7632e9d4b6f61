/* Counts the ticks of each operator of a net: included by the compiler's -include before scene_net.c, which calls these macros. */
#ifndef SCENE_PROFILE_H
#define SCENE_PROFILE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SCENE_PROFILE_OPERATORS 256

/* Begins to count for an operator (its number), ends it. */
void scene_profile_begin(uint32_t operator_number);
void scene_profile_end(void);

/* Sets all counts to zero and measures what a call costs, with the clock running. */
void scene_profile_start(void);

/* Writes a line for each operator that ran: "operator NUMBER TICKS". */
void scene_profile_print(void);

/* Ticks that the calls took so far. */
uint64_t scene_profile_overhead(void);

#define SCENE_PROFILE_BEGIN(op) scene_profile_begin((uint32_t)(op))
#define SCENE_PROFILE_END(op) scene_profile_end()

#ifdef __cplusplus
}
#endif
#endif
