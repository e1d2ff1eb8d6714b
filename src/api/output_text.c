#include "api/output_text.h"

/* ---- errors ---- */

static bool is_letter(unsigned char c) { return (unsigned)((c | 0x20) - 'a') < 26 || c >= 0x80; }
static bool is_digit(unsigned char c) { return (unsigned)(c - '0') < 10; }

struct sign {
  struct str word;
  bool is_word; /* stands alone; else it may be a part, as in NullPointerException */
};
static const struct sign signs[] = {
    {STR("error"), false},   {STR("exception"), false}, {STR("excepci\xc3\xb3n"), false},
    {STR("fatal"), true},    {STR("fail"), true},       {STR("fails"), true},
    {STR("failed"), true},   {STR("failure"), true},    {STR("failures"), true},
    {STR("failing"), true},  {STR("fallo"), true},      {STR("fall\xc3\xb3"), true},
    {STR("fallido"), true},  {STR("fallida"), true},    {STR("panic"), true},
    {STR("panicked"), true}, {STR("traceback"), true},  {STR("critical"), true},
};
static const struct str denials[] = {STR("0"),   STR("no"),   STR("without"),
                                     STR("sin"), STR("zero"), STR("cero")};
static const struct str nothings[] = {STR("0"), STR("null"), STR("nil"), STR("false")};

static bool same_letters(struct str text, struct str small) {
  if (text.len < small.len) return false;
  for (size_t i = 0; i < small.len; i++) {
    unsigned char c = (unsigned char)text.ptr[i];
    if (c >= 'A' && c <= 'Z') c |= 0x20;
    if (c != (unsigned char)small.ptr[i]) return false;
  }
  return true;
}

/* The word before is one of denials: "0 errors", "no error". */
static bool is_denied(struct str line, size_t at) {
  if (at == 0 || line.ptr[at - 1] != ' ') return false;
  size_t end = at - 1, start = end;
  while (start > 0 &&
         (is_letter((unsigned char)line.ptr[start - 1]) || is_digit((unsigned char)line.ptr[start - 1])))
    start--;
  struct str word = {line.ptr + start, end - start};
  for (size_t i = 0; i < sizeof denials / sizeof *denials; i++)
    if (word.len == denials[i].len && same_letters(word, denials[i])) return true;
  return false;
}

#define ENDING_MAX 32 /* letters behind a sign, as in "errorCount": no word is longer */

/* "errors: 0", "error=null", "error":null */
static bool is_nothing(struct str rest) {
  size_t i = 0;
  while (i < rest.len && i < ENDING_MAX && is_letter((unsigned char)rest.ptr[i])) i++;
  if (i < rest.len && rest.ptr[i] == '"') i++;
  if (i == rest.len || (rest.ptr[i] != ':' && rest.ptr[i] != '=')) return false;
  i++;
  while (i < rest.len && rest.ptr[i] == ' ') i++;
  rest = str_from(rest, i);
  for (size_t n = 0; n < sizeof nothings / sizeof *nothings; n++) {
    if (!same_letters(rest, nothings[n])) continue;
    unsigned char next = rest.len > nothings[n].len ? (unsigned char)rest.ptr[nothings[n].len] : 0;
    if (!is_letter(next) && !is_digit(next) && next != '.') return true;
  }
  return false;
}

static bool is_sign_at(struct str line, size_t at, const struct sign *sign) {
  struct str rest = str_from(line, at);
  if (!same_letters(rest, sign->word)) return false;
  rest = str_from(rest, sign->word.len);
  if (sign->is_word && rest.len && is_letter((unsigned char)rest.ptr[0])) return false;
  return !is_denied(line, at) && !is_nothing(rest);
}

/* Outputs are long, and nearly all of their bytes are done with here: in which signs a letter is the first, the second
 * and the third, a bit a beginning. Each byte is looked up once, and no look-up waits for another. */
enum { ERR = 1, EXC = 2, FAT = 4, FAI = 8, FAL = 16, PAN = 32, TRA = 64, CRI = 128 };
#define LETTER(small, first, second, third)          \
  [small] = (first) | (second) << 8 | (third) << 16, \
  [(small) ^ 0x20] = (first) | (second) << 8 | (third) << 16
static const uint32_t places[256] = {
    LETTER('a', 0, FAT | FAI | FAL | PAN, TRA),
    LETTER('c', CRI, 0, EXC),
    LETTER('e', ERR | EXC, 0, 0),
    LETTER('f', FAT | FAI | FAL, 0, 0),
    LETTER('i', 0, 0, FAI | CRI),
    LETTER('l', 0, 0, FAL),
    LETTER('n', 0, 0, PAN),
    LETTER('p', PAN, 0, 0),
    LETTER('r', 0, ERR | TRA | CRI, ERR),
    LETTER('t', TRA, 0, FAT),
    LETTER('x', 0, EXC, 0),
};

static bool is_any_sign_at(struct str line, size_t at) {
  bool is_start = at == 0 || !is_letter((unsigned char)line.ptr[at - 1]);
  for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
    if ((is_start || !signs[i].is_word) && is_sign_at(line, at, &signs[i])) return true;
  return false;
}

bool output_looks_wrong(struct str line) {
  uint32_t before = 0, last = 0;
  for (size_t i = 0; i < line.len; i++) {
    uint32_t here = places[(unsigned char)line.ptr[i]];
    if ((before & last >> 8 & here >> 16) && is_any_sign_at(line, i - 2)) return true;
    before = last;
    last = here;
  }
  return false;
}

bool output_is_gap(struct str line) {
  line = str_trim(line);
  if (line.len == 0 || line.ptr[0] != '[') return false;
  bool is_spool = str_starts(line, STR("[... ")) && str_ends(line, STR(" ...]")) &&
                  str_find(line, STR(" bytes left out")) != SIZE_MAX;
  return is_spool || str_starts(line, STR("[\xe2\x80\xa6 the middle is left out"));
}

/* ---- search ---- */

/* Bytes of the terminal sequence at the front: CSI … final byte, OSC/DCS … BEL or ST, ESC and one more. */
static size_t sequence_at(struct str s) {
  if (s.len < 2) return s.len;
  size_t i = 2;
  if (s.ptr[1] == '[') {
    while (i < s.len && (unsigned char)s.ptr[i] >= 0x20 && (unsigned char)s.ptr[i] <= 0x3f) i++;
    return i < s.len ? i + 1 : i;
  }
  if (!memchr("]PX^_", s.ptr[1], 5)) return i;
  for (; i < s.len; i++) {
    if (s.ptr[i] == '\a') return i + 1;
    if (s.ptr[i] == '\x1b') return i + 1 < s.len && s.ptr[i + 1] == '\\' ? i + 2 : i;
  }
  return i;
}

/* Of the two-byte characters (U+0080 to U+07FF), which all stay two bytes long. */
static unsigned small_of(unsigned c) {
  if (c >= 0xc0 && c <= 0xde && c != 0xd7) return c + 0x20;
  if ((c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177)) return c | 1;
  if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e)) return c + (c & 1);
  if (c >= 0x391 && c <= 0x3a9 && c != 0x3a2) return c + 0x20;
  if (c >= 0x410 && c <= 0x42f) return c + 0x20;
  if (c >= 0x400 && c <= 0x40f) return c + 0x50;
  return c;
}

void output_fold(struct str line, struct buf *out) {
  char *to = buf_reserve(out, line.len);
  size_t n = 0;
  if (!to) return;
  for (size_t i = 0; i < line.len;) {
    unsigned char c = (unsigned char)line.ptr[i];
    unsigned char next = i + 1 < line.len ? (unsigned char)line.ptr[i + 1] : 0;
    if (c == 0x1b) {
      i += sequence_at(str_from(line, i));
    } else if (c >= 0xc2 && c <= 0xdf && (next & 0xc0) == 0x80) {
      unsigned small = small_of((unsigned)(c & 0x1f) << 6 | (next & 0x3f));
      to[n++] = (char)(0xc0 | small >> 6);
      to[n++] = (char)(0x80 | (small & 0x3f));
      i += 2;
    } else {
      to[n++] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
      i++;
    }
  }
  buf_used(out, n);
}
