/* Runs a fuzz target over its corpus without libFuzzer, so that old findings stay tests with any compiler. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "fuzz/fuzz.h"
#include "sys/os_file.h"

#define INPUT_MAX_BYTES (4 * 1024 * 1024)

static bool run_file(const char *folder, const char *name) {
  char path[4096];
  (void)snprintf(path, sizeof path, "%s/%s", folder, name);
  BUF_AUTO struct buf bytes = buf_new(INPUT_MAX_BYTES);
  struct err_detail detail;
  if (os_read_file(path, &bytes, &detail) != ERR_OK) {
    printf("not ok %s # %s\n", name, detail.message);
    return false;
  }
  /* An exact copy, so that the sanitizer sees a read past the end. */
  uint8_t *input = malloc(bytes.len ? bytes.len : 1);
  ASSERT(input);
  if (bytes.len) memcpy(input, bytes.ptr, bytes.len);
  printf("[ RUN      ] %s\n", name); /* names the input if it crashes */
  fflush(stdout);
  (void)LLVMFuzzerTestOneInput(input, bytes.len);
  free(input);
  return true;
}

int main(int argc, char **argv) {
  ASSERT(argc == 2);
  (void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
  DIR *folder = opendir(argv[1]);
  int inputs = 0, failed = 0;
  for (struct dirent *entry; folder && (entry = readdir(folder));) {
    if (entry->d_name[0] == '.') continue;
    inputs++;
    failed += !run_file(argv[1], entry->d_name);
  }
  if (folder) closedir(folder);
  if (!failed) printf("[       OK ] corpus\n%d inputs\n", inputs);
  return failed > 0;
}
