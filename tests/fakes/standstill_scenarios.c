/* A gibibyte for a step that stands still for ten seconds: memory, the other bundles, and how fast questions are
 * answered. */
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"
#include "tests/fakes/scenario.h"
#include "tests/fakes/wire_message.h"

#include <stdlib.h>

enum {
    KIB = 1024,
    MIB = 1024 * 1024,
    INPUT_CAP_MIB = 64,
    MESSAGE_MIB = 1,
    SLACK_MIB = 8, /* beside the cap and one message, over what the idle worker has */
    ROW_BYTES = 1000,
    ROWS_A_MESSAGE = 1000, /* so about 1 MiB a message */
    /* The whole is too slow under a sanitizer; what it would find shows in a part. */
    MESSAGES = SCENARIO_SANITIZED ? 192 : 1024,
    STANDSTILL_MS = SCENARIO_SANITIZED ? 2000 : 10 * 1000,
    MESSAGES_BELOW_CAP = 40,
    KEPT_UNSENT_BYTES = 4 * MIB, /* what waits with the runner; the rest is made when there is room for it */
    ASK_EVERY_MS = 50,
    QUICK_MS = 50,
    HELD_MS = 400
};

/* Answers to one kind of question. On a machine with more to do than this test a thread may not get its turn for some
 * time, so a few slow ones are let pass; a worker that stops answering makes all slow that follow. */
typedef struct {
    const char *kind;
    unsigned num_asked;
    unsigned num_slow;
    double slowest_ms;
} answers;

typedef struct {
    fake_runner *runner;
    answers progress;
    answers split;
    answers status;
    uint64_t next_ask_ms;
    size_t idle_kib;
    size_t most_kib;
    size_t num_sent; /* messages */
} flood;

static void count_answer(answers *a, double took_ms) {
    a->num_asked++;
    a->num_slow += took_ms > QUICK_MS ? 1 : 0;
    a->slowest_ms = took_ms > a->slowest_ms ? took_ms : a->slowest_ms;
}

static void check_answers(fake_runner *runner, const answers *a) {
    printf("%u answers to %s: the slowest %.1f ms, %u over %d ms\n", a->num_asked, a->kind, a->slowest_ms, a->num_slow,
           QUICK_MS);
    if (!SCENARIO_SANITIZED && a->num_slow * 50 > a->num_asked) /* two in a hundred */
        fake_runner_fail(runner, "%u of %u answers to %s took more than %d ms, the slowest %.1f", a->num_slow,
                         a->num_asked, a->kind, QUICK_MS, a->slowest_ms);
}

static void ask(flood *f) {
    char id[32];
    unsigned number = f->progress.num_asked;
    snprintf(id, sizeof id, "progress-%u", number);
    fake_progress(f->runner, id, "flooded");
    count_answer(&f->progress, fake_response_ms(f->runner, id));
    snprintf(id, sizeof id, "split-%u", number);
    fake_split(f->runner, id, "small");
    count_answer(&f->split, fake_response_ms(f->runner, id));
    snprintf(id, sizeof id, "status-%u", number);
    uint64_t before_us = beamc_clock_us();
    free(fake_ask_status(f->runner, id));
    count_answer(&f->status, (double)(beamc_clock_us() - before_us) / 1000);
    size_t kib = fake_worker_status_kib(f->runner, "VmRSS");
    f->most_kib = kib > f->most_kib ? kib : f->most_kib;
}

static void ask_in_time(flood *f) {
    uint64_t now_ms = beamc_clock_ms();
    if (now_ms < f->next_ask_ms)
        return;
    f->next_ask_ms = now_ms + ASK_EVERY_MS;
    ask(f);
}

/* Sends one more message if there are more and the runner has not too much waiting. */
static bool offer(flood *f, size_t num_messages) {
    if (f->num_sent >= num_messages || fake_unsent_data_bytes(f->runner) >= KEPT_UNSENT_BYTES)
        return false;
    beamc_byte_buffer message;
    wire_init(&message);
    fake_add_padded_rows(f->runner, &message, "flooded", (int64_t)f->num_sent * ROWS_A_MESSAGE, ROWS_A_MESSAGE,
                         ROW_BYTES);
    fake_send(f->runner, &message);
    f->num_sent++;
    return true;
}

static void offer_until(flood *f, size_t num_messages, uint64_t until_ms) {
    while (beamc_clock_ms() < until_ms && (f->num_sent < num_messages || until_ms != UINT64_MAX)) {
        ask_in_time(f);
        if (!offer(f, num_messages))
            fake_pause(2);
    }
}

/* Offers until the worker has taken nothing for a while. */
static void offer_until_held(flood *f) {
    size_t unsent = 0;
    for (uint64_t since_ms = beamc_clock_ms(); beamc_clock_ms() - since_ms < HELD_MS;) {
        offer_until(f, MESSAGES, beamc_clock_ms() + 20);
        size_t now = fake_unsent_data_bytes(f->runner);
        if (now != unsent || now < KEPT_UNSENT_BYTES)
            since_ms = beamc_clock_ms();
        unsent = now;
    }
}

static size_t check_other_bundles_go_on(fake_runner *runner, size_t num_run) {
    for (int i = 0; i < 10; i++) {
        char id[32];
        snprintf(id, sizeof id, "running-%zu", num_run++);
        fake_run_bundle(runner, id, "running", 1, 100);
        (void)fake_await_success(runner, id);
        fake_check_rows(runner, id, "sink", 1, 100, 1);
    }
    return num_run;
}

static void check_memory(const flood *f) {
    size_t peak_kib = fake_worker_status_kib(f->runner, "VmHWM");
    printf("RSS: idle %.1f MiB, at most %.1f MiB when asked, peak %.1f MiB\n", (double)f->idle_kib / KIB,
           (double)f->most_kib / KIB, (double)peak_kib / KIB);
    if (!SCENARIO_SANITIZED && peak_kib > f->idle_kib + (INPUT_CAP_MIB + MESSAGE_MIB + SLACK_MIB) * KIB)
        fake_runner_fail(f->runner, "the idle worker had %zu KiB, at its peak %zu", f->idle_kib, peak_kib);
}

static void a_gibibyte_for_a_step_that_stands_still_for_ten_seconds(fake_runner *runner) {
    char *script = beamc_format("gate=%s;at=1", fake_gate(runner));
    fake_offer_sink(runner, "stopped", script);
    fake_offer_step(runner, "running", "emit=output");
    free(script);
    fake_provision_with_status(runner);
    fake_start_worker(runner);
    size_t num_run = check_other_bundles_go_on(runner, 0);
    fake_run_bundle(runner, "small", "stopped", 1, 10);
    fake_process_bundle(runner, "flooded", "stopped");
    flood f = {.runner = runner,
               .progress.kind = "progress",
               .split.kind = "split",
               .status.kind = "status",
               .idle_kib = fake_worker_status_kib(runner, "VmRSS")};
    uint64_t end_ms = beamc_clock_ms() + STANDSTILL_MS;

    offer_until(&f, MESSAGES_BELOW_CAP, UINT64_MAX);
    num_run = check_other_bundles_go_on(runner, num_run);
    offer_until_held(&f);
    fake_check(runner, f.num_sent < INPUT_CAP_MIB + 32); /* the rest is held back */
    fake_run_bundle(runner, "behind", "running", 1, 100);
    offer_until(&f, MESSAGES, end_ms);
    fake_check(runner, !fake_has_response(runner, "flooded"));
    fake_check(runner, !fake_has_response(runner, "behind"));
    fake_check(runner, !fake_has_response(runner, "small"));

    fake_open_gate(runner);
    offer_until(&f, MESSAGES, UINT64_MAX);
    fake_send_end(runner, "flooded");
    const Beam__ProcessBundleResponse *flooded = fake_await_success(runner, "flooded");
    fake_check(runner, fake_counter(flooded, "rows", NULL) == (int64_t)MESSAGES * ROWS_A_MESSAGE);
    (void)fake_await_success(runner, "behind");
    fake_check_rows(runner, "behind", "sink", 1, 100, 1);
    int64_t num_small = fake_counter(fake_await_success(runner, "small"), "rows", NULL);
    fake_check(runner, num_small > 0 && num_small < 10); /* it was split, again and again */
    fake_check(runner, fake_unsent_data_bytes(runner) == 0);
    check_answers(runner, &f.progress);
    check_answers(runner, &f.split);
    check_answers(runner, &f.status);
    check_memory(&f);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        SCENARIO(a_gibibyte_for_a_step_that_stands_still_for_ten_seconds),
    };
    return SCENARIO_MAIN("standstill", argc, argv, tests);
}
