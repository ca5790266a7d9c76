/* What each kind of instruction does: one function a kind, found in a table.
 *
 * Runs as an event of the control stream, so nothing here blocks: a bundle is queued, everything else is answered at
 * once. Every instruction gets exactly one response; runners hang on none and break on two. */
#ifndef SDK_HARNESS_CONTROL_INSTRUCTION_DISPATCH_H
#define SDK_HARNESS_CONTROL_INSTRUCTION_DISPATCH_H

#include "protos/fn_api.pb-c.h"
#include "sdk_harness/bundle/bundle_processor.h"
#include "sdk_harness/control/instruction_table.h"

/* Sends one response; any thread. */
typedef void (*beamc_respond)(void *context, const Beam__InstructionResponse *response);

typedef struct {
    const beamc_bundle_services *services;
    beamc_instruction_table *table;
    beamc_respond respond;
    void *respond_context;
} beamc_dispatcher;

/* beamc_dispatch carries out one instruction. `request` is borrowed. */
void beamc_dispatch(beamc_dispatcher *dispatcher, const Beam__InstructionRequest *request);

#endif
