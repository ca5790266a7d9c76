#include "tests/fakes/wire_message.h"

#include <string.h>

enum { MAX_MESSAGE_BYTES = 1024 * 1024 * 1024, WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_LENGTH_DELIMITED = 2 };

void wire_init(beamc_byte_buffer *message) {
    beamc_byte_buffer_init(message, MAX_MESSAGE_BYTES);
}

void wire_varint(beamc_byte_buffer *message, uint64_t value) {
    do {
        uint8_t low = value & 0x7F;
        value >>= 7;
        (void)beamc_byte_buffer_append_byte(message, value != 0 ? low | 0x80 : low);
    } while (value != 0);
}

static void tag(beamc_byte_buffer *message, unsigned field, unsigned wire_type) {
    wire_varint(message, (uint64_t)field << 3 | wire_type);
}

void wire_number(beamc_byte_buffer *message, unsigned field, uint64_t value) {
    tag(message, field, WIRE_VARINT);
    wire_varint(message, value);
}

void wire_double(beamc_byte_buffer *message, unsigned field, double value) {
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    tag(message, field, WIRE_FIXED64);
    for (unsigned i = 0; i < 8; i++)
        (void)beamc_byte_buffer_append_byte(message, (uint8_t)(bits >> (8 * i)));
}

void wire_bytes(beamc_byte_buffer *message, unsigned field, const void *bytes, size_t len) {
    tag(message, field, WIRE_LENGTH_DELIMITED);
    wire_varint(message, len);
    (void)beamc_byte_buffer_append(message, bytes, len);
}

void wire_text(beamc_byte_buffer *message, unsigned field, const char *text) {
    wire_bytes(message, field, text, strlen(text));
}

void wire_part(beamc_byte_buffer *message, unsigned field, beamc_byte_buffer *part) {
    wire_bytes(message, field, part->data, part->len);
    beamc_byte_buffer_cleanup(part);
}

void wire_text_entry(beamc_byte_buffer *message, unsigned field, const char *key, const char *value) {
    beamc_byte_buffer entry;
    wire_init(&entry);
    wire_text(&entry, 1, key);
    wire_text(&entry, 2, value);
    wire_part(message, field, &entry);
}

void wire_part_entry(beamc_byte_buffer *message, unsigned field, const char *key, beamc_byte_buffer *value) {
    beamc_byte_buffer entry;
    wire_init(&entry);
    wire_text(&entry, 1, key);
    wire_part(&entry, 2, value);
    wire_part(message, field, &entry);
}
