/* Columns of a stored row: a JSON array that the emulator wrote itself. Pure. */
#ifndef TESTS_EMULATOR_STORED_ROW_H
#define TESTS_EMULATOR_STORED_ROW_H

/* emu_stored_row_next: where the value that starts at `at` ends; what follows it is a comma or a bracket. The first
 * value starts behind the row's first byte, the next ones behind the comma. */
const char *emu_stored_row_next(const char *at, const char *end);

#endif
