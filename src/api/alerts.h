/* Alerts: what needs a person now, each with when it began and who has taken notice (C-107). Found from what is known
 * by now: failures in a row, jobs that were disabled by them, worlds not saved, a proof that failed. Only what is
 * remembered (first seen, taken notice) is stored, while the alert lasts. */
#pragma once
#include "api/call.h"

struct alerts;
enum err alerts_new(struct alerts **ret);
void alerts_free(struct alerts *a); /* NULL-safe */

/* Something may have changed them: they are looked for anew when they are next asked for. */
void alerts_changed(struct api *api);
/* What the last proof of the whole ledger, or of the audit log's chain, has found; 0 = nothing. */
enum alerts_proof { ALERTS_LEDGER, ALERTS_CHAIN };
void alerts_note_proof(struct api *api, enum alerts_proof proof, int64_t found, int64_t now_ms);

/* Looks for them, if they are not fresh, and calls fn: at once, or after the store's answer. */
typedef void alerts_looked_fn(void *arg, enum err e, const struct err_detail *detail);
void alerts_look(struct api *api, alerts_looked_fn *fn, void *arg);
/* As they were found last: those nobody has taken notice of, and how many jobs there were; FIELD_NULL before. */
int64_t alerts_open(const struct alerts *a);
int64_t alerts_jobs(const struct alerts *a);

typedef void alerts_fn(struct call *c);
/* Looks for them, if they are not fresh, and calls fn; an error is answered. */
void alerts_find(struct call *c, alerts_fn *fn);
/* The array as it was found last. */
void alerts_write(const struct alerts *a, struct json_writer *w);

extern const struct shape alert_shape, alerts_answer_shape;
route_handler alerts_get, alert_ack, alert_unack;
