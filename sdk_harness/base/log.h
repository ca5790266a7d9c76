/* The log call that everyone uses.
 *
 * A call never blocks for long and never fails its caller. Lines go to stderr until a sink is set, and again
 * after it is removed. Never log a record's contents or a secret. Any thread. */
#ifndef SDK_HARNESS_BASE_LOG_H
#define SDK_HARNESS_BASE_LOG_H

#include <stdbool.h>

/* Numbers of LogEntry.Severity in beam_fn_api.proto. */
typedef enum { BEAMC_LOG_DEBUG = 2, BEAMC_LOG_INFO = 3, BEAMC_LOG_WARN = 5, BEAMC_LOG_ERROR = 6 } beamc_log_level;

typedef struct {
    beamc_log_level level;
    const char *location;       /* "file.c:12" */
    const char *instruction_id; /* of the bundle the thread works on; may be NULL */
    const char *transform_id;   /* may be NULL */
    const char *text;
} beamc_log_line;

/* Receives lines, borrowed for the call. False: the sink cannot take it, write it to stderr instead. */
typedef bool (*beamc_log_sink)(void *context, const beamc_log_line *line);

/* beamc_log_set_sink: NULL goes back to stderr. */
void beamc_log_set_sink(beamc_log_sink sink, void *context);

/* beamc_log_set_level: lines below `level` are not formatted. Default BEAMC_LOG_INFO. */
void beamc_log_set_level(beamc_log_level level);

/* beamc_log_set_context names the bundle and transform this thread works on; NULL clears. Borrowed. */
void beamc_log_set_context(const char *instruction_id, const char *transform_id);

bool beamc_log_enabled(beamc_log_level level);
void beamc_log_write(beamc_log_level level, const char *location, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define BEAMC_LOG_TEXT2(x) #x
#define BEAMC_LOG_TEXT(x)  BEAMC_LOG_TEXT2(x)
#define BEAMC_LOG(level, ...)                                                                                          \
    do {                                                                                                               \
        if (beamc_log_enabled(level))                                                                                  \
            beamc_log_write(level, __FILE__ ":" BEAMC_LOG_TEXT(__LINE__), __VA_ARGS__);                                \
    } while (0)
#define log_debug(...) BEAMC_LOG(BEAMC_LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  BEAMC_LOG(BEAMC_LOG_INFO, __VA_ARGS__)
#define log_warn(...)  BEAMC_LOG(BEAMC_LOG_WARN, __VA_ARGS__)
#define log_error(...) BEAMC_LOG(BEAMC_LOG_ERROR, __VA_ARGS__)

#endif
