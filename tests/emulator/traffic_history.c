#include "tests/emulator/traffic_history.h"

#include "sdk_harness/base/alloc.h"
#include "tests/emulator/answer.h"
#include "tests/emulator/json_text.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    uint32_t num_arrivals;
    uint32_t num_written; /* records */
    uint32_t max_in_flight;
    uint32_t num_statuses;
    struct {
        int status;
        uint32_t count;
    } answers[EMU_HISTORY_MAX_STATUSES];
} history_step;

struct emu_history {
    history_step *steps; /* EMU_HISTORY_STEPS; step n is at n % EMU_HISTORY_STEPS */
    uint64_t first_step; /* by time since the clock's start; meaningless while num_steps is 0 */
    uint64_t num_steps;  /* from first_step to the latest one */
    uint32_t num_in_flight;
    uint32_t max_in_flight;
    uint64_t num_held;
    uint64_t held_us;
};

emu_history *emu_history_new(void) {
    emu_history *history = beamc_alloc_zero(1, sizeof *history);
    history->steps = beamc_alloc_zero(EMU_HISTORY_STEPS, sizeof *history->steps);
    return history;
}

void emu_history_free(emu_history *history) {
    free(history->steps);
    free(history);
}

void emu_history_reset(emu_history *history) {
    *history = (emu_history){
        .steps = history->steps, .num_in_flight = history->num_in_flight, .max_in_flight = history->num_in_flight};
}

static history_step *step_at(emu_history *history, uint64_t step) {
    return &history->steps[step % EMU_HISTORY_STEPS];
}

/* The step of `now_ms`. Quiet steps since the latest one get the requests that were in flight all the time. */
static history_step *step_of(emu_history *history, uint64_t now_ms) {
    uint64_t step = now_ms / EMU_HISTORY_STEP_MS;
    uint64_t end = history->first_step + history->num_steps;
    if (history->num_steps > 0 && step < end) /* the latest one; threads read the clock before they hold the lock */
        return step_at(history, end - 1);
    if (history->num_steps == 0 || step - end >= EMU_HISTORY_STEPS) {
        history->first_step = step;
        history->num_steps = 0;
    }
    while (history->first_step + history->num_steps <= step) {
        *step_at(history, history->first_step + history->num_steps) =
            (history_step){.max_in_flight = history->num_in_flight};
        history->num_steps++;
    }
    return step_at(history, step);
}

void emu_history_arrive(emu_history *history, uint64_t now_ms) {
    history_step *step = step_of(history, now_ms);
    step->num_arrivals++;
    history->num_in_flight++;
    if (history->num_in_flight > step->max_in_flight)
        step->max_in_flight = history->num_in_flight;
    if (history->num_in_flight > history->max_in_flight)
        history->max_in_flight = history->num_in_flight;
}

void emu_history_answer(emu_history *history, uint64_t now_ms, int status, uint32_t num_written, uint64_t held_us) {
    history_step *step = step_of(history, now_ms);
    history->num_in_flight--;
    step->num_written += num_written;
    if (held_us > 0) {
        history->num_held++;
        history->held_us += held_us;
    }
    uint32_t i = 0;
    while (i < step->num_statuses && step->answers[i].status != status)
        i++;
    if (i == EMU_HISTORY_MAX_STATUSES)
        return;
    if (i == step->num_statuses) {
        step->answers[i].status = status;
        step->num_statuses++;
    }
    step->answers[i].count++;
}

void emu_history_abandon(emu_history *history, uint64_t now_ms) {
    (void)step_of(history, now_ms);
    history->num_in_flight--;
}

void emu_history_write_totals(const emu_history *history, beamc_byte_buffer *out) {
    double mean_ms = history->num_held == 0 ? 0 : (double)history->held_us / (double)history->num_held / 1000.0;
    emu_json_text_format(out, ",\"in_flight\":%u,\"max_in_flight\":%u,\"mean_latency_ms\":%.3f", history->num_in_flight,
                         history->max_in_flight, mean_ms);
}

static void write_step(const history_step *step, uint64_t at_ms, beamc_byte_buffer *out) {
    emu_json_text_format(out,
                         "{\"at_ms\":%llu,\"arrivals\":%u,\"records_written\":%u,\"max_in_flight\":%u,\"answers\":{",
                         (unsigned long long)at_ms, step->num_arrivals, step->num_written, step->max_in_flight);
    for (uint32_t i = 0; i < step->num_statuses; i++) {
        const char *comma = i == 0 ? "" : ",";
        if (step->answers[i].status == EMU_STATUS_CUT)
            emu_json_text_format(out, "%s\"cut\":%u", comma, step->answers[i].count);
        else
            emu_json_text_format(out, "%s\"%d\":%u", comma, step->answers[i].status, step->answers[i].count);
    }
    beamc_byte_buffer_append_text(out, "}}");
}

void emu_history_write(emu_history *history, uint64_t now_ms, uint32_t last, beamc_byte_buffer *out) {
    if (history->num_steps > 0)
        (void)step_of(history, now_ms);
    uint64_t count = history->num_steps < EMU_HISTORY_STEPS ? history->num_steps : EMU_HISTORY_STEPS;
    count = last < count ? last : count;
    uint64_t end = history->first_step + history->num_steps;
    beamc_byte_buffer_append_byte(out, '[');
    for (uint64_t step = end - count; step < end; step++) {
        if (step > end - count)
            beamc_byte_buffer_append_byte(out, ',');
        write_step(step_at(history, step), step * EMU_HISTORY_STEP_MS, out);
    }
    beamc_byte_buffer_append_byte(out, ']');
}
