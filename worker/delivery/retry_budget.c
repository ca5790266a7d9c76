#include "worker/delivery/retry_budget.h"

static uint32_t cost_of(bool after_timeout) {
    return after_timeout ? TECTON_BUDGET_TIMEOUT_COST : TECTON_BUDGET_RETRY_COST;
}

static void refund(tecton_retry_budget *budget, uint32_t num_tokens) {
    uint32_t room = TECTON_BUDGET_TOKENS - budget->num_tokens;
    budget->num_tokens += num_tokens < room ? num_tokens : room;
}

void tecton_retry_budget_init(tecton_retry_budget *budget) {
    *budget = (tecton_retry_budget){.num_tokens = TECTON_BUDGET_TOKENS};
}

uint64_t tecton_retry_budget_due_ms(const tecton_retry_budget *budget, bool after_timeout, uint64_t now_ms) {
    if (budget->num_tokens >= cost_of(after_timeout) || budget->next_free_ms <= now_ms)
        return 0;
    uint64_t look_ms = now_ms + TECTON_BUDGET_LOOK_MS;
    return budget->next_free_ms < look_ms ? budget->next_free_ms : look_ms;
}

uint32_t tecton_retry_budget_take(tecton_retry_budget *budget, bool after_timeout, uint64_t now_ms) {
    uint32_t cost = cost_of(after_timeout);
    if (budget->num_tokens >= cost)
        budget->num_tokens -= cost;
    /* Paid or not: the second begins with the last retry that went out. */
    budget->next_free_ms = now_ms + TECTON_BUDGET_FREE_EVERY_MS;
    return cost;
}

void tecton_retry_budget_succeeded(tecton_retry_budget *budget, uint32_t cost) {
    refund(budget, cost + 1);
}

void tecton_retry_budget_cancelled(tecton_retry_budget *budget, uint32_t cost) {
    refund(budget, cost);
}

void tecton_retry_budget_restart(tecton_retry_budget *budget) {
    if (budget->num_tokens < TECTON_BUDGET_TOKENS / 2)
        budget->num_tokens = TECTON_BUDGET_TOKENS / 2;
}
