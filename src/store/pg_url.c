#include "store/pg_url.h"

/* What a query of libpq's own may hold; the rest is somebody else's and is left out. */
static const char *const known[] = {"host",
                                    "hostaddr",
                                    "port",
                                    "dbname",
                                    "user",
                                    "password",
                                    "passfile",
                                    "sslmode",
                                    "sslcert",
                                    "sslkey",
                                    "sslpassword",
                                    "sslrootcert",
                                    "sslcrl",
                                    "sslcrldir",
                                    "sslsni",
                                    "ssl_min_protocol_version",
                                    "ssl_max_protocol_version",
                                    "options",
                                    "gssencmode",
                                    "krbsrvname",
                                    "gsslib",
                                    "channel_binding",
                                    "target_session_attrs",
                                    "keepalives",
                                    "keepalives_idle",
                                    "keepalives_interval",
                                    "keepalives_count",
                                    "tcp_user_timeout",
                                    "service",
                                    "requirepeer",
                                    "connect_timeout"};

static bool is_known(struct str name) {
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (str_eq(name, str_of(known[i]))) return true;
  return false;
}

static bool is_plain_name(struct str s) {
  for (size_t i = 0; i < s.len; i++) {
    char c = s.ptr[i];
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!is_letter && !(i > 0 && c >= '0' && c <= '9')) return false;
  }
  return s.len > 0;
}

static enum err add(struct pg_address *a, struct str piece, struct err_detail *detail) {
  size_t at = strlen(a->url);
  return str_copy(a->url + at, sizeof a->url - at, piece)
             ? ERR_OK
             : err_set(detail, ERR_INVALID, "url", 0, "the database's address is longer than %d bytes",
                       PG_URL_MAX - 1);
}

static enum err take_query(struct str query, struct pg_address *a, struct err_detail *detail) {
  struct str piece;
  bool is_first = true;
  while (str_split(&query, '&', &piece)) {
    size_t equals = str_find_char(piece, '=');
    struct str name = equals == SIZE_MAX ? piece : (struct str){piece.ptr, equals};
    struct str value = equals == SIZE_MAX ? STR("") : str_from(piece, equals + 1);
    if (str_eq(name, STR("schema"))) {
      if (!is_plain_name(value) || !str_copy(a->schema, sizeof a->schema, value))
        return err_set(detail, ERR_INVALID, "url", 0,
                       "the schema of the database's address may have letters, digits and _ only");
    }
    if (!is_known(name)) continue;
    TRY(add(a, is_first ? STR("?") : STR("&"), detail));
    TRY(add(a, piece, detail));
    is_first = false;
  }
  return ERR_OK;
}

enum err pg_address_from(struct str url, struct pg_address *ret, struct err_detail *detail) {
  struct pg_address a = {};
  url = str_trim(url);
  bool is_url = str_starts(url, STR("postgresql://")) || str_starts(url, STR("postgres://"));
  if (!is_url && (str_find_char(url, '=') == SIZE_MAX || str_find(url, STR("://")) != SIZE_MAX)) {
    (void)err_set(detail, ERR_INVALID, "url", 0, "this is no address of a PostgreSQL database");
    err_hint(detail, "write postgresql://user:password@host:5432/database");
    return ERR_INVALID;
  }
  size_t question = is_url ? str_find_char(url, '?') : SIZE_MAX;
  TRY(add(&a, question == SIZE_MAX ? url : (struct str){url.ptr, question}, detail));
  if (question != SIZE_MAX) TRY(take_query(str_from(url, question + 1), &a, detail));
  *ret = a;
  return ERR_OK;
}
