/* The HTTP side, on libmicrohttpd: routes, bodies, headers, what takes its time, cut connections. */
#ifndef TESTS_EMULATOR_HTTP_FRONT_H
#define TESTS_EMULATOR_HTTP_FRONT_H

#include "sdk_harness/base/status.h"
#include "tests/emulator/emulator_state.h"

#include <stdint.h>

enum {
    EMU_MAX_CONNECTIONS = 2560,    /* more wait in the listen queue */
    EMU_CONNECTION_TIMEOUT_S = 60, /* idle connections are closed, as common load balancers do */
    EMU_MAX_THREADS = 64,
    EMU_DRAIN_FACTOR = 16 /* a body of more than so many times its limit is not read to its end */
};

typedef struct {
    uint16_t port;        /* 0: any free one */
    const char *tls_cert; /* PEM text; NULL for plain HTTP */
    const char *tls_key;  /* PEM text */
    uint32_t num_threads; /* 1..EMU_MAX_THREADS */
} emu_front_options;

typedef struct emu_front emu_front;

/* emu_front_start listens on 127.0.0.1. `state` is borrowed until emu_front_stop. */
beamc_status emu_front_start(emu_state *state, const emu_front_options *options, emu_front **out, beamc_error *err);

/* emu_front_port: where it listens. */
uint16_t emu_front_port(const emu_front *front);

/* emu_front_stop closes every connection, answers what is delayed, and frees. */
void emu_front_stop(emu_front *front);

#endif
