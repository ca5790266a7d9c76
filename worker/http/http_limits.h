/* What is read of an answer, at most. */
#ifndef WORKER_HTTP_HTTP_LIMITS_H
#define WORKER_HTTP_HTTP_LIMITS_H

enum {
    TECTON_HTTP_MAX_ANSWER_BYTES = 64 * 1024,    /* kept of an answer's body; the rest is dropped */
    TECTON_HTTP_MAX_DROPPED_BYTES = 1024 * 1024, /* past this much more the connection is cut */
    TECTON_HTTP_MAX_HEADER_BYTES = 64 * 1024     /* of all header lines of an answer; past it the connection is cut */
};

#endif
