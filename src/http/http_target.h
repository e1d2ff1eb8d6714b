/* Request targets and what is in them (RFC 9112 3.2, RFC 3986), read strictly: percent-encoding is
 * decoded exactly once, and what could be read in two ways is refused. Pure. */
#pragma once
#include "http/http.h"

struct http_target {
  struct str path;      /* as sent; "/" or "*" may be a constant only when the target says so */
  struct str query;     /* without '?'; empty when none */
  struct str authority; /* of absolute-form, else empty */
};

/* Origin-form, absolute-form (http or https, no user part) or, for OPTIONS only, "*". Fragments, bytes
 * outside printable ASCII and those RFC 3986 forbids are refused; in the query browsers' raw
 * []{}|^` pass. An absolute target without a path has an empty path, which decodes to "/". */
bool http_target_parse(struct str target, enum http_method method, struct http_target *ret);

/* host[:port]: a name or IPv4 of letters, digits, '-', '.', '_', or an IPv6 address in brackets; port 1–65535. */
bool http_authority_is_valid(struct str authority);

/* Writes the decoded path (at most raw.len + 1 bytes). Drops "." and empty segments (a slash at the
 * end stays); refuses "..", however encoded, an encoded '/' or '\', control characters, invalid UTF-8,
 * bad escapes. */
bool http_path_decode(struct str raw, char *to, size_t *ret_len);

/* Writes one decoded name or value of a query (at most raw.len bytes); '+' becomes a space. Refuses bad
 * escapes, NUL and invalid UTF-8. */
bool http_query_decode(struct str raw, char *to, size_t *ret_len);

/* Cuts the next name=value off *rest (as sent); false at the end. Empty pieces ("a&&b") are passed over.
 * *ret_value is empty with ptr != NULL when there is no '='. */
bool http_query_next(struct str *rest, struct str *ret_name, struct str *ret_value);
