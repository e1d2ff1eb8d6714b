/* `sereno next`: when a schedule fires. Needs no server. Exit codes: 0 ok, 2 usage. */
#pragma once

int cli_next(int argc, char **argv); /* argv[0] is the verb */
