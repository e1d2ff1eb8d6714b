/* `sereno exec`: runs one built-in executor by hand, in this process, as the warden would in a child. */
#pragma once

/* `exec NAME [--params JSON] [--timeout SECONDS]`, or `exec --list`; argv[0] is "exec". Structured lines go
 * to descriptor 3 when it is open, else to stderr. Returns the executor's exit code; 2 for wrong
 * arguments. */
int exec_main(int argc, char **argv);
