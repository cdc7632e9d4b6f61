/* What an emulated board gives a program, see scene_board.h. */
#include "scene_board.h"

#include <stddef.h>
#include <string.h>

/* Semihosting's calls (Arm, Semihosting for AArch32 and AArch64, 2.0) */
#define SYS_OPEN 0x01u
#define SYS_WRITE 0x05u
#define SYS_READ 0x06u
#define SYS_EXIT_EXTENDED 0x20u
#define APPLICATION_EXIT 0x20026u
#define READING 1u /* modes of SYS_OPEN */
#define WRITING 4u

/* SysTick (Armv7-M Architecture Reference Manual, B3.3) */
#define SYST_CSR (*(volatile uint32_t *)0xE000E010u)
#define SYST_RVR (*(volatile uint32_t *)0xE000E014u)
#define SYST_CVR (*(volatile uint32_t *)0xE000E018u)
#define SYST_RUN 7u /* enabled, with its interrupt, on the processor's clock */
#define ROUND 0x1000000u

#define PAINT 0xA5A5A5A5u
#define SPARED 8u /* words of the painting function's own, which the compiler may push after it read the pointer */

extern uint32_t scene_stack_limit[]; /* from the linker script */

static volatile uint32_t rounds; /* of SysTick; the board is one, so this need not be in a struct */

void scene_board_tick(void);

/* The interrupt of SysTick, each ROUND ticks. */
void scene_board_tick(void) { rounds++; }

static uint32_t call(uint32_t number, const void *argument) {
    register uint32_t r0 __asm__("r0") = number;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

/* Opens the console: its handle and 1. */
static uint32_t console(uint32_t mode) {
    const uint32_t block[3] = {(uint32_t)(uintptr_t) ":tt", mode, 3u};
    return call(SYS_OPEN, block) + 1u;
}

void scene_board_print(const char *text) {
    static uint32_t output;
    if (!output)
        output = console(WRITING);
    const uint32_t block[3] = {output - 1u, (uint32_t)(uintptr_t)text, (uint32_t)strlen(text)};
    (void)call(SYS_WRITE, block);
}

void scene_board_print_number(int64_t value) {
    char digits[24];
    size_t at = sizeof digits - 1;
    uint64_t rest = value < 0 ? 0u - (uint64_t)value : (uint64_t)value;
    digits[at] = 0;
    do {
        digits[--at] = (char)('0' + (int)(rest % 10u));
        rest /= 10u;
    } while (rest);
    if (value < 0)
        digits[--at] = '-';
    scene_board_print(digits + at);
}

uint32_t scene_board_read(void *into, uint32_t bytes) {
    static uint32_t input;
    if (!input)
        input = console(READING);
    const uint32_t block[3] = {input - 1u, (uint32_t)(uintptr_t)into, bytes};
    return bytes - call(SYS_READ, block); /* it answers how many are missing */
}

void scene_board_exit(int32_t status) {
    const uint32_t block[2] = {APPLICATION_EXIT, (uint32_t)status};
    (void)call(SYS_EXIT_EXTENDED, block);
    for (;;)
        ;
}

void scene_board_stop_clock(void) { SYST_CSR = 0; }

void scene_board_start_clock(void) {
    SYST_CSR = 0;
    SYST_RVR = ROUND - 1u;
    SYST_CVR = 0;
    rounds = 0;
    SYST_CSR = SYST_RUN;
    while (SYST_CVR == 0)
        ; /* the first tick loads the counter */
}

uint64_t scene_board_ticks(void) {
    uint32_t before, left;
    do {
        before = rounds;
        left = SYST_CVR;
    } while (before != rounds);
    return (uint64_t)before * ROUND + (ROUND - 1u - left);
}

__attribute__((noinline)) void scene_board_run_million(void) {
    uint32_t loops = 500000u;
    __asm__ volatile(".syntax unified\n1: subs %0, #1\n bne 1b" : "+l"(loops) : : "cc");
}

__attribute__((noinline)) void scene_board_paint_stack(void) {
    volatile uint32_t *end = (uint32_t *)scene_board_stack_pointer() - SPARED;
    for (volatile uint32_t *at = scene_stack_limit; at < end; at++)
        *at = PAINT;
}

uint32_t scene_board_stack_below(uint32_t address) {
    const volatile uint32_t *at = scene_stack_limit;
    while (*at == PAINT)
        at++;
    return address - (uint32_t)(uintptr_t)at;
}
