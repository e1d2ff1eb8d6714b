#include <elf.h>
#include <link.h>
#include <stdio.h>

#include "base/str.h"
#include "warden/proto.h"
#include "warden/warden.h"

#define BUILD_ID_BYTES_SHOWN 10

/* The linker's note of this program (the first object), in hexadecimal; its version when there is none. */
static bool note_to_text(const char *at, size_t size, char to[WARDEN_BUILD_BYTES]) {
  while (size >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) note;
    memcpy(&note, at, sizeof note);
    size_t name = (note.n_namesz + 3U) & ~3U, all = sizeof note + name + ((note.n_descsz + 3U) & ~3U);
    if (all > size) return false;
    if (note.n_type == NT_GNU_BUILD_ID && note.n_descsz >= BUILD_ID_BYTES_SHOWN) {
      const unsigned char *id = (const unsigned char *)at + sizeof note + name;
      for (int i = 0; i < BUILD_ID_BYTES_SHOWN; i++) (void)snprintf(to + 2 * i, 3, "%02x", id[i]);
      return true;
    }
    at += all;
    size -= all;
  }
  return false;
}

static int find_note(struct dl_phdr_info *info, size_t size, void *arg) {
  (void)size;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
    if (segment->p_type != PT_NOTE) continue;
    const char *at = (const char *)(info->dlpi_addr + segment->p_vaddr);
    if (note_to_text(at, segment->p_memsz, arg)) break;
  }
  return 1; /* the program itself only */
}

const char *warden_build(void) {
  static char build[WARDEN_BUILD_BYTES];
  if (!build[0]) {
    (void)str_copy(build, sizeof build, str_of(SERENO_VERSION));
    (void)dl_iterate_phdr(find_note, build);
  }
  return build;
}
