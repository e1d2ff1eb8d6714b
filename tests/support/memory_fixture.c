#include "tests/support/memory_fixture.h"

#include "base/map.h"

struct story {
  const char *people[5], *places[4];
  const char *subjects[12], *verbs[12], *objects[16], *endings[10];
  const char *moments[10]; /* %s: another one of the people */
};

static const struct story stories[] = {
    [TEXT_ES] =
        {
            {"Ana", "Luis", "Marina", "Tomás", "Iria"},
            {"mercado", "puerto", "biblioteca", "molino"},
            {"El panadero", "La vecina", "El capitán", "Una viajera", "El relojero", "La maestra",
             "Un pescador", "La costurera", "El cartero", "La alcaldesa", "Un músico", "El jardinero"},
            {"trajo", "vendió", "buscaba", "pintó", "guardaba", "reparó", "olvidó", "compró", "enseñó",
             "prestó", "encargó", "midió"},
            {"una red nueva", "tres cestas de naranjas", "el mapa del valle", "un farol de cobre",
             "las llaves del almacén", "una carta sin sello", "dos sacos de harina", "el reloj de la torre",
             "un cuaderno de dibujos", "la barca vieja", "una silla de mimbre", "el violín de su abuelo",
             "un tarro de miel", "la campana rota", "una manta de lana", "el cajón de herramientas"},
            {"antes del mediodía.", "junto a la fuente.", "para la feria del domingo.", "sin decir palabra.",
             "camino de la costa.", "como cada jueves.", "cuando empezó la lluvia.",
             "por encargo del concejo.", "mientras hablábamos del tiempo.", "al final de la calle larga."},
            {"Tengo que decirte la verdad, %s: te mentí, la traición fue mía y me arrepiento.",
             "Por fin descubrí el secreto de %s: la profecía hablaba de su hijo perdido.",
             "Me reconcilié con %s, nos dimos un abrazo y lloré de alegría, te perdono.",
             "%s me amenazó con la espada y gritó de rabia; desde hoy es mi enemigo.",
             "Confieso que estoy enamorado de %s y tengo miedo de perder su amistad.",
             "Resulta que %s ocultaba su identidad: es la heredera del molino maldito.",
             "%s me salvó de la muerte en el puerto y prometo no olvidarlo jamás.",
             "La carta secreta revela que %s traicionó a la ciudad; siento dolor y furia.",
             "Reímos a carcajadas cuando %s tropezó con el alcalde: qué ridículo tan feliz.",
             "Perdóname, %s, fui yo quien incendió el barco; la culpa me hace sufrir."},
        },
    [TEXT_EN] =
        {
            {"Alice", "Robert", "Maud", "Edgar", "Ivy"},
            {"market", "harbour", "library", "mill"},
            {"The baker", "A neighbour", "The captain", "A traveller", "The clockmaker", "The teacher",
             "A fisherman", "The weaver", "The postman", "The mayor", "A musician", "The gardener"},
            {"brought", "sold", "looked for", "painted", "kept", "repaired", "forgot", "bought", "showed",
             "lent", "ordered", "measured"},
            {"a new net", "three baskets of oranges", "the map of the valley", "a copper lantern",
             "the keys of the warehouse", "a letter without a stamp", "two sacks of flour",
             "the clock of the tower", "a book of drawings", "the old boat", "a wicker chair",
             "the violin of her grandfather", "a jar of honey", "the broken bell", "a woollen blanket",
             "the box of tools"},
            {"before noon.", "beside the fountain.", "for the fair on Sunday.", "without a word.",
             "on the way to the coast.", "like every Thursday.", "when the rain began.", "for the council.",
             "while we talked of the weather.", "at the end of the long street."},
            {"I have to tell you the truth, %s: I lied, the betrayal was my fault and I regret it.",
             "At last I discovered the secret of %s: the prophecy spoke of a lost brother.",
             "I made peace with %s, we hugged and I cried with joy, I forgive you.",
             "%s threatened me with the sword and screamed in rage; from today we are enemies at war.",
             "I confess that I am in love with %s and afraid to lose our friendship.",
             "It turns out that %s was hiding a secret identity: the heir of the cursed mill.",
             "%s saved me from death in the harbour and I promise never to forget it.",
             "The hidden clue reveals that %s betrayed the town; I feel pain and anger.",
             "We laughed when %s stumbled over the mayor: what a silly and happy joke.",
             "Forgive me, %s, it was me who burned the ship; guilt makes me suffer."},
        },
};

bool story_is_moment(int64_t turn) { return turn % 97 == 50; }

struct memory_item story_item(enum text_language language, int64_t turn, struct arena *arena) {
  const struct story *s = &stories[language];
  uint64_t h = hash_int((uint64_t)turn * 2654435761u + 17);
  size_t who = h % 5, scene = (size_t)(turn < 0 ? 0 : turn) / 60,
         /* each has its own people and things */ other = (who + 1 + (h >> 8) % 4) % 5;
  struct memory_item item = {.turn = turn,
                             .at_ms = STORY_START_MS + turn * 60000 + (turn / 170) * 7200000,
                             .speaker = str_of(s->people[who]),
                             .place = str_of(s->places[scene % 4]),
                             .is_user = turn % 3 == 0};
  const char *text;
  if (story_is_moment(turn)) {
    size_t kind = (size_t)(turn / 97) % 10;
    char form[256];
    (void)str_copy(form, sizeof form, str_of(s->moments[kind]));
    char *hole = strstr(form, "%s");
    *hole = '\0';
    text = arena_printf(arena, "%s%s%s", form, s->people[other], hole + 2);
    item.data = STR("{\"event\":\"turning\",\"relationChange\":-1}");
    item.is_user = true;
  } else {
    text = arena_printf(arena, "%s %s %s %s", s->subjects[(scene * 3 + (h >> 16) % 3) % 12],
                        s->verbs[(scene + (h >> 24) % 6) % 12], s->objects[(scene * 5 + (h >> 32) % 5) % 16],
                        s->endings[(scene + (h >> 40) % 4) % 10]);
  }
  item.text = str_of(text);
  return item;
}
