/* Start-up code of an emulated board: stack, data, zeros, FPU and vector unit, then main. */
#include "scene_board.h"

extern int main(void);
extern uint32_t scene_stack_top[], scene_data_from[], scene_data_start[], scene_data_end[], scene_bss_start[], scene_bss_end[];

#define VTOR (*(volatile uint32_t *)0xE000ED08u)
#define CPACR (*(volatile uint32_t *)0xE000ED88u)
#define FPU_AND_HELIUM (0xFu << 20) /* full access to coprocessors 10 and 11 */

void scene_board_tick(void);
void Reset_Handler(void);
static void fault(void);

__attribute__((section(".vectors"), used)) static void (*const vectors[])(void) = {
    (void (*)(void))(uintptr_t)scene_stack_top,
    Reset_Handler,
    fault, /* NMI */
    fault, /* hard fault, and all others below */
    fault, fault, fault, fault, 0, 0, 0, fault, fault, 0, fault,
    scene_board_tick,
};

static void fault(void) {
    scene_board_print("fault: the program did what this core cannot do\n");
    scene_board_exit(70);
}

void Reset_Handler(void) {
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    CPACR |= FPU_AND_HELIUM;
    __asm__ volatile("dsb\n isb" ::: "memory");
#endif
    const uint32_t *from = scene_data_from;
    for (uint32_t *to = scene_data_start; to < scene_data_end;)
        *to++ = *from++;
    for (uint32_t *to = scene_bss_start; to < scene_bss_end;)
        *to++ = 0;
    scene_board_exit(main());
}
