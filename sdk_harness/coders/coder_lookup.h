/* How coders find one another: by id, in the map of a bundle descriptor or of a request. */
#ifndef SDK_HARNESS_CODERS_CODER_LOOKUP_H
#define SDK_HARNESS_CODERS_CODER_LOOKUP_H

struct Beam__Coder;

/* Looks a coder up by id; NULL when there is none. */
typedef const struct Beam__Coder *(*beamc_coder_lookup)(void *context, const char *coder_id);

#endif
