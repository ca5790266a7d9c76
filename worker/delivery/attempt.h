/* What one try of a transfer came to, and how to say it to a user. Engine thread. */
#ifndef WORKER_DELIVERY_ATTEMPT_H
#define WORKER_DELIVERY_ATTEMPT_H

#include "worker/delivery/retry_policy.h"
#include "worker/delivery/transfer.h"

/* tecton_attempt_judge looks at the exchange that has just ended; overwrites `judgement`. */
void tecton_attempt_judge(const tecton_transfer *transfer, tecton_store_judgement *judgement);

/* tecton_attempt_say returns `text` with how often and how long it was tried; new, release with free. */
char *tecton_attempt_say(const tecton_transfer *transfer, const tecton_retry_limits *limits, const char *text,
                         bool gave_up, uint64_t now_ms);

#endif
