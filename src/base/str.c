#include "base/str.h"

#include <stdlib.h>

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

bool str_eq_nocase(struct str a, struct str b) {
  if (a.len != b.len) return false;
  for (size_t i = 0; i < a.len; i++)
    if (lower(a.ptr[i]) != lower(b.ptr[i])) return false;
  return true;
}

bool str_starts(struct str s, struct str prefix) {
  return s.len >= prefix.len && str_eq((struct str){s.ptr, prefix.len}, prefix);
}

bool str_ends(struct str s, struct str suffix) {
  return s.len >= suffix.len && str_eq(str_from(s, s.len - suffix.len), suffix);
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

struct str str_trim(struct str s) {
  while (s.len > 0 && is_blank(s.ptr[0])) s = str_from(s, 1);
  while (s.len > 0 && is_blank(s.ptr[s.len - 1])) s.len--;
  return s;
}

struct str str_from(struct str s, size_t start) {
  if (start > s.len) start = s.len;
  return (struct str){s.ptr ? s.ptr + start : NULL, s.len - start};
}

size_t str_find_char(struct str s, char c) {
  const char *at = s.len > 0 ? memchr(s.ptr, c, s.len) : NULL;
  return at ? (size_t)(at - s.ptr) : SIZE_MAX;
}

size_t str_find(struct str s, struct str needle) {
  if (needle.len == 0) return 0;
  const char *at = s.len > 0 ? memmem(s.ptr, s.len, needle.ptr, needle.len) : NULL;
  return at ? (size_t)(at - s.ptr) : SIZE_MAX;
}

bool str_split(struct str *rest, char separator, struct str *ret_piece) {
  if (!rest->ptr) return false;
  size_t at = str_find_char(*rest, separator);
  if (at == SIZE_MAX) {
    *ret_piece = *rest;
    *rest = STR_NONE;
  } else {
    *ret_piece = (struct str){rest->ptr, at};
    *rest = str_from(*rest, at + 1);
  }
  return true;
}

bool str_to_int(struct str s, int64_t min, int64_t max, int64_t *ret_value) {
  bool is_negative = s.len > 0 && s.ptr[0] == '-';
  if (is_negative) s = str_from(s, 1);
  if (s.len == 0 || s.len > 19) return false;
  int64_t value = 0;
  for (size_t i = 0; i < s.len; i++) {
    if (s.ptr[i] < '0' || s.ptr[i] > '9') return false;
    if (__builtin_mul_overflow(value, 10, &value) || __builtin_sub_overflow(value, s.ptr[i] - '0', &value))
      return false;
  }
  if (!is_negative && __builtin_sub_overflow((int64_t)0, value, &value)) return false;
  if (value < min || value > max) return false;
  *ret_value = value;
  return true;
}

/* Number of bytes of the well-formed sequence at p, 0 if there is none (Unicode 15, table 3-7). */
static size_t utf8_sequence(const unsigned char *p, size_t left) {
  if (p[0] < 0x80) return 1;
  if (p[0] < 0xC2 || p[0] > 0xF4) return 0;
  size_t length = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
  if (left < length) return 0;
  unsigned char low = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : 0x80;
  unsigned char high = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : 0xBF;
  if (p[1] < low || p[1] > high) return 0;
  for (size_t i = 2; i < length; i++)
    if ((p[i] & 0xC0) != 0x80) return 0;
  return length;
}

bool str_is_utf8(struct str s) {
  for (size_t i = 0; i < s.len;) {
    size_t n = utf8_sequence((const unsigned char *)s.ptr + i, s.len - i);
    if (n == 0) return false;
    i += n;
  }
  return true;
}

bool str_eq_secret(struct str a, struct str b) {
  if (a.len != b.len) return false;
  volatile unsigned char difference = 0;
  for (size_t i = 0; i < a.len; i++) difference |= (unsigned char)(a.ptr[i] ^ b.ptr[i]);
  return difference == 0;
}

char *str_dup(struct str s) {
  char *copy = malloc(s.len + 1);
  if (!copy) return NULL;
  if (s.len > 0) memcpy(copy, s.ptr, s.len);
  copy[s.len] = '\0';
  return copy;
}

bool str_copy(char *to, size_t size, struct str s) {
  size_t n = s.len < size ? s.len : size - 1;
  if (n > 0) memcpy(to, s.ptr, n);
  to[n] = '\0';
  return n == s.len;
}
