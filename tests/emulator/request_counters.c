#include "tests/emulator/request_counters.h"

#include "sdk_harness/base/alloc.h"
#include "tests/emulator/json_text.h"

#include <stdlib.h>

struct emu_counters {
    uint64_t requests;
    uint64_t records_received;
    uint64_t records_written;
    uint64_t records_rejected;
    uint64_t connections;
    uint64_t max_body_bytes;
    uint64_t responses[EMU_STATUS_MAX + 1];
    uint64_t batch_sizes[EMU_MAX_BATCH_SIZE + 1];
    emu_request_log *ring;
    uint64_t num_logged; /* ever; the newest is at (num_logged - 1) % EMU_REQUEST_RING */
};

emu_counters *emu_counters_new(void) {
    emu_counters *counters = beamc_alloc_zero(1, sizeof *counters);
    counters->ring = beamc_alloc_zero(EMU_REQUEST_RING, sizeof *counters->ring);
    return counters;
}

void emu_counters_free(emu_counters *counters) {
    free(counters->ring);
    free(counters);
}

void emu_counters_reset(emu_counters *counters) {
    emu_request_log *ring = counters->ring;
    *counters = (emu_counters){.ring = ring};
}

void emu_counters_add(emu_counters *counters, const emu_request_log *request) {
    counters->requests++;
    counters->responses[request->status >= 0 && request->status <= EMU_STATUS_MAX ? request->status : EMU_STATUS_MAX]++;
    if (request->body_bytes > counters->max_body_bytes)
        counters->max_body_bytes = request->body_bytes;
    if (request->processed && request->parsed) {
        counters->records_received += request->num_records;
        counters->records_written += request->num_written;
        counters->records_rejected += request->num_rejected;
        uint32_t size = request->num_records;
        counters->batch_sizes[size < EMU_MAX_BATCH_SIZE ? size : EMU_MAX_BATCH_SIZE]++;
    }
    counters->ring[counters->num_logged++ % EMU_REQUEST_RING] = *request;
}

void emu_counters_add_connection(emu_counters *counters) {
    counters->connections++;
}

static void write_member(beamc_byte_buffer *out, const char *name, uint64_t value) {
    emu_json_text_format(out, "\"%s\":%llu,", name, (unsigned long long)value);
}

static void write_histogram(beamc_byte_buffer *out, const char *name, const uint64_t *counts, int num_counts,
                            const char *name_of_zero) {
    emu_json_text_format(out, "\"%s\":{", name);
    bool first = true;
    for (int i = 0; i < num_counts; i++) {
        if (counts[i] == 0)
            continue;
        if (!first)
            beamc_byte_buffer_append_byte(out, ',');
        first = false;
        if (i == 0)
            emu_json_text_format(out, "\"%s\"", name_of_zero);
        else
            emu_json_text_format(out, "\"%d\"", i);
        emu_json_text_format(out, ":%llu", (unsigned long long)counts[i]);
    }
    beamc_byte_buffer_append_byte(out, '}');
}

void emu_counters_write(const emu_counters *counters, beamc_byte_buffer *out) {
    write_member(out, "requests", counters->requests);
    write_member(out, "records_received", counters->records_received);
    write_member(out, "records_written", counters->records_written);
    write_member(out, "records_rejected", counters->records_rejected);
    write_member(out, "connections", counters->connections);
    write_member(out, "max_body_bytes_seen", counters->max_body_bytes);
    write_histogram(out, "responses", counters->responses, EMU_STATUS_MAX + 1, "cut");
    beamc_byte_buffer_append_byte(out, ',');
    write_histogram(out, "batch_sizes", counters->batch_sizes, EMU_MAX_BATCH_SIZE + 1, "0");
}

void emu_counters_write_requests(const emu_counters *counters, uint32_t last, beamc_byte_buffer *out) {
    uint64_t kept = counters->num_logged < EMU_REQUEST_RING ? counters->num_logged : EMU_REQUEST_RING;
    uint64_t count = last < kept ? last : kept;
    beamc_byte_buffer_append_byte(out, '[');
    for (uint64_t i = counters->num_logged - count; i < counters->num_logged; i++) {
        const emu_request_log *request = &counters->ring[i % EMU_REQUEST_RING];
        if (i > counters->num_logged - count)
            beamc_byte_buffer_append_byte(out, ',');
        emu_json_text_format(out, "{\"at_ms\":%llu,\"records\":%u,\"bytes\":%llu,\"status\":%d,\"source\":",
                             (unsigned long long)request->at_ms, request->num_records,
                             (unsigned long long)request->body_bytes, request->status);
        emu_json_text_quoted(out, request->source_names);
        if (request->body_sha256[0] != '\0')
            emu_json_text_format(out, ",\"body_sha256\":\"%s\"", request->body_sha256);
        beamc_byte_buffer_append_byte(out, '}');
    }
    beamc_byte_buffer_append_byte(out, ']');
}
