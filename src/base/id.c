#include "base/id.h"

#include "base/err.h"
#include "base/map.h"

#define EPOCH_2020_MS 1577836800000
#define COUNTER_BITS 21 /* 42 bits of milliseconds above it: good until 2159 */
#define NUMBER_DIGITS 13
#define CHECK_SEED 0x736572656E6FU

int64_t id_next(struct id_maker *maker, int64_t now_ms) {
  int64_t since = now_ms > EPOCH_2020_MS ? now_ms - EPOCH_2020_MS : 0;
  int64_t number = since << COUNTER_BITS;
  if (number <= maker->last) number = maker->last + 1;
  ASSERT(number > 0);
  maker->last = number;
  return number;
}

int64_t id_made_ms(int64_t number) { return (number >> COUNTER_BITS) + EPOCH_2020_MS; }

static void put_base36(char *to, int digits, uint64_t value) {
  for (int i = digits - 1; i >= 0; i--, value /= 36)
    to[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[value % 36];
}

struct id_text id_to_text(int64_t number) {
  struct id_text id = {};
  id.text[0] = 'c';
  put_base36(id.text + 1, NUMBER_DIGITS, (uint64_t)number);
  put_base36(id.text + 1 + NUMBER_DIGITS, ID_TEXT_LEN - 1 - NUMBER_DIGITS,
             hash_int((uint64_t)number ^ CHECK_SEED));
  return id;
}

bool id_from_text(struct str text, int64_t *ret_number) {
  if (text.len != ID_TEXT_LEN || text.ptr[0] != 'c') return false;
  uint64_t value = 0;
  for (int i = 1; i <= NUMBER_DIGITS; i++) {
    char c = text.ptr[i];
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'z' ? c - 'a' + 10 : -1;
    if (digit < 0 || __builtin_mul_overflow(value, (uint64_t)36, &value) ||
        __builtin_add_overflow(value, (uint64_t)digit, &value))
      return false;
  }
  if (value == 0 || value > INT64_MAX) return false;
  struct id_text same = id_to_text((int64_t)value);
  if (!str_eq(text, str_of(same.text))) return false;
  *ret_number = (int64_t)value;
  return true;
}

bool id_is_acceptable(struct str text) {
  if (text.len < 1 || text.len > 64) return false;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.ptr[i];
    bool is_fine =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (!is_fine) return false;
  }
  return true;
}
