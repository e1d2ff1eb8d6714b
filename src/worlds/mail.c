#include "worlds/mail.h"

#include "base/instant.h"

const char *const world_mail_kinds[] = {"", "archive", "mark", "deletion", "paused"};

/* In subjects and texts: {name}, {days} idle, {archive} and {deletion} dates. */
struct words {
  const char *subject, *text;
};
static const struct {
  struct words of[5];
  const char *hello, *keep, *answer, *sign;
} catalogue[2] = {
    {{{},
      {"Tu mundo «{name}» se archivará pronto",
       "Nadie ha estado en tu mundo «{name}» desde hace {days} días. El {archive} se archivará: no se pierde "
       "nada, y "
       "se reactiva solo en cuanto vuelvas a escribir en él."},
      {"Tu mundo «{name}» está marcado para su eliminación",
       "Nadie ha estado en tu mundo «{name}» desde hace {days} días. Si nadie vuelve, se eliminará el "
       "{deletion}. "
       "Antes se guarda una exportación."},
      {"Último aviso: tu mundo «{name}» se elimina el {deletion}",
       "Nadie ha estado en tu mundo «{name}» desde hace {days} días. Se eliminará el {deletion}. Antes se "
       "guarda una "
       "exportación."},
      {"Tu mundo «{name}» está en pausa",
       "Tu mundo «{name}» está en pausa porque lleva {days} días sin actividad. Se reactiva solo en cuanto "
       "vuelvas a "
       "escribir en él."}},
     "Hola:",
     "Para conservarlo, abre este enlace:",
     "También basta con enviar un mensaje en el mundo o marcarlo como favorito.",
     "Sereno"},
    {{{},
      {"Your world “{name}” will be archived soon",
       "Nobody has been in your world “{name}” for {days} days. On {archive} it will be archived: nothing is "
       "lost, and "
       "it wakes by itself as soon as you write in it again."},
      {"Your world “{name}” is marked for deletion",
       "Nobody has been in your world “{name}” for {days} days. If nobody comes back it will be deleted on "
       "{deletion}. "
       "An export is kept before that."},
      {"Last notice: your world “{name}” will be deleted on {deletion}",
       "Nobody has been in your world “{name}” for {days} days. It will be deleted on {deletion}. An export "
       "is kept "
       "before that."},
      {"Your world “{name}” is paused",
       "Your world “{name}” is paused, because nothing has happened in it for {days} days. It wakes by "
       "itself as soon "
       "as you write in it again."}},
     "Hello,",
     "To keep it, open this link:",
     "A message in the world, or marking it as a favourite, does as well.",
     "Sereno"},
};

static void add_date(struct buf *out, int64_t at_ms) {
  struct instant_text text = instant_to_text_seconds(at_ms);
  buf_addf(out, "%.10s %.5s UTC", text.text, text.text + 11);
}

static void add_word(struct buf *out, struct str word, const struct world_mail_facts *f) {
  if (str_eq(word, STR("name"))) buf_add_text(out, f->row->name ? f->row->name : f->row->id);
  else if (str_eq(word, STR("days"))) buf_add_int(out, f->idle_days);
  else if (str_eq(word, STR("archive"))) add_date(out, f->archive_ms);
  else add_date(out, f->deletion_ms);
}

static void fill_in(struct buf *out, const char *text, const struct world_mail_facts *f) {
  struct str rest = str_of(text);
  while (rest.len) {
    size_t open = str_find_char(rest, '{');
    if (open == SIZE_MAX) break;
    size_t end = str_find_char(rest, '}');
    ASSERT(end != SIZE_MAX && end > open);
    buf_add(out, rest.ptr, open);
    add_word(out, (struct str){rest.ptr + open + 1, end - open - 1}, f);
    rest = str_from(rest, end + 1);
  }
  buf_add_str(out, rest);
}

void world_mail_text(const struct world_mail_facts *f, struct buf *subject, struct buf *body) {
  bool is_english = f->row->locale && str_starts(str_of(f->row->locale), STR("en"));
  typeof(&catalogue[0]) c = &catalogue[is_english];
  fill_in(subject, c->of[f->kind].subject, f);
  buf_addf(body, "%s\n\n", c->hello);
  fill_in(body, c->of[f->kind].text, f);
  if (f->keep_url && f->kind != MAIL_PAUSED)
    buf_addf(body, "\n\n%s\n%s\n\n%s", c->keep, f->keep_url, c->answer);
  buf_addf(body, "\n\n%s\n", c->sign);
}
