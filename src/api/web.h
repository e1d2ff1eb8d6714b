/* The web UI as the server gives it away: pages (all of them index.html), hashed files, the components for other
 * people's pages; and the path below which a proxy shows all of it (http.base_path). */
#pragma once
#include "api/route.h"
#include "base/buf.h"

struct web;

/* base: "" or "/sereno" (web_base_check); borrowed, outlives it. */
enum err web_new(const char *base, struct web **ret);
void web_free(struct web *w); /* NULL-safe */
const char *web_base(const struct web *w);

/* NULL is fine. Refuses what is no "/a/b" of letters, digits, '-', '_', '.' and '~'. Pure. */
enum err web_base_check(const char *base, struct err_detail *detail);
/* The path without the base before it; a path that does not begin with it is left as it is, so that health checks
 * and proxies that strip it themselves work, too. Pure. */
struct str web_without_base(struct str path, struct str base);
/* "https://example.org/" and "/sereno" → "https://example.org/sereno"; with the base already there, as it is. */
void web_root_url(struct str public_url, struct str base, struct buf *out);

/* GET alone; not in the table of the API. NULL: the path is none of the UI's. */
const struct route *web_route_find(struct str path);
/* For a path that is nobody's: a browser that wants a page gets one that says so. NULL: it wants none, or the path
 * is the API's, whose errors are JSON. */
const struct route *web_route_lost(const struct http_request *req);

/* The best of "br", "gzip" and "" that Accept-Encoding takes. Pure. */
struct str web_encoding(struct str accept);
/* Does If-None-Match name this ETag? Pure. */
bool web_is_known(struct str if_none_match, struct str etag);
