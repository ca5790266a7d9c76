/* Holds back connections whose answer takes its time, on one thread, so that a delayed answer holds no HTTP thread. */
#ifndef TESTS_EMULATOR_ANSWER_DELAY_H
#define TESTS_EMULATOR_ANSWER_DELAY_H

#include <stdbool.h>
#include <stdint.h>

struct MHD_Connection;

typedef struct emu_delay emu_delay;

/* emu_delay_new starts the thread. `max_held` bounds the connections held at one time. */
emu_delay *emu_delay_new(uint32_t max_held);

/* emu_delay_hold suspends the connection until `due_us` (monotonic). Called from its handler, which then
 * returns and is called again. False: no more may be held, or the end has begun; answer at once. */
bool emu_delay_hold(emu_delay *delay, struct MHD_Connection *connection, uint64_t due_us);

/* emu_delay_stop resumes all that are held and ends the thread; the daemon must still run. */
void emu_delay_stop(emu_delay *delay);

/* emu_delay_free, after emu_delay_stop and once no handler runs any more. */
void emu_delay_free(emu_delay *delay);

#endif
