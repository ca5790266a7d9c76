/* What a request costs in worker/http/http_client alone: no bundles, no queue, no retries.
 *
 *     http_engine_bench URL BODY_FILE CONNECTIONS REQUESTS [CA_FILE]
 *
 * Keeps CONNECTIONS requests under way until REQUESTS were answered with 200, after a tenth as many that do not count,
 * and prints one line: CPU microseconds a request (this process, user and system), requests a second. Exit code 1, with
 * a line on stderr, when a request fails. */
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"
#include "tests/bench/cpu_clock.h"
#include "worker/http/http_client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BODY_BYTES = 1024 * 1024, MAX_CONNECTIONS = 2000, TIMEOUT_MS = 30 * 1000 };

typedef struct {
    tecton_http_exchange exchange; /* first: what is done is this slot */
    struct load *load;
} load_slot;

typedef struct load {
    tecton_http_client *client;
    uint64_t num_to_start;
    uint64_t num_done;
    bool failed;
} load;

static void start(load_slot *slot) {
    beamc_error err;
    load *all = slot->load;
    if (all->num_to_start == 0 || all->failed)
        return;
    all->num_to_start--;
    if (tecton_http_client_submit(all->client, &slot->exchange, &err) != BEAMC_OK) {
        fprintf(stderr, "http_engine_bench: %s\n", err.text);
        all->failed = true;
    }
}

static void finished(tecton_http_exchange *exchange) {
    load_slot *slot = (load_slot *)exchange;
    slot->load->num_done++;
    if (exchange->result != TECTON_HTTP_ANSWERED || exchange->status != 200) {
        if (!slot->load->failed)
            fprintf(stderr, "http_engine_bench: status %d %s\n", exchange->status, exchange->problem);
        slot->load->failed = true;
    }
    start(slot);
}

static bool run(load *all, load_slot *slots, size_t num_slots, uint64_t num_requests) {
    all->num_to_start = num_requests;
    all->num_done = 0;
    for (size_t i = 0; i < num_slots; i++)
        start(&slots[i]);
    while (all->num_done < num_requests && !all->failed)
        tecton_http_client_poll(all->client, TIMEOUT_MS);
    return !all->failed;
}

static size_t read_body(const char *path, uint8_t *body) {
    FILE *file = fopen(path, "rb");
    size_t len = file == NULL ? 0 : fread(body, 1, MAX_BODY_BYTES, file);
    if (file != NULL)
        fclose(file);
    return len;
}

static int measure(tecton_http_target *target, const uint8_t *body, size_t body_len, size_t num_slots,
                   uint64_t num_requests) {
    beamc_error err;
    load all = {0};
    if (tecton_http_client_new(&all.client, &err) != BEAMC_OK) {
        fprintf(stderr, "http_engine_bench: %s\n", err.text);
        return 1;
    }
    load_slot *slots = beamc_alloc_zero(num_slots, sizeof *slots);
    for (size_t i = 0; i < num_slots; i++) {
        slots[i].load = &all;
        slots[i].exchange.target = target;
        slots[i].exchange.body = body;
        slots[i].exchange.body_len = body_len;
        slots[i].exchange.done = finished;
    }
    bool good = run(&all, slots, num_slots, num_requests / 10 + num_slots);
    uint64_t cpu_before = cpu_clock_ns();
    uint64_t before_us = beamc_clock_us();
    good = good && run(&all, slots, num_slots, num_requests);
    double cpu_us = (double)(cpu_clock_ns() - cpu_before) / 1e3;
    double seconds = (double)(beamc_clock_us() - before_us) / 1e6;
    if (good)
        printf("%.3f %.1f\n", cpu_us / (double)num_requests, (double)num_requests / seconds);
    tecton_http_client_free(all.client);
    free(slots);
    return good ? 0 : 1;
}

int main(int argc, char **argv) {
    static uint8_t body[MAX_BODY_BYTES];
    unsigned long num_slots = argc >= 5 ? strtoul(argv[3], NULL, 10) : 0;
    uint64_t num_requests = argc >= 5 ? strtoull(argv[4], NULL, 10) : 0;
    size_t body_len = argc >= 5 ? read_body(argv[2], body) : 0;
    if (num_slots < 1 || num_slots > MAX_CONNECTIONS || num_requests < 1 || body_len == 0) {
        fprintf(stderr, "usage: http_engine_bench URL BODY_FILE CONNECTIONS REQUESTS [CA_FILE]\n");
        return 2;
    }
    /* The sink's own headers. */
    static const char *const headers[] = {"Authorization: Tecton-key a-key-of-the-usual-length-of-32-ch",
                                          "Content-Type: application/json", "User-Agent: beam-tecton", "Accept:"};
    tecton_http_target_options options = {.method = TECTON_HTTP_POST,
                                          .url = argv[1],
                                          .headers = headers,
                                          .num_headers = sizeof headers / sizeof headers[0],
                                          .timeout_ms = TIMEOUT_MS,
                                          .ca_file = argc > 5 ? argv[5] : NULL,
                                          .proxy = "none"};
    tecton_http_target *target = NULL;
    beamc_error err;
    if (tecton_http_target_new(&options, &target, &err) != BEAMC_OK) {
        fprintf(stderr, "http_engine_bench: %s\n", err.text);
        return 1;
    }
    int result = measure(target, body, body_len, num_slots, num_requests);
    tecton_http_target_release(target);
    return result;
}
