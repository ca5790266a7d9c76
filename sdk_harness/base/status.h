/* Result codes and the text that goes with a failure.
 *
 * A function that can fail returns a beamc_status and takes a beamc_error last. The error belongs to the
 * caller, may be NULL, and is written only on failure. Any thread. */
#ifndef SDK_HARNESS_BASE_STATUS_H
#define SDK_HARNESS_BASE_STATUS_H

typedef enum {
    BEAMC_OK,
    BEAMC_AGAIN,      /* not yet: nothing was consumed, call again when woken */
    BEAMC_INVALID,    /* the input is wrong; the text says where */
    BEAMC_LIMIT,      /* a stated bound would be passed */
    BEAMC_NO_MEMORY,  /* an allocation sized by input failed */
    BEAMC_UNAVAILABLE /* the other side is gone or refuses */
} beamc_status;

/* 2 KiB: room for the words of a server beside our own. */
typedef struct {
    char text[2048];
} beamc_error;

/* beamc_fail writes the formatted text to `err` (cut at its size, always terminated) and returns `status`. */
beamc_status beamc_fail(beamc_error *err, beamc_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* beamc_fail_within puts "`where`: " in front of the text that `err` already holds, and returns `status`.
 * Used while unwinding, so that a message names the whole path to what went wrong. */
beamc_status beamc_fail_within(beamc_error *err, beamc_status status, const char *where);

/* beamc_status_name: "ok", "invalid", ... Never NULL. */
const char *beamc_status_name(beamc_status status);

#define BEAMC_TRY(call)                                                                                                \
    do {                                                                                                               \
        beamc_status beamc_try_status = (call);                                                                        \
        if (beamc_try_status != BEAMC_OK)                                                                              \
            return beamc_try_status;                                                                                   \
    } while (0)

#endif
