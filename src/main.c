#include <stdio.h>

int main(int argc, char **argv) {
  (void)argc, (void)argv;
  puts("sereno " SERENO_VERSION);
  return 0;
}
