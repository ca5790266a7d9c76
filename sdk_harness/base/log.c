#include "sdk_harness/base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

enum { LINE_BYTES = 4096 }; /* a longer line is cut */

static pthread_mutex_t sink_lock = PTHREAD_MUTEX_INITIALIZER;
static beamc_log_sink current_sink;
static void *current_context;
static atomic_int lowest_level = BEAMC_LOG_INFO;
static _Thread_local const char *thread_instruction_id;
static _Thread_local const char *thread_transform_id;

void beamc_log_set_sink(beamc_log_sink sink, void *context) {
    pthread_mutex_lock(&sink_lock);
    current_sink = sink;
    current_context = context;
    pthread_mutex_unlock(&sink_lock);
}

void beamc_log_set_level(beamc_log_level level) {
    atomic_store_explicit(&lowest_level, (int)level, memory_order_relaxed);
}

void beamc_log_set_context(const char *instruction_id, const char *transform_id) {
    thread_instruction_id = instruction_id;
    thread_transform_id = transform_id;
}

bool beamc_log_enabled(beamc_log_level level) {
    return (int)level >= atomic_load_explicit(&lowest_level, memory_order_relaxed);
}

static const char *level_name(beamc_log_level level) {
    switch (level) {
    case BEAMC_LOG_DEBUG:
        return "DEBUG";
    case BEAMC_LOG_INFO:
        return "INFO";
    case BEAMC_LOG_WARN:
        return "WARN";
    case BEAMC_LOG_ERROR:
        return "ERROR";
    }
    return "LOG";
}

void beamc_log_write(beamc_log_level level, const char *location, const char *format, ...) {
    char text[LINE_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    beamc_log_line line = {.level = level,
                           .location = location,
                           .instruction_id = thread_instruction_id,
                           .transform_id = thread_transform_id,
                           .text = text};
    pthread_mutex_lock(&sink_lock);
    bool taken = current_sink != NULL && current_sink(current_context, &line);
    pthread_mutex_unlock(&sink_lock);
    if (!taken)
        fprintf(stderr, "%s %s: %s\n", level_name(level), location, text);
}
