/* An emulated Cortex-M board: text and files of the host through semihosting, a count of instructions, the depth of the stack.
 *
 * Boards of QEMU: microbit (M0, for M0+ code; its memories set larger), mps2-an385 (M3), mps2-an386 (M4), mps2-an500 (M7),
 * mps2-an505 (M33), mps3-an547 (M55). Only for emulators and debuggers: a chip without one stops at the first text.
 */
#ifndef SCENE_BOARD_H
#define SCENE_BOARD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Writes text to the emulator's standard output. */
void scene_board_print(const char *text);

/* Writes a number in decimal digits. */
void scene_board_print_number(int64_t value);

/* Reads from the emulator's standard input; returns the bytes that were read, 0 at its end. */
uint32_t scene_board_read(void *into, uint32_t bytes);

/* Ends the emulator with this exit status. */
void scene_board_exit(int32_t status);

/* Starts the clock that scene_board_ticks reads: the core's SysTick. */
void scene_board_start_clock(void);

/* Stops it, so that no interrupt uses the stack. */
void scene_board_stop_clock(void);

/* Ticks since the clock was started. With QEMU's -icount they stand in a fixed ratio to the instructions that ran. */
uint64_t scene_board_ticks(void);

/* Runs 1,000,000 instructions: the ticks that they take give the ratio. */
void scene_board_run_million(void);

/* Fills the free part of the stack with a mark. */
void scene_board_paint_stack(void);

/* The bytes of stack below the caller's frame that were used since it was painted. */
#define scene_board_stack_used() scene_board_stack_below((uint32_t)(uintptr_t)scene_board_stack_pointer())

/* The same, below an address. */
uint32_t scene_board_stack_below(uint32_t address);

/* The stack pointer of the caller. */
static inline void *scene_board_stack_pointer(void) {
    void *pointer;
    __asm__ volatile("mov %0, sp" : "=r"(pointer));
    return pointer;
}

#ifdef __cplusplus
}
#endif
#endif
